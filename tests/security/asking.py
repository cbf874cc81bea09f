"""One request, whose effects are taken back; and every address that there is."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

Answer = Any


@contextmanager
def taken_back() -> Iterator[None]:
    """Nothing that is written inside stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(
    client: Client, method: str, path: str, data: Any = None, *, look: Callable[[], None] | None = None, **more: Any
) -> Answer:
    """The answer to a request that leaves the database and the client as they were. A failure of ours is raised.

    `look` is called where something was written, before that is taken back.
    """
    cookies = dict(client.cookies)
    with taken_back(), writes() as written:
        if isinstance(data, bytes):
            more.setdefault("content_type", "application/json")
        answer: Answer
        match method:
            case "GET":
                answer = client.get(path, data, **more)
            case "POST":
                answer = client.post(path, data, **more)
            case _:
                answer = client.generic(method, path, data or b"", **more)
        if answer.streaming:
            answer.whole = b"".join(answer.streaming_content)
        if look is not None and written:
            look()
    client.cookies.clear()
    client.cookies.update(cookies)
    return answer


_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|TRUNCATE|ALTER|CREATE|DROP)\b", re.IGNORECASE)
# A session, and when something was last used.
_HARMLESS = re.compile(
    r'[^"]*"django_session"|UPDATE "reviews_(apitoken" SET "last_used_at"|user" SET "last_login") = [^,]* WHERE'
)


@contextmanager
def writes() -> Iterator[list[str]]:
    """What is written inside, as SQL; not what is noted of whoever looks at anything."""
    found: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if _WRITES.match(sql) and not _HARMLESS.match(sql):
            found.append(sql[:300])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield found


# The token of a form, the nonce of a script, the id of a request, moments, and the fingerprint of what is shown, which
# is compared.
_NEVER_THE_SAME = re.compile(
    r'(?<=name="csrfmiddlewaretoken" value=")[^"]*|(?<=nonce=")[^"]*|(?<=nonce-)[\w+/=]+'
    r"|(?<='X-Request-ID': ')\w+"
    r"|\d{4}-\d\d-\d\d[T ][\d:.]+|\d{8}T\d{6}Z|[0-9a-f]{12}(-[0-9a-f]{12}){3}"
)


def plain(said: str | bytes) -> str:
    """What is said, without what is another one each time."""
    return _NEVER_THE_SAME.sub("", said.decode(errors="replace") if isinstance(said, bytes) else said)


@dataclass(frozen=True)
class Route:
    """One pattern of the URL conf. One without a name is known by its pattern."""

    name: str
    pattern: str
    parameters: tuple[str, ...]


def routes() -> list[Route]:
    """Every one: pages, API, admin and what else was included."""
    return list(_routes(get_resolver().url_patterns, "", ""))


def _routes(patterns: list[Any], namespace: str, before: str) -> Iterator[Route]:
    for found in patterns:
        pattern = f"{before}{found.pattern}"
        if isinstance(found, URLResolver):
            inner = f"{namespace}{found.namespace}:" if found.namespace else namespace
            yield from _routes(found.url_patterns, inner, pattern)
        else:
            assert isinstance(found, URLPattern)
            name = f"{namespace}{found.name}" if found.name else pattern
            yield Route(name, pattern, tuple(found.pattern.regex.groupindex))
