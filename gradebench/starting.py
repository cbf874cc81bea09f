"""What GradeBench refuses to start with in production, where DATABASE_URL is set: each a sentence that names the
variable and says what to put there. The embedded default makes its own secrets and listens on loopback; it is asked for
nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# What `manage.py check --deploy` asks of a SECRET_KEY too.
SECRET_CHARACTERS, SECRET_VARIETY = 50, 10
KEY_CHARACTERS, KEY_VARIETY = 32, 10
# What stands in examples and templates, so that many have it.
KNOWN = ("django-insecure", "changeme", "change-me", "change_me", "secret_key", "secret-key", "example", "your-")
DATABASES = ("postgres://", "postgresql://", "pgsql://")
RANDOM_TEXT = 'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
RANDOM_KEY = 'python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'


@dataclass(frozen=True)
class Given:
    """What the environment says."""

    secret_key: str
    encryption_keys: Sequence[str]
    allowed_hosts: Sequence[str]
    database_url: str
    redis_url: str
    debug: bool


def refusals(given: Given) -> list[str]:
    """Why GradeBench does not start with these in production; empty where it does."""
    return list(_refusals(given))


def _refusals(given: Given) -> Iterator[str]:
    if _is_guessed(given.secret_key, SECRET_CHARACTERS, SECRET_VARIETY):
        yield (
            f"SECRET_KEY can be guessed: put at least {SECRET_CHARACTERS} random characters there, "
            f"such as {RANDOM_TEXT} prints."
        )
    if not given.encryption_keys or any(_is_guessed(key, KEY_CHARACTERS, KEY_VARIETY) for key in given.encryption_keys):
        yield (
            "GRADEBENCH_ENCRYPTION_KEYS has a key that can be guessed: put 32 random bytes as url-safe base64 there, "
            f"such as {RANDOM_KEY} prints."
        )
    if not given.allowed_hosts:
        yield "ALLOWED_HOSTS is empty: put the host names there that people and applications use, with commas."
    if "*" in given.allowed_hosts:
        yield "ALLOWED_HOSTS has a * in it, by which any host name would be believed: name the hosts that are used."
    if not given.database_url.startswith(DATABASES):
        yield "DATABASE_URL is none of PostgreSQL: put postgres://user:password@host:5432/name there, or leave it away."
    if not given.redis_url:
        yield "REDIS_URL is missing: put the address of the broker there, redis://host:6379/0; workers hear by it."
    if given.debug:
        yield "DEBUG is on, and would show settings and texts to whoever meets a failure: leave it away, or put off."


def _is_guessed(secret: str, characters: int, variety: int) -> bool:
    known = secret.lower().startswith(KNOWN)
    return known or len(secret) < characters or len(set(secret)) < variety
