"""Backups of the embedded default: whole copies of the SQLite file, taken while others write."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path


class NotTaken(RuntimeError):
    """A backup that could not be made, and why; nothing is left of it."""


def take(database: Path, target: Path) -> int:
    """Copy a database file to `target`, as it is at one moment; the bytes of the copy. Writers go on meanwhile.

    The copy is one file, mode 0600, checked and on the disk before it has its name. Raises NotTaken, also when there
    is a file of that name.
    """
    if target.exists():
        raise NotTaken(f"{target} is there already, and is not overwritten.")
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            _copy(database, draft)
            _sync(draft)
            _name(draft, target)
        finally:
            for rest in (draft, draft.with_name(f"{draft.name}-journal")):
                rest.unlink(missing_ok=True)
        _sync(target.parent)
    except OSError as error:
        raise NotTaken(f"{target} was not written: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise NotTaken(f"{target} was not written: {error}.") from error
    return target.stat().st_size


def _copy(database: Path, draft: Path) -> None:
    source = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(source, uri=True)) as reader, closing(sqlite3.connect(draft)) as writer:
        # In one step: in several, each write of another process would make it begin anew, and under load never end.
        reader.backup(writer, pages=-1)
        # The copy says of itself that it has a write-ahead log beside it, like its original; a backup is one file.
        writer.execute("PRAGMA journal_mode=DELETE")
        found = _damage(writer)
    if found:
        raise sqlite3.DatabaseError(f"the database is damaged ({'; '.join(found)})")


def _damage(database: sqlite3.Connection) -> list[str]:
    """What SQLite's own check finds, at most five things; empty when all is well."""
    try:
        found = [str(row[0]) for row in database.execute("PRAGMA integrity_check(5)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def _name(draft: Path, target: Path) -> None:
    """Give the copy its name, which nobody may have taken meanwhile. Raises OSError."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:
        # The file system knows no second name for a file.
        draft.rename(target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
