"""Drafts: what is kept, for how long, and whose it is."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import Assignment, Draft
from reviews.workflow import drafts, ingest, queues
from reviews.workflow.drafts import DraftRefused, DraftTooLate
from tests import factories

pytestmark = pytest.mark.django_db
WORDS = [("comment", "First words."), ("edit-0", "It is 43.")]


@pytest.fixture
def claim() -> Assignment:
    """A claim on the only completion of a queue."""
    wanted = factories.feedback_task(factories.organization())
    factories.completion(wanted.organization)
    return factories.assignment(wanted)


def _save(claim: Assignment, fields: Any = WORDS) -> None:
    drafts.save(claim, fields, base=claim.item.completion.current)


def _fields(claim: Assignment) -> list[tuple[str, str]]:
    claim.item.completion.refresh_from_db()
    same, _other = drafts.of_screen(claim.reviewer, claim.item, claim.item.completion)
    return drafts.fields_of(same) if same else []


def _run_out(claim: Assignment) -> None:
    past = timezone.now() - timedelta(hours=2)
    Assignment.objects.filter(pk=claim.pk).update(claimed_at=past, held_until=past + timedelta(minutes=1))
    queues.expire_claims(timezone.now())


def test_it_keeps_the_fields_in_their_order_and_only_the_last_state(claim: Assignment) -> None:
    _save(claim)
    _save(claim, [*WORDS, ("v-score", "4")])
    assert _fields(claim) == [*WORDS, ("v-score", "4")]
    assert Draft.objects.count() == 1


def test_it_keeps_every_character(claim: Assignment) -> None:
    said = [("comment", "\x00 \u2028 \U0001f9a6\r\n\t “quoted”")]
    _save(claim, said)
    assert _fields(claim) == said


def test_it_lets_the_claim_last(claim: Assignment) -> None:
    Assignment.objects.update(held_until=timezone.now() + timedelta(seconds=5))
    _save(claim)
    claim.refresh_from_db()
    assert claim.held_until > timezone.now() + timedelta(minutes=14)


def test_it_stays_when_the_claim_runs_out_is_taken_or_skipped(claim: Assignment) -> None:
    _save(claim)
    _run_out(claim)
    other = factories.assignment(claim.item.queue.feedback_task)
    assert other.item == claim.item
    _save(claim, [("comment", "More words.")])
    assert _fields(claim) == [("comment", "More words.")]
    queues.skip(other)
    assert Draft.objects.count() == 1


def test_it_ends_with_the_submit(claim: Assignment) -> None:
    _save(claim)
    factories.submit(claim)
    assert not Draft.objects.exists()
    with pytest.raises(DraftTooLate):
        _save(claim)
    assert not Draft.objects.exists()


def test_a_draft_of_a_claim_that_was_taken_again_and_submitted_comes_too_late(claim: Assignment) -> None:
    _run_out(claim)
    factories.submit(claim)
    assert Assignment.objects.count() == 2
    with pytest.raises(DraftTooLate):
        _save(claim)


def test_it_belongs_to_the_text_that_was_on_the_screen(claim: Assignment) -> None:
    _save(claim)
    ingest.receive(claim.item.queue.organization, claim.item.completion.uid, factories.document(answer="Changed."))
    claim.item.completion.refresh_from_db()
    same, other = drafts.of_screen(claim.reviewer, claim.item, claim.item.completion)
    assert same is None
    assert other is not None
    assert drafts.fields_of(other) == WORDS


def test_what_is_written_over_the_new_text_leaves_the_old_draft_alone(claim: Assignment) -> None:
    _save(claim)
    ingest.receive(claim.item.queue.organization, claim.item.completion.uid, factories.document(answer="Changed."))
    claim = Assignment.objects.get(pk=claim.pk)
    _save(claim, [("comment", "New.")])
    same, other = drafts.of_screen(claim.reviewer, claim.item, claim.item.completion)
    assert (same and drafts.fields_of(same), other and drafts.fields_of(other)) == ([("comment", "New.")], WORDS)
    assert other is not None
    drafts.throw_away(claim.reviewer, claim.item, pk=other.pk)
    assert Draft.objects.count() == 1


def test_it_is_seen_by_nobody_else(claim: Assignment) -> None:
    _save(claim)
    other = factories.reviewer(claim.item.queue.organization)
    assert drafts.of_screen(other, claim.item, claim.item.completion) == (None, None)


def test_it_refuses_what_is_too_long(claim: Assignment, settings: Any) -> None:
    settings.DRAFT_MAX_BYTES = 2048
    with pytest.raises(DraftRefused, match="2 KB"):
        _save(claim, [("comment", "a" * 2100)])
    assert not Draft.objects.exists()
