"""Whether a database is whole after a kill: no half of a transaction, and all that was acknowledged.

Asked in SQL beside the processes of an instance, or on a copy of the file that a killed one left: the copy is opened as
the next start would open it, and the file itself is left to that start.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.marks import marks_in
from tests.instances import Instance

Ask = Callable[[str], list[tuple[Any, ...]]]

# Each counts what must not be there. One statement sees one moment, so they hold beside running processes as well.
HALVES = {
    "submitted assignments without their feedback": """
        SELECT count(*) FROM reviews_assignment AS it WHERE it.state = 'done'
        AND NOT EXISTS (SELECT 1 FROM reviews_feedback AS f WHERE f.assignment_id = it.id)""",
    "feedback of assignments that were not submitted": """
        SELECT count(*) FROM reviews_feedback AS it
        JOIN reviews_assignment AS a ON a.id = it.assignment_id WHERE a.state <> 'done'""",
    "feedback that speaks of no completion": """
        SELECT count(*) FROM reviews_feedback AS it
        WHERE NOT EXISTS (SELECT 1 FROM reviews_feedbackcompletion AS m WHERE m.feedback_id = it.id)""",
    "feedback without its push": """
        SELECT count(*) FROM reviews_feedbackcompletion AS it
        JOIN reviews_completion AS c ON c.id = it.completion_id WHERE c.upstream_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM reviews_push AS p
                        WHERE p.feedback_id = it.feedback_id AND p.completion_id = it.completion_id)""",
    "feedback without its audit event": """
        SELECT count(*) FROM reviews_feedback AS it WHERE NOT EXISTS (
            SELECT 1 FROM reviews_auditevent AS e
            WHERE e.action = 'feedback.create' AND e.target_id = CAST(it.id AS varchar(20)))""",
    "edits without their push": """
        SELECT count(*) FROM reviews_revision AS it
        JOIN reviews_completion AS c ON c.id = it.completion_id
        WHERE c.upstream_id IS NOT NULL AND it.origin IN ('edit', 'api')
        AND NOT EXISTS (SELECT 1 FROM reviews_push AS p WHERE p.revision_id = it.id)""",
    "completions that do not stand at their newest revision": """
        SELECT count(*) FROM reviews_completion AS it
        JOIN reviews_revision AS r ON r.completion_id = it.id AND r.result_id <> it.current_id
        WHERE r.number = (SELECT max(number) FROM reviews_revision AS n WHERE n.completion_id = it.id)""",
    "queue items that count their reviews wrongly": """
        SELECT count(*) FROM reviews_queueitem AS it WHERE it.reviews_done <> (
            SELECT count(*) FROM reviews_assignment AS a
            WHERE a.item_id = it.id AND a.state = 'done' AND a.requeued_at IS NULL)""",
    "queue items that count their places wrongly": """
        SELECT count(*) FROM reviews_queueitem AS it WHERE it.places_taken <> (
            SELECT count(*) FROM reviews_assignment AS a
            WHERE a.item_id = it.id AND a.state IN ('held', 'done') AND a.requeued_at IS NULL)""",
    "claims that are not in the ledger": """
        SELECT count(*) FROM reviews_assignment AS it
        WHERE NOT EXISTS (SELECT 1 FROM reviews_claimevent AS e WHERE e.assignment_id = it.id)""",
}
EDITS = "SELECT changes_text FROM reviews_revision WHERE origin = 'edit'"
GRADES = "SELECT comment FROM reviews_feedback"


def faults(instance: Instance, acknowledged: Collection[str]) -> list[str]:
    """What is wrong with the database of a running instance; `acknowledged` are marks that must be in it."""
    if instance.is_embedded:
        with closing(sqlite3.connect(f"file:{instance.database_file}?mode=ro", uri=True, timeout=20)) as file:
            return _faults_of(file, acknowledged)
    with psycopg.connect(instance.env["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        return _faults(lambda statement: list(connection.execute(statement.encode())), acknowledged)


def faults_of_file(instance: Instance, acknowledged: Collection[str]) -> list[str]:
    """What is wrong with the SQLite file that a killed instance left, the log of unfinished writes beside it."""
    with tempfile.TemporaryDirectory(prefix="gradebench-left-") as folder:
        left = instance.database_file
        for path in left.parent.glob(f"{left.name}*"):
            # Without the index of the log, which is made anew when nobody has the file open.
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with closing(sqlite3.connect(Path(folder) / left.name)) as file:
            return _faults_of(file, acknowledged)


def _faults_of(file: sqlite3.Connection, acknowledged: Collection[str]) -> list[str]:
    found = [f"integrity_check: {row[0]}" for row in file.execute("PRAGMA integrity_check") if row[0] != "ok"]
    found += [f"foreign_key_check: {row}" for row in file.execute("PRAGMA foreign_key_check")]
    return found + _faults(lambda statement: list(file.execute(statement)), acknowledged)


def _faults(ask: Ask, acknowledged: Collection[str]) -> list[str]:
    counts = {what: int(ask(statement)[0][0]) for what, statement in HALVES.items()}
    found = [f"{count} {what}" for what, count in counts.items() if count]
    there = {mark for statement in (EDITS, GRADES) for (text,) in ask(statement) for mark in marks_in(text)}
    return found + [f"acknowledged and not there: {mark}" for mark in sorted(set(acknowledged) - there)]
