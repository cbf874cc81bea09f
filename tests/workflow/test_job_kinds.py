"""What jobs do: exports, what is done with all that match, rerouting, imports, and what a purge does to their files."""

import csv
import gzip
import io
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from reviews.models import (
    AuditEvent,
    Completion,
    FeedbackTask,
    Job,
    JobKind,
    JobPart,
    JobRefusal,
    Organization,
    QueueItem,
    User,
)
from reviews.workflow import clock, documents, exports, job_files, jobs, purging, queues, uploads
from reviews.workflow.audit import SYSTEM, Actor
from tests import factories, jobs_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return factories.organization()


@pytest.fixture
def lead(organization: Organization) -> User:
    return factories.member(organization, role="lead").user


@pytest.fixture
def _steps_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "small", lambda *_: 2)
    monkeypatch.setattr(exports, "ROWS", 2)


def exported(organization: Organization, form: str = "jsonl", query: str = "") -> bytes:
    job = jobs_run.to_the_end(jobs_run.asked(organization, JobKind.EXPORT, query=query, format=form))
    assert (job.state, job.error, job.done) == ("done", "", job.total)
    assert gzip.decompress(b"".join(job_files.contents(job, packed=True))) == b"".join(
        job_files.contents(job, packed=False)
    )
    return b"".join(job_files.contents(job, packed=False))


def imported(organization: Organization, lead: User, data: bytes, form: str = "auto") -> Job:
    job = uploads.take_in(organization, io.BytesIO(data), "a.jsonl", form, actor=Actor(user=lead))
    return jobs_run.to_the_end(job)


# Export ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_steps_of_two")
def test_an_export_has_document_grades_edits_and_provenance() -> None:
    feedback_task = factories.feedback_task(factories.organization(), name="Tone")
    organization = feedback_task.organization
    upstream = factories.upstream(organization)
    made = factories.completion(organization, uid="pulled", upstream=upstream, answer="It is 42.")
    for number in range(4):
        factories.completion(organization, uid=f"other-{number}", tags=["b"])
    claimed = factories.assignment(feedback_task)
    factories.submit(claimed, answer="It is 43.", score=2)
    read = [orjson.loads(line) for line in exported(organization).splitlines()]
    assert [one["id"] for one in read] == ["pulled", *(f"other-{number}" for number in range(4))]
    first, received, current = read[0], factories.document(answer="It is 42."), factories.document(answer="It is 43.")
    assert (first["document"], first["document_received"], "document_received" in read[1]) == (current, received, False)
    (grade,) = first["feedback"]
    by = claimed.reviewer.get_username()
    assert (grade["feedback_task"], grade["values"], grade["by"], grade["standing"]) == ("Tone", {"score": 2}, by, True)
    (edit,) = first["edits"]
    assert (edit["by"], edit["changes"]) == (by, [[factories.ANSWER, "It is 42.", "It is 43."]])
    hashes = first["provenance"]["hashes"]
    assert hashes["received"] == hashes["upstream"] == documents.semantic_hash(received)
    assert hashes["current"] == documents.semantic_hash(current)
    assert first["provenance"]["upstream"]["url"] == upstream.url
    assert made.uid in first["id"]


@pytest.mark.usefixtures("_steps_of_two")
def test_an_export_has_what_matched_when_it_was_asked_for(organization: Organization) -> None:
    for tag in "aabba":
        factories.completion(organization, uid=factories.named(tag), tags=[tag])
    factories.completion(factories.organization(), tags=["a"])
    through = Completion.objects.filter(organization=organization).order_by("-pk")[1].pk
    job = jobs_run.asked(organization, JobKind.EXPORT, query="tag=a", format="jsonl", through=through)
    assert (jobs_run.to_the_end(job).done, jobs.outcome(jobs_run.to_the_end(job))) == (2, {"exported": 2})
    assert exported(organization, query="model=none") == b""
    assert JobPart.objects.filter(job=Job.objects.latest("pk")).count() == 1


def test_no_cell_of_an_export_is_a_formula(organization: Organization) -> None:
    factories.completion(organization, uid="=1+1", answer='=HYPERLINK("http://evil.example")', question="+1\r\n@x")
    header, row = csv.reader(io.StringIO(exported(organization, "csv").decode(), newline=""))
    cells = dict(zip(header, row, strict=True))
    assert tuple(header) == exports.CSV_COLUMNS
    assert cells["id"] == "'=1+1"
    assert cells["answer"] == '\'=HYPERLINK("http://evil.example")'
    assert cells["prompt"] == "'+1\r\n@x"
    assert orjson.loads(cells["document"])["kind"] == "chat"


def test_five_hundred_are_read_by_as_many_queries_as_one(organization: Organization) -> None:
    wanted = factories.feedback_task(organization)
    counted = []
    for count in (1, 4):
        for _ in range(count):
            factories.completion(organization)
            factories.submit(factories.assignment(wanted), answer="Else.")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            lines = list(exports.lines(Completion.objects.filter(organization=organization)))
        assert len(lines) == Completion.objects.count()
        counted.append(len(queries))
    assert counted == [7, 7]


def test_the_command_writes_what_the_page_writes(organization: Organization, capfdbinary: Any) -> None:
    wanted = factories.feedback_task(organization)
    factories.completion(organization)
    factories.completion(organization, tags=["b"])
    call_command("export", organization=organization.slug, format="jsonl", queue=wanted.queue.pk)
    assert capfdbinary.readouterr().out == exported(organization, query=f"queue={wanted.queue.pk}")
    assert AuditEvent.objects.filter(action="completion.export", target_type="organization").count() == 1


# Import ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_steps_of_two")
def test_what_was_exported_is_imported_elsewhere_as_it_was(organization: Organization) -> None:
    wanted = factories.feedback_task(organization)
    for number in range(5):
        factories.completion(organization, uid=f"one-{number}", answer=f"Ünï\u2028 {number}", extra=2**60, half=1.0)
    factories.submit(factories.assignment(wanted), answer="It is 43.")
    there = factories.organization()
    lead = factories.member(there, role="lead").user
    data = exported(organization)
    job = imported(there, lead, gzip.compress(data))
    assert (job.state, job.done, jobs.outcome(job)) == ("done", 5, {"created": 5})
    found = [
        {row.uid: documents.dumps(documents.read(row.current)) for row in side.completions.select_related("current")}
        for side in (organization, there)
    ]
    assert found[0] == found[1]
    assert not JobPart.objects.filter(job=job).exists()
    assert jobs.outcome(imported(there, lead, data)) == {"unchanged": 5}


@pytest.mark.usefixtures("_steps_of_two")
def test_an_import_says_which_lines_it_refused(
    organization: Organization, lead: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_MAX_BODY_BYTES = 2_000
    monkeypatch.setattr(uploads, "PART", 300)
    monkeypatch.setattr(job_files, "MOST_REFUSALS", 3)
    good = orjson.dumps({"id": "one", "kind": "chat"})
    long = b'{"x":"' + b"x" * 5_000 + b'"}'
    lines = [good, b"{", b"", long, b'{"id":"' + b"x" * 300 + b'"}', good, b'{"id":"a\\u0000b"}', b"[1]"]
    job = imported(organization, lead, b"\n".join(lines))
    assert (job.state, job.done, job.total) == ("done", 8, 8)
    assert jobs.outcome(job) == {"created": 1, "unchanged": 1, "refused": 5}
    kept = list(JobRefusal.objects.filter(job=job).values_list("line", flat=True))
    assert kept == [4, 2, 5]
    assert AuditEvent.objects.filter(action="job.ask", user=lead).count() == 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "has no line"),
        (b"\n \n", "has no line"),
        (gzip.compress(b'{"a":1}\n' * 5)[:-9], "damaged"),
        (b'{"a":1}\n' * 9, "8 lines"),
        (b'{"a":"' + b"x" * 900 + b'"}', "800 bytes"),
    ],
)
def test_a_file_that_is_not_taken_leaves_nothing(
    organization: Organization, lead: User, settings: Settings, data: bytes, sentence: str
) -> None:
    settings.API_BULK_MAX_LINES, settings.API_BULK_MAX_BYTES = 8, 800
    with pytest.raises(uploads.UploadRefused, match=sentence):
        uploads.take_in(organization, io.BytesIO(data), "a", "auto", actor=Actor(user=lead))
    assert not Job.objects.exists()


def test_a_file_that_never_came_whole_is_not_begun(organization: Organization, lead: User) -> None:
    job = imported(organization, lead, b'{"id":"one"}')
    Job.objects.update(state="waiting", place_text='"coming"', ended_at=None)
    assert jobs_run.to_the_end(job).error == uploads.NOT_WHOLE


# Queues ----------------------------------------------------------------------------------------------------------


def standing(wanted: FeedbackTask) -> list[str]:
    return list(QueueItem.objects.open().filter(queue=wanted.queue).values_list("completion__uid", flat=True))


@pytest.mark.usefixtures("_steps_of_two")
def test_all_that_match_are_put_into_a_queue(organization: Organization) -> None:
    wanted = factories.feedback_task(organization, selector=["x"])
    for uid, tags, status in [
        ("there", "xa", "finished"),
        ("new", "a", "finished"),
        ("other", "b", "finished"),
        ("started", "a", "started"),
        ("withdrawn", "xa", "finished"),
    ]:
        factories.completion(organization, uid=uid, tags=tags, status=status)
    withdrawn = QueueItem.objects.filter(completion__uid="withdrawn")
    withdrawn.update(state="withdrawn", closed_at=clock.now(), closed_because="closed by a lead: no")
    job = jobs_run.asked(organization, JobKind.ADD_TO_QUEUE, query="tag=a", queue=wanted.queue.pk)
    done = jobs_run.to_the_end(job)
    assert (done.state, done.done, done.total) == ("done", 4, 4)
    assert jobs.outcome(done) == {"added": 1, "there": 1, "started": 1, "reopened": 1}
    assert set(standing(wanted)) == {"there", "new", "withdrawn"}


def test_a_queue_of_another_organization_is_none(organization: Organization) -> None:
    theirs = factories.feedback_task(factories.organization())
    factories.completion(organization)
    job = jobs_run.asked(organization, JobKind.ADD_TO_QUEUE, queue=theirs.queue.pk)
    assert jobs_run.to_the_end(job).state == "failed"
    assert not QueueItem.objects.filter(queue=theirs.queue).exists()


@pytest.mark.usefixtures("_steps_of_two")
def test_all_that_match_are_offered_again(organization: Organization) -> None:
    wanted = factories.feedback_task(organization)
    for uid in ("done", "skipped", "flagged", "open"):
        factories.completion(organization, uid=uid)
    factories.completion(organization, uid="nowhere", tags=["b"])
    factories.submit(factories.assignment(wanted))
    queues.skip(factories.assignment(wanted))
    held = factories.assignment(wanted)
    if held.item.completion.uid == "skipped":
        held = factories.assignment(wanted)
    queues.flag(held, reason="Hm.", actor=SYSTEM)
    job = jobs_run.to_the_end(jobs_run.asked(organization, JobKind.REQUEUE, queue=None))
    assert (job.state, job.done) == ("done", 5)
    outcome = jobs.outcome(job)
    assert {name: outcome[name] for name in ("reopened", "requeued", "nowhere")} == {
        "reopened": 1,
        "requeued": 1,
        "nowhere": 1,
    }
    assert outcome["open"] + outcome["flagged"] == 2
    assert AuditEvent.objects.filter(action="item.reopen").count() == 1


# Purge -----------------------------------------------------------------------------------------------------------


def _asked_for(organization: Organization, lead: User) -> Sequence[Job]:
    """An export that is done, one that has begun, and an import that waits."""
    done = jobs_run.to_the_end(jobs_run.asked(organization, JobKind.EXPORT, format="jsonl"))
    begun = jobs_run.asked(organization, JobKind.EXPORT, format="jsonl")
    job_files.add(begun, 0, b"Some text.")
    Job.objects.filter(pk=begun.pk).update(place_text="[1,1]", done=1)
    waiting = uploads.take_in(organization, io.BytesIO(b'{"id":"two"}'), "a", "auto", actor=Actor(user=lead))
    return done, begun, waiting


def test_a_purge_drops_every_file_of_its_organization(organization: Organization, lead: User) -> None:
    completion = factories.completion(organization, uid="one")
    elsewhere = factories.organization()
    factories.completion(elsewhere)
    kept = jobs_run.to_the_end(jobs_run.asked(elsewhere, JobKind.EXPORT, format="jsonl"))
    done, begun, waiting = _asked_for(organization, lead)
    JobRefusal.objects.create(job=done, uid="one", reason="Its words.")
    purging.purge(completion.pk, reason="Asked to.")
    assert set(JobPart.objects.values_list("job_id", flat=True)) == {kept.pk}
    assert not JobRefusal.objects.exists()
    for job in (done, begun, waiting):
        job.refresh_from_db()
    assert (job_files.has_file(done), done.parts_dropped_because) == (False, job_files.PURGED)
    assert (begun.state, begun.place_text, begun.done, begun.size) == ("waiting", "", 0, 0)
    assert (waiting.state, waiting.error) == ("failed", job_files.SEND_AGAIN)
    assert jobs.outcome(jobs_run.to_the_end(begun)) == {}
