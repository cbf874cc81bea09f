"""Backups of the embedded default: whole, checked, never over another file, and taken while others write."""

import io
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from reviews.models import Organization
from reviews.workflow import backups
from reviews.workflow.backups import NotTaken
from tests import factories
from tests.instances import ROOT

pytestmark = pytest.mark.sqlite
ROWS = 2_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database like ours: a write-ahead log, and pairs of rows that are only ever written together."""
    path = tmp_path / "live" / "gradebench.sqlite3"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE pair (number INTEGER, half TEXT, filling TEXT)")
        for number in range(ROWS):
            write_pair(made, number)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the backup goes: a folder with nothing else."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "gradebench of monday.sqlite3"


def write_pair(database: sqlite3.Connection, number: int) -> None:
    for half in ("left", "right"):
        database.execute("INSERT INTO pair VALUES (?, ?, ?)", (number, half, "x" * 500))
    database.commit()


def ask(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as opened:
        return opened.execute(statement).fetchall()


@contextmanager
def written_meanwhile(path: Path) -> Iterator[list[int]]:
    """Pairs that another thread writes as fast as it can; their numbers, as they are committed."""
    committed: list[int] = []
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=20)) as database:
            for number in range(ROWS, 1_000_000):
                if stop.is_set():
                    return
                write_pair(database, number)
                committed.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while not committed:
            stop.wait(0.01)
        yield committed
    finally:
        stop.set()
        thread.join(30)


def test_it_copies_everything_into_one_file(database: Path, target: Path) -> None:
    assert backups.take(database, target) == target.stat().st_size
    assert ask(target, "SELECT count(*), count(DISTINCT number) FROM pair") == [(2 * ROWS, ROWS)]
    assert list(target.parent.iterdir()) == [target]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    # Whoever opens it by itself finds all of it: it needs no log beside it.
    assert ask(target, "PRAGMA journal_mode") == [("delete",)]


def test_it_copies_one_moment_while_others_write(database: Path, target: Path) -> None:
    with written_meanwhile(database) as committed:
        for number in range(5):
            copy = target.with_name(f"{number}.sqlite3")
            before = len(committed)
            backups.take(database, copy)
            after = len(committed) + 1
            [(pairs, halves)] = ask(copy, "SELECT count(DISTINCT number), count(*) FROM pair")
            assert halves == 2 * int(str(pairs))
            assert ROWS + before <= int(str(pairs)) <= ROWS + after
    assert ask(database, "SELECT count(*) FROM pair") == [(2 * (ROWS + len(committed)),)]


def test_it_copies_what_a_killed_process_left_in_the_log(database: Path, target: Path) -> None:
    """Copying the file by itself would miss it."""
    with closing(sqlite3.connect(database)) as writer:
        write_pair(writer, ROWS)
        for name in (database.name, f"{database.name}-wal"):
            shutil.copy(database.with_name(name), target.with_name(name))
    backups.take(target.with_name(database.name), target)
    assert ask(target, "SELECT count(*), max(number) FROM pair") == [(2 * ROWS + 2, ROWS)]


def test_it_does_not_overwrite(database: Path, target: Path) -> None:
    target.write_text("kept")
    with pytest.raises(NotTaken, match="is there already, and is not overwritten"):
        backups.take(database, target)
    assert target.read_text() == "kept"


def test_it_does_not_overwrite_what_came_meanwhile(
    database: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        target.write_text("another's")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(NotTaken, match="File exists"):
        backups.take(database, target)
    assert target.read_text() == "another's"
    assert list(target.parent.iterdir()) == [target]


def test_it_can_do_without_hard_links(database: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    backups.take(database, target)
    assert ask(target, "SELECT count(*) FROM pair") == [(2 * ROWS,)]
    assert list(target.parent.iterdir()) == [target]


def test_it_refuses_a_damaged_database(database: Path, target: Path) -> None:
    ask(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 4096 * 3)
    with pytest.raises(NotTaken, match="the database is damaged"):
        backups.take(database, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere/x.sqlite3", "file/x.sqlite3"])
def test_it_says_why_it_cannot_write(database: Path, target: Path, name: str) -> None:
    (target.parent / "file").touch()
    with pytest.raises(NotTaken, match="was not written"):
        backups.take(database, target.parent / name)


def test_it_makes_no_database_where_there_is_none(target: Path) -> None:
    with pytest.raises(NotTaken, match="unable to open database file"):
        backups.take(target.parent / "nothing.sqlite3", target)
    assert list(target.parent.iterdir()) == []


def prlimit(*limits: str) -> list[str]:
    """The words before a command that limit what it may use."""
    program = shutil.which("prlimit")
    assert program, "The tests need prlimit, of the Debian package util-linux."
    return [program, *limits]


def test_it_leaves_nothing_on_a_full_disk(database: Path, target: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from reviews.workflow import backups; "
        "backups.take(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [*prlimit("--fsize=200000"), sys.executable, "-c", script, str(database), str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "NotTaken" in done.stderr
    assert list(target.parent.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_the_command_says_how_large_it_is_and_what_else_to_keep(target: Path) -> None:
    factories.organization("acme")
    printed = io.StringIO()
    call_command("backup", str(target), stdout=printed)
    said = printed.getvalue()
    assert said.startswith(f"{target}: {target.stat().st_size:,} bytes, checked.\nKeep ")
    assert "encryption.key as well, in another place" in said
    table = Organization._meta.db_table
    assert ask(target, f"SELECT slug FROM {table}") == [("acme",)]  # noqa: S608 - the table's own name
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", str(target))
    assert connection.vendor == "sqlite"
