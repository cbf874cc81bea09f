"""Fixtures that all tests share, and what keeps the two databases and the browser apart."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import override_settings
from playwright.sync_api import Browser, BrowserContext, Page
from whitenoise.middleware import WhiteNoiseMiddleware

from tests.browser import Contexts, Watch, running_chromium
from tests.instances import Instance

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_setup", "live_server"}
ON_POSTGRES = "DATABASE_URL" in os.environ


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to touch a database that this suite did not start."""
    if ON_POSTGRES and "GRADEBENCH_TEST_SERVICES" not in os.environ:
        raise pytest.UsageError(
            "DATABASE_URL is set, and not by `python -m tests.run`, which starts a PostgreSQL for the tests. Unset it."
        )


def pytest_report_header() -> str:
    """Say on what this run is."""
    database = "PostgreSQL and Valkey, without tests that use neither" if ON_POSTGRES else "SQLite, one process"
    return f"gradebench: {database}; external corpus: {os.environ.get('GRADEBENCH_TEST_DATA', 'not used')}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests measured (`record_property`), so that a run is also the record of its figures."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    measured = [report for report in reports if report.user_properties]
    if measured:
        terminalreporter.section("figures")
    for report in measured:
        figures = ", ".join(f"{name} {value}" for name, value in report.user_properties)
        terminalreporter.line(f"{report.nodeid}: {figures}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests of the other database to the other run, and refuse tests that want the browser and the database."""
    left_out = [item for item in items if _belongs_elsewhere(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if not ON_POSTGRES:
        # The half on PostgreSQL has them at its end: not both at a time start processes and browsers by the dozen.
        items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "chromium" not in fixtures:
            continue
        item.add_marker("browser")
        if fixtures & DATABASE_FIXTURES or item.get_closest_marker("django_db"):
            raise pytest.UsageError(f"{item.nodeid} asks for the browser and the database: drive an Instance instead.")


def _belongs_elsewhere(item: pytest.Item) -> bool:
    """Whether the other half alone runs it: it is marked so, or it has no database and no processes, and is the same
    on both.
    """
    if not ON_POSTGRES:
        return item.get_closest_marker("postgres") is not None
    if item.get_closest_marker("sqlite"):
        return True
    fixtures = set(getattr(item, "fixturenames", ()))
    has_database = fixtures & DATABASE_FIXTURES or item.get_closest_marker("django_db")
    has_processes = fixtures & {"instances", "chromium"} or item.get_closest_marker("e2e")
    return not (has_database or has_processes or item.get_closest_marker("postgres"))


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_listed_once() -> Iterator[None]:
    """Each test client makes the middleware anew, which looks at each of the files; they stay as they are."""
    listed: dict[str, object] = {}
    look = WhiteNoiseMiddleware.add_files_from_finders

    def add_files_from_finders(middleware: WhiteNoiseMiddleware) -> None:
        if not listed:
            look(middleware)
            listed.update(middleware.files)
        middleware.files.update(listed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_files_from_finders)
        yield


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_hashed_fast() -> Iterator[None]:
    """In this process; instances hash as GradeBench does, half a second of work each time."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session")
def corpus_folder() -> Path | None:
    """The folder of the external corpus, where GRADEBENCH_TEST_DATA names one."""
    named = os.environ.get("GRADEBENCH_TEST_DATA")
    return Path(named) if named else None


@pytest.fixture
def instances() -> Iterator[Callable[..., Instance]]:
    """Makes instances, ready, that end with the test: `instances("a", env={"GRADEBENCH_PULL_SECONDS": "1"})`."""
    made: list[Instance] = []

    def make(name: str = "gradebench", *, env: dict[str, str | None] | None = None, start: bool = True) -> Instance:
        instance = Instance(name, env=env)
        made.append(instance)
        if start:
            instance.start()
            instance.wait_ready()
        return instance

    yield make
    for instance in reversed(made):
        instance.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser. For a module, not the session: while it is there, this thread may not use the database."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def contexts(chromium: Browser) -> Iterator[Contexts]:
    """Makes further browsers of their own, `contexts.new(color_scheme="dark")`, watched like `page`."""
    made = Contexts(chromium)
    try:
        yield made
    finally:
        made.close()
    made.watch.check()


@pytest.fixture
def watch(contexts: Contexts) -> Watch:
    """What the pages of this test reported; `watch.allow(pattern)` names what is expected."""
    return contexts.watch


@pytest.fixture
def context(contexts: Contexts) -> BrowserContext:
    """A browser with cookies of its own."""
    return contexts.new()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page. The test fails on script errors, console errors, CSP violations and requests to other origins."""
    return context.new_page()
