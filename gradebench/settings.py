"""Settings, read from the environment; README.md lists every name. Without DATABASE_URL and REDIS_URL this is the
embedded default (SQLite, one process); with them the same code runs on PostgreSQL, Redis and any number of processes.
"""

import sys
import warnings
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE
from django.core.exceptions import ImproperlyConfigured

from gradebench import starting
from gradebench.keyfiles import keys_in, read_or_create

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def _given(name: str) -> str:
    """A secret from the environment, or from the file that the same name with _FILE names, which is how engines of
    containers and systemd hand them over; "" without either.
    """
    value: str = env.str(name, default="")
    path: str = env.str(f"{name}_FILE", default="")
    if not path:
        return value
    if value:
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set: leave one of them away.")
    try:
        value = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ImproperlyConfigured(
            f"{name}_FILE names {path}, which cannot be read ({why}): put the value there, or into {name} itself."
        ) from error
    if not value:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which is empty: put the value of {name} there.")
    return value


DATA_DIR = Path(env.str("GRADEBENCH_DATA_DIR", default=str(BASE_DIR / "var"))).absolute()
# No settings of Django's, which its page for failures would show.
database_url, redis_url = _given("DATABASE_URL"), _given("REDIS_URL")
EMBEDDED = not database_url
DEBUG = env.bool("DEBUG", default=False)


def _secret(name: str, file_name: str) -> str:
    """The secret that is given; the embedded default makes one of its own, production refuses to start."""
    value = _given(name)
    if value:
        return value
    if not EMBEDDED:
        raise ImproperlyConfigured(
            f"Set {name} or {name}_FILE: with DATABASE_URL set, GradeBench does not invent secrets."
        )
    return read_or_create(DATA_DIR / file_name)


def _between(name: str, default: int, *, least: int, most: int) -> int:
    """A number from the environment that GradeBench can keep to."""
    value: int = env.int(name, default=default)
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name} is {value:,}; it must be from {least:,} to {most:,}.")
    return value


def _networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and ranges from the environment, a comma list."""
    try:
        return tuple(ip_network(text.strip()) for text in env.list(name, default=[]) if text.strip())
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. Name addresses and ranges, such as 10.0.0.0/8.") from error


def _one_of(name: str, choices: tuple[str, ...]) -> str:
    """A word from the environment; the first of `choices` where there is none."""
    value: str = env.str(name, default="") or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is “{value}”; it must be one of: {', '.join(choices)}.")
    return value


SECRET_KEY = _secret("SECRET_KEY", "secret.key")
ENCRYPTION_KEYS: list[str] = keys_in(_secret("GRADEBENCH_ENCRYPTION_KEYS", "encryption.key"))
# The file that they were made in, when they were not given.
ENCRYPTION_KEY_FILE = None if _given("GRADEBENCH_ENCRYPTION_KEYS") else DATA_DIR / "encryption.key"
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if EMBEDDED else [])
if not EMBEDDED and (
    wrong := starting.refusals(
        starting.Given(
            secret_key=SECRET_KEY,
            encryption_keys=ENCRYPTION_KEYS,
            allowed_hosts=ALLOWED_HOSTS,
            database_url=database_url,
            redis_url=redis_url,
            debug=DEBUG,
        )
    )
):
    raise ImproperlyConfigured(" ".join(wrong))
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "rest_framework",
    "reviews",
]
MIDDLEWARE = [
    # Outermost, so that no answer is without: not those of files, refusals and failures either.
    "gradebench.headers.middleware",
    "csp.middleware.CSPMiddleware",
    "gradebench.access.AccessLog",
    # What the others read and write is under watch as well.
    "gradebench.outages.middleware",
    "django.middleware.security.SecurityMiddleware",
    # Above WhiteNoise, so that what stands uncollected is compressed as well. Compression beside a secret tells of the
    # secret by its length (BREACH); here the one secret on a page, the CSRF token, is masked anew in every answer,
    # each answer is padded at random, and the session cookie (SameSite) goes with no request another site makes a
    # browser send in number.
    "gradebench.compression.TextCompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "gradebench.signed_in.SignedIn",
    "allauth.account.middleware.AccountMiddleware",
    "gradebench.doors.SignInRequired",
    "reviews.web.presence.middleware",
    "reviews.web.required_factor.RequiredFactor",
    "reviews.web.zones.middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "reviews.web.tombstones.TextPurgedMiddleware",
]
ROOT_URLCONF = "gradebench.urls"
WSGI_APPLICATION = "gradebench.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gradebench.headers.csp_nonce",
                "reviews.web.banner.banner",
                "reviews.web.lead_menu.lead_menu",
            ],
            "libraries": {
                "found": "reviews.web.found_markup",
                "items": "reviews.web.items_markup",
                "kept": "reviews.web.kept",
                "moments": "reviews.web.moments",
                "scripts": "reviews.web.scripts",
            },
        },
    }
]

# Database --------------------------------------------------------------------------------------------------------
# How long a request waits for a database that is busy or gone before it says so.
DATABASE_SECONDS = env.float("GRADEBENCH_DATABASE_SECONDS", default=20.0)
SQLITE_OPTIONS: dict[str, Any] = {
    "timeout": DATABASE_SECONDS,
    # A transaction that reads first and writes later would fail at once when another writer came between; taking
    # the write lock at BEGIN makes it wait instead. So transactions are opened to write, never to read.
    "transaction_mode": "IMMEDIATE",
    # FULL: with NORMAL a power cut may lose the last commits, and a saved edit is a promise. What is given free is
    # written over, so that a purge finds no older copy of a text left in the file; Debian's SQLite does so anyway.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON",
}
if EMBEDDED:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    DATABASES: dict[str, dict[str, Any]] = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "gradebench.sqlite3",
            "OPTIONS": SQLITE_OPTIONS,
            "CONN_MAX_AGE": None,
            # A file, so that tests which use several threads meet the locks that production meets.
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    }
else:
    DATABASES = {"default": env.db_url_config(database_url)}
    # A connection that an outage left behind is found out and made anew before its next use.
    DATABASES["default"] |= {"ENGINE": "gradebench.postgresql", "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        # A host that vanished without a word is given up after 25 s, by workers and commands as well.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        # What gradebench.compiled asks is planned at its first time, not at its fifth.
        "prepare_threshold": 0,
        **DATABASES["default"].get("OPTIONS", {}),
    }
ATOMIC_REQUESTS = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People ----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "reviews.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "queues"
# Behind TLS the cookies are bound to it; the embedded default is plain HTTP on loopback and could not sign in.
HTTPS = env.bool("GRADEBENCH_HTTPS", default=not EMBEDDED)
# Twelve hours without a request; see reviews.web.presence.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_ENGINE = "gradebench.sessions"
# A browser takes a cookie of this prefix from this very host alone, over TLS: no neighbour under the same domain can
# plant one.
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_SSL_REDIRECT = HTTPS
# A redirect under /api would turn a client's POST into an empty GET, and log10py would report success; and whoever
# watches the process asks it directly.
SECURE_REDIRECT_EXEMPT = [r"^api/", r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        # No script stands in a page: the nonce says of each that the page itself asked for it.
        "script-src": ["'self'", NONCE],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        # Sounds of a document, given out by our own address.
        "media-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}

# Whose X-Forwarded-For counts.
TRUSTED_PROXIES = _networks("GRADEBENCH_TRUSTED_PROXIES")
# Of codes that were used, which may not be used again: every web process knows them, with no broker there. The table
# is made by reviews' migration 0005.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "gradebench_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

# Sign-in: django-allauth is the engine, the pages and their addresses are ours (reviews/web/engine.py) ---------------
ACCOUNT_ADAPTER = "reviews.web.engine.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
# It counts in the cache; we count in a table (reviews/workflow/throttling.py).
ACCOUNT_RATE_LIMITS = False
# For how long a second step may be thought about, and for how long a sign-in lets her change how she signs in.
ACCOUNT_LOGIN_TIMEOUT = 900
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_ADAPTER = "reviews.web.engine.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "GradeBench"
# A clock that is half a minute off is good enough.
MFA_TOTP_TOLERANCE = 1
MFA_RATE_LIMITS = False
# Who must have a second factor: site staff; they and the admins of organizations; everyone.
REQUIRE_SECOND_FACTOR = _one_of("GRADEBENCH_REQUIRE_SECOND_FACTOR", ("none", "staff", "admins", "everyone"))
SOCIALACCOUNT_ADAPTER = "reviews.web.engine.OpenIdAdapter"
OIDC_ISSUER = env.str("GRADEBENCH_OIDC_ISSUER", default="").rstrip("/")
OIDC_NAME = env.str("GRADEBENCH_OIDC_NAME", default="") or "OpenID Connect"


def _openid_connect() -> dict[str, Any]:
    """The one provider, where one is named."""
    if not OIDC_ISSUER:
        return {}
    names = ("GRADEBENCH_OIDC_CLIENT_ID", "GRADEBENCH_OIDC_CLIENT_SECRET")
    client_id, client_secret = env.str(names[0], default=""), _given(names[1])
    if not client_id or not client_secret:
        raise ImproperlyConfigured(f"Set {' and '.join(names)}: GRADEBENCH_OIDC_ISSUER is set.")
    app = {
        "provider_id": "oidc",
        "name": OIDC_NAME,
        "client_id": client_id,
        "secret": client_secret,
        "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"APPS": [app]}}


SOCIALACCOUNT_PROVIDERS = _openid_connect()

# Pages -----------------------------------------------------------------------------------------------------------
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
LANGUAGE_CODE = "en"
# Every text is marked, and English is the only language there is. A catalogue goes into locale/ and its language into
# this list, with LocaleMiddleware below SessionMiddleware; until then that would put Django's own texts into the
# language of the browser, among English ones.
USE_I18N = True
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("GRADEBENCH_STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
# After `collectstatic` the names carry a hash and may be cached for ever; without it (the embedded default) the
# files are served from where they stand.
COLLECTED = (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_USE_FINDERS = not COLLECTED
if not COLLECTED:
    warnings.filterwarnings("ignore", message="No directory at", module="django.core.handlers.base")
WHITENOISE_AUTOREFRESH = False
# No other site has a use for our files.
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if COLLECTED or "collectstatic" in sys.argv
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
}

# API -------------------------------------------------------------------------------------------------------------
# Five pictures of the four million characters that the clients send at most, and the rest of a request. A page of a
# list that is pulled may have 64 MiB, and one item must fit into it.
API_MAX_BODY_BYTES = _between("GRADEBENCH_API_MAX_BODY_BYTES", 20 * 1024 * 1024, least=1024, most=60 * 1024 * 1024)
# JSON is written by code that goes no deeper than 254 levels, ours around a document included.
API_MAX_DEPTH = _between("GRADEBENCH_API_MAX_DEPTH", 64, least=16, most=200)
# Of a bulk request, which is read line by line: its bytes, as they are sent and unpacked, and its lines.
API_BULK_MAX_BYTES = env.int("GRADEBENCH_API_BULK_MAX_BYTES", default=2 * 1024**3)
API_BULK_MAX_LINES = env.int("GRADEBENCH_API_BULK_MAX_LINES", default=1_000_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = API_MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
# Every view derives from reviews.api.http.View, which names its own parser, renderer, authentication and permission;
# one that forgot to would be closed.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

# Sync ------------------------------------------------------------------------------------------------------------
PULL_SECONDS = env.int("GRADEBENCH_PULL_SECONDS", default=60)
PUSH_SECONDS = env.int("GRADEBENCH_PUSH_SECONDS", default=1)
UNDO_SECONDS = env.int("GRADEBENCH_UNDO_SECONDS", default=5)
DRAFT_MAX_BYTES = env.int("GRADEBENCH_DRAFT_MAX_BYTES", default=1024 * 1024)
# How long the file of an export can be downloaded.
JOB_FILE_DAYS = _between("GRADEBENCH_JOB_FILE_DAYS", 7, least=1, most=3650)
OUTBOUND_ALLOW: list[str] = env.list("GRADEBENCH_OUTBOUND_ALLOW", default=[])
# Not the same list: the address of a picture is written by whoever writes a document, that of an upstream by an admin.
PICTURES_ALLOW: list[str] = env.list("GRADEBENCH_PICTURES_ALLOW", default=[])

CELERY_BROKER_URL = redis_url or "memory://localhost/"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For as long as it takes: whoever gives up has to be started by hand.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A message that is lost costs a second, until the next tick, so none is kept until it is acknowledged: a worker that
# lost the broker and has it back would acknowledge what it had before over a connection that is gone, and end of that.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"polling_interval": 0.1}
    if CELERY_BROKER_URL.startswith("memory:")
    else {"ack_emulation": False, "socket_timeout": 5, "socket_connect_timeout": 2}
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 270
CELERY_TIMEZONE = "UTC"
# What is due stands in the database, so beat needs no memory of its own, and several beats do no harm. The tick does
# not expire: a worker whose clock is ahead of beat's would find every one of them too old, and do nothing ever.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {"tick": {"task": "reviews.tasks.tick", "schedule": float(PUSH_SECONDS)}}

# Watching --------------------------------------------------------------------------------------------------------
# Whoever reads /metrics sends it as a bearer token. Without one only the machine itself may, in the embedded default.
METRICS_TOKEN = _given("GRADEBENCH_METRICS_TOKEN")
# JSON for what collects logs, lines for people.
LOG_FORMAT = _one_of("GRADEBENCH_LOG_FORMAT", ("line", "json") if EMBEDDED else ("json", "line"))
LOG_LEVEL = env.str("LOG_LEVEL", default="WARNING")
# A line for each request, push and pull, but not for whoever looks on at a terminal.
_TOLD = LOG_LEVEL if EMBEDDED and LOG_FORMAT == "line" else "INFO"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "gradebench.logs.LineFormatter", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "gradebench.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "loggers": {
        "gradebench.access": {"level": _TOLD},
        "reviews.log10": {"level": _TOLD},
        # Who asked for a picture of which address.
        "reviews.web.media": {"level": "INFO"},
        # Django's own handlers would write what they get past the formatter.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # They log the statements with all that they write, and the markdown that they read.
        "django.db.backends": {"level": "INFO"},
        "markdown_it": {"level": "INFO"},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
