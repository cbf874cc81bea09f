"""R23: backups that are taken under load are whole, and an instance that is restored from one sends nothing again.

Two GradeBenches, B with A as its upstream, and between them a passage that keeps what B asks. Reviewers edit and grade
on B while backups are taken; B goes on until everything has arrived at A, and is stopped. Then each backup is restored
into an instance of its own, which finds that A has what it still thinks is waiting.

The backups are those of docs/operations.md: `manage.py backup` on SQLite, and on PostgreSQL the pg_dump that the
command names, here within a snapshot in which the test counts as well, so that both see the same moment.
"""

import hashlib
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest
from django.apps import apps

from tests.e2e import steps
from tests.faults import driver
from tests.faults.driver import Crew
from tests.faults.marks import marks_in
from tests.faults.passage import Passage
from tests.instances import DATABASE_FILE, Instance, InstanceError, encryption_key
from tests.services import create_database, drop_database, postgres_programs

pytestmark = pytest.mark.e2e
# Keys and what they seal are the same on either database.
on_one_database = pytest.mark.sqlite

BACKUPS = 3
COMPLETIONS = 45
REVIEWERS = ("alice", "bob")
# The others are graded as they are: of those no edit tells that they have been to A.
EDIT_SHARE = 0.7
# Long enough that some edits and grades are always on their way.
UNDO_SECONDS = 3
CALM_SECONDS = 200.0
TABLES = sorted(model._meta.db_table for model in apps.get_models())
WAITING = "SELECT kind, count(*) FROM reviews_push WHERE state = 'waiting' GROUP BY kind"
UNDECIDED = "SELECT count(*) FROM reviews_push WHERE state IN ('waiting', 'sending', 'conflict', 'attention', 'absent')"
# The worst that may stand in a backup is a list that looks as if it had just been read; leases of the moment when it
# was taken have run out by the time that anybody restores it.
AS_RESTORED = """
from django.utils import timezone
now = timezone.now()
Upstream.objects.update(listed_at=now, pull_leased_until=None, push_leased_until=None)
Push.objects.filter(state="sending").update(leased_until=now)
"""
NO_KEY = "No key in GRADEBENCH_ENCRYPTION_KEYS"

Ask = Callable[[str], list[tuple[Any, ...]]]


class Contents(NamedTuple):
    """What a database holds: rows of every table, the hash of every document and of its bytes, and every push."""

    counts: dict[str, int]
    documents: dict[int, tuple[str, str]]
    pushes: dict[str, tuple[str, str]]
    marks: set[str]


@dataclass
class Backup:
    """A backup and what was known when it was taken."""

    file: Path
    contents: Contents
    acknowledged: set[str]
    posted: set[str]


@dataclass
class Stage:
    """The two instances, and who works on B."""

    shop: steps.Organization
    team: steps.Organization
    passage: Passage
    crew: Crew
    backups: list[Backup] = field(default_factory=list)


def contents(ask: Ask) -> Contents:
    """Everything that is compared, read from one database."""
    return Contents(
        counts={table: ask(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES},  # noqa: S608 - our own tables
        documents={
            pk: (said, hashlib.sha256(bytes(data)).hexdigest())
            for pk, said, data in ask("SELECT id, hash, data FROM reviews_document")
        },
        pushes={uid: (kind, state) for uid, kind, state in ask("SELECT uid, kind, state FROM reviews_push")},
        marks={
            mark
            for statement in ("SELECT changes_text FROM reviews_revision", "SELECT comment FROM reviews_feedback")
            for (text,) in ask(statement)
            for mark in marks_in(text)
        },
    )


# Taking ------------------------------------------------------------------------------------------------------------


@contextmanager
def at_work(crew: Crew, submits: int) -> Iterator[None]:
    """Reviewers work beside the test, to the end."""
    thread = threading.Thread(target=lambda: crew.work(submits=submits, seconds=120), name="crew")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def wait_for_both_kinds(stage: Stage, submits: int) -> None:
    """Until so many were acknowledged, and an edit and a grade are on their way."""

    def ready() -> bool:
        waiting = dict(driver.query(stage.team.instance, WAITING))
        acknowledged = sum(grade.acknowledged for grade in stage.crew.ledger.grades)
        return acknowledged >= submits and waiting.keys() == {"update", "feedback"}

    steps.wait_for("Edits and grades wait", ready)


def take(stage: Stage, file: Path) -> Backup:
    """Take a backup as the documentation says, while the reviewers go on."""
    ledger, b = stage.crew.ledger, stage.team.instance
    acknowledged = {row.mark for row in (*ledger.edits, *ledger.grades) if row.acknowledged}
    held = take_sqlite(b, file) if b.is_embedded else take_postgres(b, file)
    posted = {row.mark for row in (*ledger.edits, *ledger.grades)}
    return Backup(file, held, acknowledged, posted)


def take_sqlite(b: Instance, file: Path) -> Contents:
    assert b.manage("backup", str(file)).startswith(f"{file}: ")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
        return contents(lambda statement: list(copy.execute(statement)))


def take_postgres(b: Instance, file: Path) -> Contents:
    with pytest.raises(InstanceError) as told:
        b.manage("backup", str(file))
    named = re.search(r"pg_dump .*", str(told.value))
    assert named
    with psycopg.connect(b.env["DATABASE_URL"]) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        [(snapshot,)] = reader.execute("SELECT pg_export_snapshot()")
        shell(f"{named.group()} --snapshot={snapshot}", b)
        return contents(lambda statement: list(reader.execute(statement.encode())))


def shell(line: str, instance: Instance) -> None:
    """Run a line of the documentation, in the environment of an instance."""
    env = {**instance.env, "PATH": f"{postgres_programs()}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/sh", "-c", line], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


# Restoring ----------------------------------------------------------------------------------------------------------

Make = Callable[..., Instance]


def restore(make: Make, backup: Backup, key: str) -> Instance:
    """A new instance with this backup and this encryption key, and a SECRET_KEY of its own; it does not run yet."""
    secrets_of_its_own = {"SECRET_KEY": secrets.token_urlsafe(50), "GRADEBENCH_ENCRYPTION_KEYS": key}
    restored = make("restored", env={**secrets_of_its_own, "GRADEBENCH_UNDO_SECONDS": str(UNDO_SECONDS)}, start=False)
    # Gives it a database, for the backup to take the place of.
    restored.manage("check")
    if restored.is_embedded:
        for rest in restored.data_dir.glob(f"{DATABASE_FILE}*"):
            rest.unlink()
        shutil.copyfile(backup.file, restored.data_dir / DATABASE_FILE)
    else:
        server, name = os.environ["DATABASE_URL"], urlsplit(restored.env["DATABASE_URL"]).path.removeprefix("/")
        drop_database(server, name)
        create_database(server, name)
        shell(f'pg_restore --no-owner --exit-on-error --dbname="$DATABASE_URL" {backup.file}', restored)
    restored.manage("migrate", "--verbosity", "0")
    steps.ask_database(restored, AS_RESTORED)
    return restored


def held_by(instance: Instance) -> Contents:
    return contents(lambda statement: driver.query(instance, statement))


def at_a(shop: steps.Organization) -> dict[str, tuple[str, int, int]]:
    """Of each of A's completions: the document, and how many revisions and feedback it has."""
    said = steps.ask_database(
        shop.instance,
        "for row in Completion.objects.select_related('current').order_by('uid'):\n"
        "    print(row.uid, row.current.hash, row.revisions.count(), row.feedback.count())",
    )
    rows = (line.split() for line in said.splitlines())
    return {uid: (document, int(revisions), int(feedback)) for uid, document, revisions, feedback in rows}


def undecided(instance: Instance) -> int:
    return int(driver.query(instance, UNDECIDED)[0][0])


# The rehearsal ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """B worked, backups were taken, everything arrived at A, and B was stopped."""
    folder = tmp_path_factory.mktemp("backups")
    with Instance("a") as a, Instance("b", env={"GRADEBENCH_UNDO_SECONDS": str(UNDO_SECONDS)}) as b:
        shop, team = steps.create_organization(a, "shop"), steps.create_organization(b, "team")
        for name in REVIEWERS:
            steps.add_member(team, name)
        # She enters the token again in the admin.
        steps.ask_database(b, "User.objects.filter(username='alice').update(is_staff=True, is_superuser=True)")
        shop.create_feedback_task(steps.FEEDBACK_TASK)
        for number in range(COMPLETIONS):
            shop.create(steps.chat(f"Question {number}?", f"Answer {number}.", organization_id=shop.slug))
        with Passage(a.url) as passage:
            add_upstream(team, shop, passage)
            stage = Stage(shop, team, passage, Crew(b, REVIEWERS, seed=23, edit_share=EDIT_SHARE, pace=0.4))
            with at_work(stage.crew, COMPLETIONS):
                for number in range(BACKUPS):
                    wait_for_both_kinds(stage, (number + 1) * COMPLETIONS // (BACKUPS + 1))
                    stage.backups.append(take(stage, folder / f"backup-{number}"))
            driver.calm(b, seconds=CALM_SECONDS)
            b.stop()
            # Everything was reviewed, and all of it arrived, once.
            assert {(revisions, feedback) for _, revisions, feedback in at_a(shop).values()} == {(0, 1), (1, 1)}
            yield stage


def add_upstream(team: steps.Organization, shop: steps.Organization, passage: Passage) -> None:
    """The passage as the team's upstream, pulled until everything is here."""
    words = ("--organization", team.slug, "--url", passage.url, "--upstream-organization", shop.external_id)
    team.instance.carry_out("create_upstream", *words, "--pull-seconds", "1", "--token-stdin", input=f"{shop.token}\n")
    pulled = "SELECT count(*) FROM reviews_queueitem"
    steps.wait_for("They came", lambda: driver.query(team.instance, pulled) == [(COMPLETIONS,)])


@pytest.fixture
def stage(rehearsed: Stage) -> Stage:
    """After the rehearsal, with nothing in the passage's memory."""
    rehearsed.passage.seen.clear()
    return rehearsed


def key_of(instance: Instance) -> str:
    if "GRADEBENCH_ENCRYPTION_KEYS" in instance.env:
        return instance.env["GRADEBENCH_ENCRYPTION_KEYS"]
    return (instance.data_dir / "encryption.key").read_text()


def test_a_restored_instance_is_whole_and_sends_nothing_again(
    stage: Stage, instances: Make, record_property: Callable[[str, object], None]
) -> None:
    b, standing = stage.team.instance, at_a(stage.shop)
    at_the_end = held_by(b)
    waited = []
    for backup in stage.backups:
        assert_whole(backup, at_the_end)
        restored = restore(instances, backup, key_of(b))
        assert held_by(restored) == backup.contents
        waited.append(undecided(restored))

        restored.start()
        restored.wait_ready()
        driver.calm(restored, seconds=CALM_SECONDS)
        settle(restored)

        assert stage.passage.posts == []
        assert at_a(stage.shop) == standing
        assert undecided(restored) == 0
        # What the others reviewed meanwhile has left the queues.
        assert steps.Reviewer(restored, "alice").startable() == []
        restored.stop()
    record_property("backups", len(stage.backups))
    record_property("restored_waiting", waited)
    assert min(waited) > 0


def assert_whole(backup: Backup, at_the_end: Contents) -> None:
    """It has what was acknowledged before it began, nothing that nobody had posted, and no half of anything."""
    assert backup.acknowledged <= backup.contents.marks <= backup.posted
    assert backup.contents.documents.items() <= at_the_end.documents.items()
    assert backup.contents.pushes.keys() <= at_the_end.pushes.keys()
    counts = backup.contents.counts
    kinds = [kind for kind, _ in backup.contents.pushes.values()]
    assert counts["reviews_feedback"] == counts["reviews_feedbackcompletion"] == kinds.count("feedback")
    assert counts["reviews_revision"] == kinds.count("update")


def settle(instance: Instance) -> None:
    """Two complete pulls more: what would be sent again by them has been."""
    lists = "SELECT count(*) FROM reviews_pull WHERE state = 'complete'"
    before = driver.query(instance, lists)[0][0]
    steps.wait_for("Two more pulls", lambda: driver.query(instance, lists)[0][0] >= before + 2)


@on_one_database
def test_without_the_key_nothing_is_lost_and_a_new_token_resumes(stage: Stage, instances: Make) -> None:
    backup, standing = stage.backups[0], at_a(stage.shop)
    restored = restore(instances, backup, encryption_key())
    waiting = undecided(restored)
    restored.start()
    restored.wait_ready()
    said = "SELECT last_error FROM reviews_upstream"
    steps.wait_for("The upstream says why", lambda: NO_KEY in driver.query(restored, said)[0][0])
    alice = steps.Reviewer(restored, "alice")
    alice.get("/sync")
    assert NO_KEY in alice.page
    # It goes on failing, and nothing is given up for that.
    time.sleep(5)
    assert stage.passage.seen == []
    assert undecided(restored) == waiting > 0
    assert driver.waiting_for_a_person(restored) == 0

    enter_token(alice, stage.shop.token)
    driver.calm(restored, seconds=CALM_SECONDS)
    settle(restored)
    assert stage.passage.posts == []
    assert at_a(stage.shop) == standing
    assert undecided(restored) == 0
    assert driver.query(restored, said) == [("",)]


@on_one_database
def test_the_key_put_behind_the_other_resumes(stage: Stage, instances: Make) -> None:
    backup, standing = stage.backups[1], at_a(stage.shop)
    present, old = encryption_key(), key_of(stage.team.instance)
    restored = restore(instances, backup, present)
    waiting = undecided(restored)
    restored.start()
    restored.wait_ready()
    said = "SELECT last_error FROM reviews_upstream WHERE token_refused_at IS NOT NULL"
    steps.wait_for("The upstream says why", lambda: NO_KEY in str(driver.query(restored, said)))
    restored.stop()
    assert undecided(restored) == waiting > 0

    restored.env["GRADEBENCH_ENCRYPTION_KEYS"] = f"{present},{old}"
    assert restored.manage("rotate_encryption_key") == "1 sealed again, 0 were already.\n"
    restored.env["GRADEBENCH_ENCRYPTION_KEYS"] = present
    restored.start()
    restored.wait_ready()
    driver.calm(restored, seconds=CALM_SECONDS)
    settle(restored)
    assert stage.passage.posts == []
    assert at_a(stage.shop) == standing
    assert undecided(restored) == 0


def enter_token(person: steps.Reviewer, token: str) -> None:
    """In the admin, the URL as it is."""
    path = "/admin/reviews/upstream/1/change/"
    assert person.get(path) == 200
    form = person.forms["upstream_form"]
    fields = {name: value for name, value in form.fields.items() if not name.startswith("_")}
    assert person.post(path, {**fields, "enabled": "on", "token": token}) == 200
    assert "was changed successfully" in person.page


def test_what_changed_at_the_upstream_since_the_backup_is_not_overwritten(stage: Stage, instances: Make) -> None:
    """The last one: what stands at A is another text afterwards."""
    backup = stage.backups[-1]
    restored = restore(instances, backup, key_of(stage.team.instance))
    waiting = "SELECT uid FROM reviews_completion WHERE id IN (SELECT completion_id FROM reviews_push WHERE {})"
    [(uid,), *_] = driver.query(restored, waiting.format("state = 'waiting' AND kind = 'update'"))
    document = stage.shop.document(uid) or {}
    document["response"]["choices"][0]["message"]["content"] += " Said by somebody else."
    assert stage.shop.call("POST", f"/api/v1/completions/{uid}", json=document).status_code == 200
    standing = at_a(stage.shop)

    restored.start()
    restored.wait_ready()
    driver.calm(restored, seconds=CALM_SECONDS)
    settle(restored)

    assert stage.passage.posts == []
    assert at_a(stage.shop) == standing
    # Somebody has to decide about that one, and about no other.
    left = "SELECT kind, state FROM reviews_push WHERE state NOT IN ('delivered', 'superseded')"
    assert [state for kind, state in driver.query(restored, left) if kind == "update"] in (["conflict"], ["absent"])
    assert driver.query(restored, waiting.format("state IN ('conflict', 'absent')")) == [(uid,)]
