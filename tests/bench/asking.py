"""Asking the admin's lists, for `tests/bench/admin_lists.py`, in a process whose settings name the database."""

import html
import itertools
import math
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client

from reviews.admin.site import site
from reviews.models import Completion, User
from tests.bench import million

FILTERS = re.compile(r'<nav id="changelist-filter".*?</nav>', re.DOTALL)
LINK = re.compile(r'href="(\?[^"]*)"')
HEAD = "| list | asked | p50, ms | p95, ms | slowest | work, p95 | statements |\n|---|---|---|---|---|---|---|"
PK_OF_SEARCHED = 10
# Milliseconds; what is that slow need not be asked thirty times.
PATIENCE = 3_000


@dataclass(frozen=True)
class Figures:
    """What one question took, in milliseconds, how much of that this process worked (95th percentile as well), and its
    statements.
    """

    question: str
    median: float
    p95: float
    worked: float
    statements: int


def prepare(completions: int) -> str:
    """Migrate and fill what is empty; a sentence that says what there is."""
    began = time.perf_counter()
    call_command("migrate", verbosity=0)
    if not Completion.objects.exists():
        million.fill(completions)
        User.objects.create_superuser("site")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # What its autovacuum does within a minute or two.
            cursor.execute("VACUUM ANALYZE")
    found = Completion.objects.order_by("-pk").values_list("pk", flat=True).first()
    return f"{connection.vendor}: {found:,} completions, ready after {time.perf_counter() - began:.0f} s"


def visitors() -> Iterator[tuple[str, Client]]:
    """Who asks: site staff, and the admins of both organizations where the door is open to them."""
    for username in ("site", "admin-of-large", "admin-of-small"):
        client = Client()
        client.force_login(User.objects.get(username=username))
        if client.get("/admin/").status_code == 200:
            yield username, client


def lists(client: Client, wanted: str) -> Iterator[tuple[str, str]]:
    """The front page and every list that she may see, by name and path."""
    yield "front page", "/admin/"
    for model in site._registry:
        name = model._meta.model_name or ""
        path = f"/admin/reviews/{name}/"
        if wanted in name and client.get(path).status_code == 200:
            yield name, path


def questions(client: Client, path: str) -> Iterator[str]:
    """What is asked of a list: pages, each value of each filter, and searches."""
    yield path
    page = client.get(path).content.decode()
    if '<a href="?p=2">' in page:
        yield f"{path}?p=10"
    for filters in FILTERS.findall(page):
        yield from (path + html.unescape(link) for link in LINK.findall(filters) if link != "?")
    if 'id="searchbar"' in page:
        yield f"{path}?q={million.uid(PK_OF_SEARCHED)}"
        yield f"{path}?q=nowhere"


def measure(client: Client, question: str, times: int) -> Figures:
    """Ask so often, and once more for the statements."""
    statements = itertools.count()

    def counted(execute: Callable[..., Any], *given: Any) -> Any:
        next(statements)
        return execute(*given)

    with connection.execute_wrapper(counted):
        assert client.get(question, follow=True).status_code == 200, question
    taken: list[float] = []
    worked: list[float] = []
    for _ in range(times):
        if sum(taken) > PATIENCE:
            break
        began, idle = time.perf_counter(), time.thread_time()
        client.get(question)
        taken.append((time.perf_counter() - began) * 1000)
        worked.append((time.thread_time() - idle) * 1000)
    return Figures(question, statistics.median(taken), _p95(taken), _p95(worked), next(statements))


def line(name: str, path: str, measured: list[Figures]) -> str:
    """A row of the table."""
    slowest = max(measured, key=lambda figures: figures.p95)
    medians = statistics.median(figures.median for figures in measured)
    most = max(figures.statements for figures in measured)
    worked = max(figures.worked for figures in measured)
    what = slowest.question.removeprefix(path) or "first page"
    return f"| {name} | {len(measured)} | {medians:.0f} | {slowest.p95:.0f} | `{what}` | {worked:.0f} | {most} |"


def _p95(figures: list[float]) -> float:
    return sorted(figures)[math.ceil(len(figures) * 0.95) - 1]
