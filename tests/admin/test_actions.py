"""Actions on lists: the verbs of the pages, audited; each says what it did, and what it left and why."""

from typing import Any

import orjson
import pytest
from django.db.models import Model

from reviews.models import (
    Assignment,
    AuditEvent,
    Completion,
    FeedbackTask,
    ItemState,
    Push,
    PushState,
    QueueItem,
    Upstream,
)
from reviews.workflow import queues
from reviews.workflow.audit import Actor
from tests import factories
from tests.admin.people import role_admin, site_staff
from tests.models import rows

pytestmark = pytest.mark.django_db


def act(action: str, *rows: Model, **given: Any) -> str:
    """The page that an action on these rows leads to."""
    posted = {"action": action, "_selected_action": [row.pk for row in rows], **given}
    response = site_staff().post(f"/admin/reviews/{rows[0]._meta.model_name}/", posted, follow=True)
    return response.content.decode()


def audited(action: str) -> int:
    return AuditEvent.objects.filter(action=action, user__isnull=False).count()


def two_items() -> tuple[FeedbackTask, QueueItem, QueueItem]:
    """One of which somebody holds."""
    feedback_task = factories.feedback_task(factories.organization())
    for _ in range(2):
        factories.completion(feedback_task.organization)
    held = factories.assignment(feedback_task).item
    return feedback_task, held, QueueItem.objects.exclude(pk=held.pk).get()


def test_it_takes_a_claim_back_and_leaves_what_nobody_holds() -> None:
    feedback_task, held, _ = two_items()
    done = factories.submit(factories.assignment(feedback_task)).feedback.assignment
    assert done is not None
    html = act("release", held.assignments.get(), done)
    assert "Taken back: 1." in html
    assert "Left as they are: 1. Nobody holds this item any more." in html
    assert Assignment.objects.get(item=held).state == "released"
    assert audited("claim.release") == 1


def test_it_requeues_what_was_skipped() -> None:
    _, held, other = two_items()
    queues.skip(held.assignments.get(), reason="")
    html = act("requeue", held, other)
    assert "Offered again: 1." in html
    assert "Nobody skips this item any more." in html
    assert audited("item.requeue") == 1


def test_it_closes_with_a_reason_after_asking_and_reopens() -> None:
    _, held, other = two_items()
    assert "These leave their queues." in act("close", held, other)
    assert "Say in a few words why." in act("close", held, other, confirmed="yes", reason=" ")
    assert "At most 150 characters." in act("close", held, other, confirmed="yes", reason="x" * 151)
    assert QueueItem.objects.open().count() == 2
    assert "Closed: 2." in act("close", held, other, confirmed="yes", reason="<b>twice</b>")
    assert audited("item.close") == 2
    assert "Open again: 2." in act("reopen", held, other)
    assert set(QueueItem.objects.values_list("state", flat=True)) == {ItemState.OPEN}


def test_it_takes_a_flag_off() -> None:
    _, held, other = two_items()
    claim = held.assignments.get()
    queues.flag(claim, reason="Another order.", actor=Actor(user=claim.reviewer))
    assert "Flags taken off: 1." in act("unflag", held, other)
    assert audited("item.unflag") == 1


def test_it_gives_up_a_grade_after_asking() -> None:
    push = rows.push("feedback")
    rows.change(push, state=PushState.ATTENTION)
    assert "The upstream will never get these grades" in act("give_up", push)
    assert Push.objects.get(pk=push.pk).state == PushState.ATTENTION
    edit = Push.objects.get(kind="update")
    html = act("give_up", push, edit, confirmed="yes")
    assert "Given up: 1." in html
    assert "What becomes of an edit is decided on the page of its completion." in html
    assert audited("push.discard") == 1


def test_it_switches_an_upstream_off_and_on() -> None:
    upstream = factories.upstream(factories.organization())
    assert f"Switched off: {upstream.name}." in act("switch_off", upstream)
    assert "One that is switched off is not pulled." in act("pull_now", upstream)
    assert not Upstream.objects.get().enabled
    assert f"Switched on: {upstream.name}." in act("switch_on", upstream)
    assert "One that is switched on already stays so." in act("switch_on", upstream)


def test_it_exports_what_stands_and_what_was_received_with_the_grades() -> None:
    feedback_task = factories.feedback_task(factories.organization(), name="Tone")
    made = factories.completion(feedback_task.organization, answer="=1+1 ünïcode")
    factories.submit(factories.assignment(feedback_task), answer="It is 43.", score=2)
    posted = {"action": "export", "_selected_action": [made.pk]}
    response = site_staff().post("/admin/reviews/completion/", posted)
    (line,) = b"".join(response.streaming_content).splitlines()  # type: ignore[attr-defined] # of a streamed one
    read = orjson.loads(line)
    answers = [read[name]["response"]["choices"][0]["message"]["content"] for name in ("document_received", "document")]
    assert (read["id"], answers) == (made.uid, ["=1+1 ünïcode", "It is 43."])
    assert [(one["feedback_task"], one["values"]) for one in read["feedback"]] == [("Tone", {"score": 2})]
    assert audited("completion.export") == 1
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]


def test_an_admin_acts_on_nothing_of_another_organization() -> None:
    _, held, _ = two_items()
    client = role_admin(factories.organization())
    for noun, action, pk in (
        ("assignment", "release", held.assignments.get().pk),
        ("queueitem", "close", held.pk),
        ("completion", "export", Completion.objects.first().pk),  # type: ignore[union-attr] # there are two
    ):
        posted = {"action": action, "_selected_action": [pk], "confirmed": "yes", "reason": "Mine."}
        client.post(f"/admin/reviews/{noun}/", posted)
    assert QueueItem.objects.open().count() == 2
    assert Assignment.objects.get().state == "held"
    assert audited("completion.export") == 0
