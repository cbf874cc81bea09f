"""How many statements a page takes, asked in a process of an instance without a server between."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e import steps
from tests.instances import Instance

MOST = 15
SHOWN = 160


@dataclass
class Page:
    """A page: its statements, how long they took together, and the slowest, in milliseconds."""

    what: str
    statements: int = 0
    milliseconds: float = 0.0
    slowest: float = 0.0
    slowest_words: str = ""

    def __str__(self) -> str:
        slowest = f"{self.slowest:.1f} ms: {self.slowest_words}"
        return f"- {self.what}: {self.statements} statements in {self.milliseconds:.0f} ms, the slowest {slowest}"


def ask(instance: Instance, username: str) -> list[Page]:
    """What a reviewer's pages take in an instance: each is asked twice, and the second time counts."""
    said = f"from tests.bench.load import statements\nstatements.show({username!r})"
    return [Page(**row) for row in json.loads(steps.ask_database(instance, said).splitlines()[-1])]


def show(username: str) -> None:
    """Print them as JSON; called in a process that has Django set up."""
    from django.test import Client  # noqa: PLC0415 - nothing of Django where it is not set up

    from reviews.models import User  # noqa: PLC0415

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.get(username=username))
    pages = [_second("queue page", lambda: client.get("/"))]
    form = steps.Forms(client.get("/").content.decode()).forms
    start = next(path for path in form if path.endswith("/start"))
    where = client.post(start)["Location"]
    pages.append(_second("start", lambda: client.post(start)))
    pages.append(_second("review page", lambda: client.get(where)))
    pages.append(_second("fetch ahead", lambda: client.post(start.replace("/start", "/prefetch"))))
    page = steps.Forms(client.get(where).content.decode()).forms["grade"]
    values = {**page.fields, **{name: given[0] for name, given in page.choices.items()}}
    with _counted("submit") as submit:
        assert client.post(page.action, values).status_code == 303
    sys.stdout.write(json.dumps([vars(row) for row in (*pages, submit)]) + "\n")


def _second(what: str, request: Callable[[], object]) -> Page:
    request()
    with _counted(what) as page:
        request()
    return page


@contextmanager
def _counted(what: str) -> Iterator[Page]:
    from django.db import connection  # noqa: PLC0415

    page = Page(what)

    def counted(execute: Callable[..., Any], sql: str, *given: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, *given)
        finally:
            took = (time.perf_counter() - began) * 1000
            page.statements += 1
            page.milliseconds += took
            if took > page.slowest:
                page.slowest, page.slowest_words = took, sql[:SHOWN]

    with connection.execute_wrapper(counted):
        yield page
