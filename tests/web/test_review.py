"""The review screen."""

from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from reviews.models import Assignment, AuditEvent, ClaimEvent, Completion, Feedback, Push, PushKind, QueueItem, Revision
from reviews.workflow import documents, ingest, queues
from tests.web.scene import document, person, scene

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def test_it_shows_conversation_form_and_claim() -> None:
    made = scene()
    page = made.client.get(f"/reviews/{made.start()}")
    assert page.status_code == 200
    for words in (b"Which colour has the sky?", b"Answer 0.", b"Read the policy.", b"Submit and next", b"Yours until"):
        assert words in page.content


def test_it_grades_and_goes_on_to_the_next_item() -> None:
    made = scene()
    first = made.start()
    response = made.client.post(f"/reviews/{first}/submit", made.form(first, comment="Fine."))
    assert response.status_code == 303
    assert response["Location"] != f"/reviews/{first}"
    feedback = Feedback.objects.get()
    assert orjson.loads(feedback.values_text) == {"verdict": "good"}
    assert (feedback.comment, feedback.reviewer) == ("Fine.", made.user)
    assert feedback.matched.get().document == made.completions[0].current


def test_it_swaps_the_next_item_in_where_a_script_asks() -> None:
    made = scene()
    first = made.start()
    response = made.client.post(f"/reviews/{first}/submit", made.form(first), headers=HTMX)
    assert response.status_code == 200
    assert response["HX-Push-Url"].startswith("/reviews/")
    assert b"Answer 1." in response.content
    assert b"<html" not in response.content


def test_it_changes_one_leaf_and_puts_edit_and_grade_into_the_outbox() -> None:
    made = scene(pulled=True)
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first, **{"edit-0": "Answer nought."}))
    completion = Completion.objects.get(pk=made.completions[0].pk)
    before, after = document("Answer 0."), documents.read(completion.current)
    assert documents.changes(before, after) == [("/response/choices/0/message/content", "Answer 0.", "Answer nought.")]
    assert list(Push.objects.order_by("pk").values_list("kind", flat=True)) == [PushKind.UPDATE, PushKind.FEEDBACK]
    assert Feedback.objects.get().matched.get().document == completion.current


def test_it_writes_nothing_when_a_value_is_missing_and_keeps_what_she_wrote() -> None:
    made = scene()
    first = made.start()
    posted = made.form(first, **{"v-verdict": "", "edit-0": "Better words.", "comment": "Keep me."})
    response = made.client.post(f"/reviews/{first}/submit", posted)
    assert response.status_code == 422
    assert b"Better words." in response.content
    assert b"Keep me." in response.content
    assert not Feedback.objects.exists()
    assert not Revision.objects.exists()


def test_it_refuses_a_grade_of_a_document_that_changed_meanwhile() -> None:
    made = scene()
    first = made.start()
    posted = made.form(first, **{"edit-0": "Mine."})
    ingest.receive(made.organization, made.completions[0].uid, document("Theirs."))
    response = made.client.post(f"/reviews/{first}/submit", posted)
    assert response.status_code in (409, 422)
    assert b"Theirs." in response.content
    assert b"Mine." in response.content
    assert not Feedback.objects.exists()


def test_a_submit_whose_answer_was_lost_may_be_sent_again_and_grades_once() -> None:
    made = scene()
    first = made.start()
    posted = made.form(first, **{"edit-0": "Better."})
    answers = [made.client.post(f"/reviews/{first}/submit", posted) for _ in range(2)]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert (Feedback.objects.count(), Revision.objects.count()) == (1, 1)


def test_another_grade_of_an_item_that_she_submitted_is_refused() -> None:
    made = scene()
    first = made.start()
    posted = made.form(first)
    made.client.post(f"/reviews/{first}/submit", posted)
    assert made.client.post(f"/reviews/{first}/submit", {**posted, "v-verdict": '"bad"'}).status_code == 409
    assert Feedback.objects.count() == 1


def test_a_claim_that_ran_out_is_taken_again_while_the_place_is_free() -> None:
    made = scene()
    first = made.start()
    posted = made.form(first)
    _run_out(first)
    assert made.client.post(f"/reviews/{first}/submit", posted).status_code == 303
    assert Feedback.objects.count() == 1


def test_a_claim_that_somebody_else_took_is_told_and_what_she_wrote_stays() -> None:
    made = scene(items=1)
    first = made.start()
    posted = made.form(first, comment="My words.")
    _run_out(first)
    _, second = person("noor", made.organization)
    assert second.post(f"/queues/{made.queue.pk}/start")["Location"].startswith("/reviews/")
    response = made.client.post(f"/reviews/{first}/submit", posted)
    assert response.status_code == 409
    assert b"My words." in response.content
    assert not Feedback.objects.exists()


def test_it_skips_and_does_not_offer_the_item_again() -> None:
    made = scene(items=1)
    first = made.start()
    assert made.client.post(f"/reviews/{first}/skip")["Location"].endswith("/done")
    assert made.client.post(f"/queues/{made.queue.pk}/start")["Location"].endswith("/done")
    assert QueueItem.objects.get().places_taken == 0


def test_it_skips_with_a_reason_that_the_ledger_keeps() -> None:
    made = scene(items=1)
    first = made.start()
    made.client.post(f"/reviews/{first}/skip", {"reason": "Not a language that I read"})
    assert ClaimEvent.objects.get(change="skipped").reason == "Not a language that I read"


def test_it_flags_with_a_reason_and_refuses_to_without() -> None:
    made = scene()
    first = made.start()
    assert made.client.post(f"/reviews/{first}/flag", {"reason": " "}).status_code == 422
    assert made.client.post(f"/reviews/{first}/flag", {"reason": "Personal data."}).status_code == 303
    item = Assignment.objects.get(pk=first).item
    assert (item.flag_reason, item.flagged_by) == ("Personal data.", made.user)
    assert AuditEvent.objects.filter(action="item.flag").count() == 1


def test_it_does_not_know_the_claim_of_somebody_else() -> None:
    made = scene()
    first = made.start()
    _, second = person("noor", made.organization)
    for path in ("", "/submit", "/skip", "/flag"):
        ask = second.get if path == "" else second.post
        assert ask(f"/reviews/{first}{path}").status_code == 404


def test_no_get_writes() -> None:
    made = scene()
    first = made.start()
    for path in ("submit", "skip", "flag"):
        assert made.client.get(f"/reviews/{first}/{path}").status_code == 405
    assert Assignment.objects.get().state == "held"


def test_a_submitted_item_leads_to_its_completion() -> None:
    made = scene()
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first))
    assert made.client.get(f"/reviews/{first}")["Location"] == f"/completions/{made.completions[0].pk}"


def test_the_last_review_leads_to_the_end_of_the_queue() -> None:
    made = scene(items=1)
    first = made.start()
    response = made.client.post(f"/reviews/{first}/submit", made.form(first), headers=HTMX)
    assert response["HX-Redirect"] == f"/queues/{made.queue.pk}/done"


def _run_out(assignment_id: int) -> None:
    past = timezone.now() - timedelta(minutes=1)
    Assignment.objects.filter(pk=assignment_id).update(claimed_at=past - timedelta(hours=1), held_until=past)
    queues.expire_claims(timezone.now())
