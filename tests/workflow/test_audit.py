"""What verbs write into the audit: one event each, with who and from where, and hashes where a text changed."""

import io
from pathlib import Path

import orjson
import pytest
from django.core.management import call_command

from reviews.log10 import importing
from reviews.models import AuditEvent, Completion, Push
from reviews.workflow import (
    amending,
    audit,
    clock,
    feedback_tasks,
    grading,
    outbox,
    upstreams,
)
from reviews.workflow.audit import SYSTEM, Actor
from tests import factories
from tests.admin.people import site_staff

pytestmark = pytest.mark.django_db
HASH = 64


def _events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("pk"))


def _event(action: str) -> AuditEvent:
    (event,) = _events(action)
    return event


def test_an_event_has_who_when_from_where_and_what() -> None:
    organization, user = factories.organization(), factories.user()
    before = clock.now()
    actor = Actor(user=user, address="2001:db8::1")
    audit.record("queue.change", organization, organization=organization, actor=actor, details="x" * 2_000)
    event = _event("queue.change")
    assert before <= event.at <= clock.now()
    assert (event.user, event.address, event.organization) == (user, "2001:db8::1", organization)
    assert (event.target_type, event.target_id) == ("organization", str(organization.pk))
    assert len(event.details) == 1_000


def test_what_concerns_the_whole_site_has_no_target() -> None:
    event = audit.record("backup.take", None, organization=None)
    assert (event.target_type, event.target_id, event.organization) == ("site", "", None)


# Grades and edits ------------------------------------------------------------------------------------------------


def test_a_grade_an_amendment_and_an_undo_are_told_by_hashes() -> None:
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    claim = factories.assignment(wanted)
    actor = Actor(user=claim.reviewer)
    given = factories.submit(claim).feedback
    first = _event("feedback.create")
    assert (first.before_hash, first.after_hash) == ("", grading.hash_of(given))
    amended = amending.amend(
        claim,
        values={"score": 1},
        comment="Worse.",
        base_id=Completion.objects.get().current_id,
        seen_id=given.pk,
        actor=actor,
    )
    assert amended is not None
    second = _event("feedback.amend")
    assert (second.before_hash, second.after_hash) == (first.after_hash, grading.hash_of(amended.feedback))
    amending.undo(claim, fields=[], actor=actor)
    assert (_event("feedback.undo").before_hash, _event("feedback.undo").after_hash) == (second.after_hash, "")


def test_an_edit_and_the_push_of_it_have_the_hashes_of_the_documents() -> None:
    upstream = factories.upstream(factories.organization())
    wanted = factories.feedback_task(upstream.organization, upstream=upstream)
    completion = factories.completion(upstream.organization, upstream=upstream)
    factories.submit(factories.assignment(wanted), answer="It is 43.")
    edited = Completion.objects.with_documents().get()
    event = _event("completion.revise")
    assert (event.before_hash, event.after_hash) == (completion.current.hash, edited.current.hash)
    push = Push.objects.get(kind="update")
    assert outbox.lease(push)
    outbox.delivered(push)
    assert _event("push.deliver").after_hash == edited.current.hash


def test_no_text_of_a_completion_or_of_a_grade_stands_in_it() -> None:
    upstream = factories.upstream(factories.organization(), token="canary-token")
    wanted = factories.feedback_task(
        upstream.organization, instruction="canary-instruction", upstream=upstream, selector=("review",)
    )
    factories.completion(upstream.organization, upstream=upstream, answer="canary-answer", question="canary-question")
    factories.submit(factories.assignment(wanted), answer="canary-edit", comment="canary-comment")
    assert AuditEvent.objects.count() > 3
    said = repr(list(AuditEvent.objects.values_list()))
    assert "canary" not in said


# Feedback tasks --------------------------------------------------------------------------------------------------


def test_a_rubric_has_hashes_of_what_it_says_and_selects() -> None:
    organization = factories.organization()
    content = factories.content(name="Tone")
    made = feedback_tasks.create(organization, content)
    first = _event("feedback_task.create")
    assert (first.before_hash, len(first.after_hash)) == ("", HASH)
    feedback_tasks.revise(made, factories.content(name="Tone", selector=("other",)))
    second = _event("feedback_task.revise")
    assert second.before_hash == first.after_hash != second.after_hash
    feedback_tasks.revise(made, factories.content(name="Tone", instruction="Otherwise.", selector=("other",)))
    assert _events("feedback_task.revise")[1].before_hash == second.after_hash


def test_a_rubric_that_is_linked_to_an_upstream_says_so() -> None:
    upstream = factories.upstream(factories.organization())
    content = factories.content(name="Tone")
    ours = feedback_tasks.create(upstream.organization, content)
    feedback_tasks.take_over(upstream, "there", content)
    event = _event("feedback_task.link")
    assert (event.target_id, event.details) == (str(ours.pk), upstream.name)


# Upstreams and keys ----------------------------------------------------------------------------------------------


def test_switching_an_upstream_off_and_on_is_told_once_each() -> None:
    upstream = factories.upstream(factories.organization())
    for enabled in (False, False, True):
        upstreams.set_enabled(upstream, enabled, actor=SYSTEM)
    assert len(_events("upstream.disable")) == len(_events("upstream.enable")) == 1


def test_the_admin_tells_it_by_that_verb() -> None:
    upstream = factories.upstream(factories.organization())
    form = {"name": "Renamed", "url": upstream.url, "upstream_organization": upstream.upstream_organization}
    site_staff().post(f"/admin/reviews/upstream/{upstream.pk}/change/", {**form, "pull_seconds": "60", "token": ""})
    assert _event("upstream.disable").user is not None
    assert "enabled" not in _event("upstream.change").details


# Files -----------------------------------------------------------------------------------------------------------


def test_an_import_says_what_became_of_the_lines(tmp_path: Path) -> None:
    organization = factories.organization()
    path = tmp_path / "monday.jsonl"
    path.write_bytes(orjson.dumps(factories.document()) + b"\n{")
    importing.import_file(path, organization)
    event = _event("completions.import")
    assert event.details == "monday.jsonl: 1 created, 0 changed, 0 unchanged, 1 refused"
    assert event.organization == organization


def test_an_import_that_breaks_off_says_how_far_it_came(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(OSError, match="gzip"):
        importing.import_file(path, factories.organization())
    assert _event("completions.import").details.startswith("broken.jsonl.gz: 0 created")


@pytest.mark.sqlite
def test_a_backup_says_where_it_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.workflow.backups.take", lambda *_paths: 12_345)
    call_command("backup", str(tmp_path / "monday.sqlite3"), stdout=io.StringIO())
    assert _event("backup.take").details == "monday.sqlite3: 12,345 bytes"
