"""What the review screen is told while it is open."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reviews.models import (
    Assignment,
    AssignmentState,
    ClaimChange,
    ClaimEvent,
    Completion,
    Feedback,
    ItemState,
    Queue,
    QueueItem,
    RevisionOrigin,
)
from reviews.workflow import documents, grading, ingest, queues, revisions
from reviews.workflow.audit import SYSTEM, Actor
from tests.web.scene import Scene, document, person, scene

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def _ask(made: Scene, assignment_id: int, seen: str = "", *, shown: int | None = None) -> Any:
    """As the screen asks that has the document `shown`, the one from the beginning unless told."""
    shown = shown or made.completions[0].current_id
    return made.client.get(f"/reviews/{assignment_id}/claim?document={shown}&seen={seen}", headers=HTMX)


def _told(made: Scene, assignment_id: int, words: str) -> None:
    """It says so once, in these words, and is quiet after."""
    response = _ask(made, assignment_id)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert b"<html" not in response.content
    seen = response.context["seen"]
    assert _ask(made, assignment_id, seen).status_code == 204


def _run_out(assignment_id: int) -> None:
    past = timezone.now() - timedelta(minutes=1)
    Assignment.objects.filter(pk=assignment_id).update(claimed_at=past - timedelta(hours=1), held_until=past)
    queues.expire_claims(timezone.now())


# As it was -------------------------------------------------------------------------------------------------------


def test_it_says_nothing_while_all_is_as_it_was() -> None:
    made = scene()
    response = _ask(made, made.start())
    assert (response.status_code, response.content) == (204, b"")


def test_a_claim_that_ran_out_with_its_place_free_is_no_news() -> None:
    made = scene()
    first = made.start()
    _run_out(first)
    assert _ask(made, first).status_code == 204


def test_it_takes_back_what_is_no_longer_so() -> None:
    made = scene(pulled=True)
    first = made.start()
    assert _ask(made, first, "changed-99").content.count(b"<p>") == 0


# The item left the queue -----------------------------------------------------------------------------------------


def test_it_tells_that_the_item_was_graded_or_deleted_upstream() -> None:
    made = scene(pulled=True)
    first = made.start()
    queues.withdraw_gone(made.completions[0])
    _told(made, first, "This item left the queue: graded or deleted upstream.")


def test_it_tells_what_is_kept_and_where_to_go_on() -> None:
    made = scene(pulled=True)
    first = made.start()
    queues.withdraw_gone(made.completions[0])
    page = _ask(made, first).content.decode()
    assert "What you wrote is still here" in page
    assert f'action="/queues/{made.queue.pk}/start"' in page
    assert "Next item" in page


def test_it_tells_that_somebody_else_has_taken_it_after_her_claim_ran_out() -> None:
    made = scene(items=1)
    first = made.start()
    _run_out(first)
    _, second = person("noor", made.organization)
    assert second.post(f"/queues/{made.queue.pk}/start")["Location"].startswith("/reviews/")
    _told(made, first, "Your claim ran out, and somebody else has taken this item.")


def test_it_does_not_tell_who() -> None:
    made = scene(items=1)
    first = made.start()
    _run_out(first)
    _, second = person("noor", made.organization)
    second.post(f"/queues/{made.queue.pk}/start")
    assert b"noor" not in _ask(made, first).content


def test_it_tells_that_others_have_finished_it() -> None:
    made = scene(items=1)
    first = made.start()
    _run_out(first)
    QueueItem.objects.update(state="done", closed_at=timezone.now(), places_taken=1, reviews_done=1)
    _told(made, first, "somebody else has taken this item")


def test_it_tells_that_a_lead_took_it_back() -> None:
    made = scene()
    first = made.start()
    lead, _ = person("noor", made.organization, "lead")
    Assignment.objects.filter(pk=first).update(state=AssignmentState.RELEASED, ended_at=timezone.now())
    QueueItem.objects.update(places_taken=0)
    ClaimEvent.objects.create(assignment_id=first, change=ClaimChange.RELEASED, by=lead, at=timezone.now())
    _told(made, first, "A lead took this item back.")
    assert b"you can still submit it" in _ask(made, first).content


# She did it herself, in another tab ------------------------------------------------------------------------------


def test_it_tells_that_she_opened_another_queue() -> None:
    made, other = scene(), scene("other")
    first = made.start()
    other.organization.members.create(user=made.user)
    queues.claim_next(Queue.objects.get(pk=other.queue.pk), reviewer=made.user)
    _told(made, first, "This item was given back: opened another queue.")


def test_it_tells_that_she_has_it_open_again() -> None:
    made = scene(items=1)
    first = made.start()
    _run_out(first)
    assert made.start() != first
    _told(made, first, "You have opened this item again in another tab.")


def test_it_tells_that_she_submitted_or_skipped_it() -> None:
    made = scene()
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first))
    _told(made, first, "You submitted this item in another tab.")
    second = made.start()
    made.client.post(f"/reviews/{second}/skip")
    _told(made, second, "You skipped this item in another tab.")


# The text changed ------------------------------------------------------------------------------------------------


def test_it_tells_that_the_upstream_changed_the_text() -> None:
    made = scene(pulled=True)
    first = made.start()
    completion = made.completions[0]
    changed = document("Theirs.")
    asked_at = timezone.now()
    ingest.take_pulled(made.upstream, completion.uid, changed, documents.dumps(changed), asked_at=asked_at)
    _told(made, first, "The upstream changed this text.")
    page = _ask(made, first).content.decode()
    assert f'href="/completions/{completion.pk}"' in page
    assert f'href="/reviews/{first}"' in page
    assert "What you wrote is still here" in page
    assert "Theirs." not in page


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (RevisionOrigin.EDIT, "Somebody else edited this text."),
        (RevisionOrigin.RESOLUTION, "A conflict about this text was decided."),
    ],
)
def test_it_tells_that_a_colleague_changed_the_text(origin: RevisionOrigin, words: str) -> None:
    made = scene()
    first = made.start()
    user, _ = person("noor", made.organization)
    with transaction.atomic():
        completion = revisions.lock(made.completions[0].pk)
        standing = documents.read(completion.current)
        revisions.accept(completion, document("New."), origin=origin, before=standing, actor=Actor(user=user))
    _told(made, first, words)


def test_a_second_change_is_news_again() -> None:
    made = scene()
    first, uid = made.start(), made.completions[0].uid
    ingest.receive(made.organization, uid, document("Once."))
    seen = _ask(made, first).context["seen"]
    ingest.receive(made.organization, uid, document("Twice."))
    again = _ask(made, first, seen)
    assert again.status_code == 200
    assert b"The application changed this completion." in again.content


def test_a_screen_that_has_the_new_text_is_told_nothing() -> None:
    made = scene()
    first = made.start()
    ingest.receive(made.organization, made.completions[0].uid, document("New."))
    assert _ask(made, first, shown=Completion.objects.get(pk=made.completions[0].pk).current_id).status_code == 204


# Who may ask, and what it costs ----------------------------------------------------------------------------------


def _grade_by_api(made: Scene, completion: Completion) -> None:
    values = {"verdict": "bad"}
    grading.record(made.feedback_task, [completion], values=values, comment="", actor=SYSTEM, api_token=None)


def test_it_tells_that_an_application_graded_it_meanwhile() -> None:
    made = scene(items=1)
    first = made.start()
    _grade_by_api(made, made.completions[0])
    _told(made, first, "An application has graded this item meanwhile.")
    page = _ask(made, first).content.decode()
    assert "your grade counts as well" in page
    # She holds it: another start would lead back to it.
    assert "Next item" not in page


def test_a_grade_by_api_closes_the_free_places_and_lets_her_finish() -> None:
    made = scene(items=1)
    Queue.objects.update(reviews_per_completion=3)
    QueueItem.objects.update(reviews_needed=3)
    first = made.start()
    _grade_by_api(made, made.completions[0])
    _, second = person("noor", made.organization)
    assert not second.post(f"/queues/{made.queue.pk}/start")["Location"].startswith("/reviews/")
    response = made.client.post(f"/reviews/{first}/submit", made.form(first))
    assert response.status_code == 303
    assert (Feedback.objects.count(), QueueItem.objects.get().state) == (2, ItemState.DONE)
    _told(made, first, "You submitted this item in another tab")


def test_a_grade_of_another_item_or_from_before_is_no_news() -> None:
    made = scene(items=2)
    first = made.start()
    held = Assignment.objects.select_related("item").get(pk=first).item.completion_id
    _grade_by_api(made, next(row for row in made.completions if row.pk != held))
    shown = next(row for row in made.completions if row.pk == held).current_id
    assert _ask(made, first, shown=shown).status_code == 204


def test_a_new_text_is_told_before_a_grade() -> None:
    made = scene(items=1)
    first = made.start()
    _grade_by_api(made, made.completions[0])
    ingest.receive(made.organization, made.completions[0].uid, document("New."))
    _told(made, first, "The application changed this completion")


def test_it_does_not_know_the_claim_of_somebody_else() -> None:
    made = scene()
    first = made.start()
    _, colleague = person("noor", made.organization, "lead")
    stranger = scene("other").client
    for client in (colleague, stranger):
        assert client.get(f"/reviews/{first}/claim", headers=HTMX).status_code == 404
    assert made.client.get("/reviews/99999/claim", headers=HTMX).status_code == 404


def test_it_tells_a_script_that_the_session_is_over() -> None:
    made = scene()
    assert Client().get(f"/reviews/{made.start()}/claim", headers=HTMX).status_code == 401


@pytest.mark.parametrize("query", ["", "?document=x", "?document=-1&seen=%00", "?document=99999999999999999999"])
def test_a_question_without_a_document_is_answered(query: str) -> None:
    made = scene()
    assert made.client.get(f"/reviews/{made.start()}/claim{query}", headers=HTMX).status_code == 200


def test_it_writes_nothing_and_reads_no_text() -> None:
    made = scene()
    first = made.start()
    before = Assignment.objects.values_list().get()
    with CaptureQueriesContext(connection) as asked:
        assert _ask(made, first).status_code == 204
    assert Assignment.objects.values_list().get() == before
    assert made.client.post(f"/reviews/{first}/claim").status_code == 405
    assert not [query for query in asked.captured_queries if not query["sql"].startswith("SELECT")]
    assert not [query for query in asked.captured_queries if "search_text" in query["sql"] or '"data"' in query["sql"]]
    assert len(asked) <= 4


def test_the_screen_asks_with_the_document_it_shows() -> None:
    made = scene()
    first = made.start()
    page = made.client.get(f"/reviews/{first}").content.decode()
    assert f"/reviews/{first}/claim?document={made.completions[0].current_id}" in page
