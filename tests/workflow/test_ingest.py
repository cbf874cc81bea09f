"""Ingest: what becomes of a completion that an application sends, and of one that the upstream lists."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from reviews.models import AuditEvent, Completion, Document, Push, PushState, Revision, Tag, Upstream
from reviews.workflow import documents, ingest, outbox
from reviews.workflow.ingest import HeldElsewhere, IngestRefused, Outcome
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream() -> Upstream:
    return factories.upstream(factories.organization())


def _stands(uid: str) -> dict[str, Any]:
    """The current document of the completion of this id."""
    return documents.read(Completion.objects.select_related("current").get(uid=uid).current)


def _edited(upstream: Upstream, answer: str = "Ours.") -> Completion:
    """A pulled completion whose answer was edited here, the edit still waiting."""
    wanted = factories.feedback_task(upstream.organization, upstream=upstream)
    completion = factories.completion(upstream.organization, upstream=upstream, answer="First.")
    factories.submit(factories.assignment(wanted), answer=answer)
    return Completion.objects.with_documents().get(pk=completion.pk)


def _deliver(completion: Completion) -> Push:
    """Let the edit of this completion arrive at the upstream."""
    push = completion.pushes.get(kind="update", state=PushState.WAITING)
    assert outbox.lease(push)
    assert outbox.delivered(push)
    push.refresh_from_db()
    return push


# From an application ---------------------------------------------------------------------------------------------


def test_it_creates_a_completion() -> None:
    organization, document = factories.organization(), factories.document(tags=["a", "b"], question="Why?")
    got = ingest.receive(organization, "one", document)
    assert got.outcome == Outcome.CREATED
    completion = Completion.objects.with_documents().get(uid="one")
    assert (completion.preview, completion.status, completion.revision_count) == ("Why?", "finished", 0)
    assert [tag.name for tag in completion.tags.all()] == ["a", "b"]
    assert _stands("one") == document


def test_it_keeps_the_bytes_of_a_new_one() -> None:
    raw = b'{ "status": "finished" }'
    got = ingest.receive(factories.organization(), "one", {"status": "finished"}, raw=raw)
    assert documents.unpack(Document.objects.get(pk=got.completion.received_id).data) == raw


def test_it_merges_member_by_member() -> None:
    organization = factories.organization()
    ingest.receive(organization, "one", {"status": "started", "request": {"a": 1}, "tags": ["x"]})
    got = ingest.receive(organization, "one", {"status": "finished", "response": {"b": 2}, "tags": ["y"]})
    assert got.outcome == Outcome.CHANGED
    assert list(_stands("one").items()) == [
        ("status", "finished"),
        ("request", {"a": 1}),
        ("tags", ["y"]),
        ("response", {"b": 2}),
    ]
    assert Revision.objects.get().origin == "api"
    assert [tag.name for tag in got.completion.tags.all()] == ["y"]


@pytest.mark.parametrize("ended", ["finished", "failed"])
def test_it_does_not_start_again_by_a_late_started(ended: str) -> None:
    organization = factories.organization()
    ingest.receive(organization, "one", {"status": ended, "response": {"b": 2}})
    late = {"status": "started", "request": {"a": 1}, "response": None}
    assert ingest.receive(organization, "one", late).outcome == Outcome.CHANGED
    assert _stands("one") == {"status": ended, "response": {"b": 2}, "request": {"a": 1}}
    assert ingest.receive(organization, "one", late).outcome == Outcome.UNCHANGED


def test_it_writes_nothing_when_nothing_is_new() -> None:
    organization, document = factories.organization(), factories.document()
    ingest.receive(organization, "one", document)
    assert ingest.receive(organization, "one", {"tags": document["tags"]}).outcome == Outcome.UNCHANGED
    assert (Document.objects.count(), Revision.objects.count()) == (1, 0)


def test_it_notices_a_number_that_is_spelled_another_way() -> None:
    organization = factories.organization()
    ingest.receive(organization, "one", {"duration": 1})
    assert ingest.receive(organization, "one", {"duration": 1.0}).outcome == Outcome.CHANGED


@pytest.mark.parametrize("uid", [".", ".."])
def test_it_refuses_an_id_that_no_address_leads_to(uid: str, upstream: Upstream) -> None:
    with pytest.raises(IngestRefused, match="no address leads to it"):
        ingest.receive(upstream.organization, uid, {})
    with pytest.raises(IngestRefused, match="no address leads to it"):
        factories.pulled(upstream, uid, {})
    assert not Completion.objects.exists()


@pytest.mark.parametrize("uid", ["", "x" * 256, "a\x00b"])
def test_it_refuses_an_id_that_no_column_holds(uid: str, upstream: Upstream) -> None:
    with pytest.raises(IngestRefused, match="1 to 255"):
        ingest.receive(upstream.organization, uid, {})
    with pytest.raises(IngestRefused, match="1 to 255"):
        factories.pulled(upstream, uid, {})
    assert not Document.objects.exists()


def test_it_does_not_take_an_id_that_another_organization_holds() -> None:
    ingest.receive(factories.organization(), "one", {"status": "finished"})
    other = factories.organization()
    with pytest.raises(HeldElsewhere, match="no completion one here"):
        ingest.receive(other, "one", {"status": "failed"})
    assert not Completion.objects.filter(organization=other).exists()
    assert _stands("one") == {"status": "finished"}


def test_it_merges_into_its_own_when_another_holds_the_id_too(upstream: Upstream) -> None:
    ingest.receive(factories.organization(), "one", {"status": "finished"})
    factories.pulled(upstream, "one", factories.document())
    assert ingest.receive(upstream.organization, "one", {"duration": 3}).outcome == Outcome.CHANGED


def test_it_keeps_a_nul_in_the_document_and_out_of_the_columns() -> None:
    document = factories.document(question="a\x00b", tags=["t\x00"], session_id="s\x00")
    ingest.receive(factories.organization(), "one", document)
    completion = Completion.objects.get(uid="one")
    assert (completion.preview, completion.session_uid) == ("a�b", "s�")
    assert Tag.objects.get().name == "t�"
    assert _stands("one") == document


@pytest.mark.parametrize("odd", [{}, {"tags": "x", "request": [], "response": 3}, {"kind": None, "duration": 1e300}])
def test_it_takes_a_document_of_any_shape(odd: dict[str, Any]) -> None:
    assert ingest.receive(factories.organization(), "one", odd).completion.status == "other"
    assert _stands("one") == odd


def test_it_carries_a_change_by_api_to_the_upstream(upstream: Upstream) -> None:
    completion = factories.completion(upstream.organization, upstream=upstream)
    ingest.receive(upstream.organization, completion.uid, {"duration": 3})
    assert Push.objects.get().state == PushState.WAITING


def test_it_merges_into_one_that_was_made_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    organization, atomic = factories.organization(), transaction.atomic

    def somebody_else_first() -> Any:
        monkeypatch.undo()
        ingest.receive(organization, "one", {"request": {"theirs": 1}})
        return atomic()

    monkeypatch.setattr(transaction, "atomic", somebody_else_first)
    assert ingest.receive(organization, "one", {"status": "finished"}).outcome == Outcome.CHANGED
    assert _stands("one") == {"request": {"theirs": 1}, "status": "finished"}


# From an upstream ------------------------------------------------------------------------------------------------


def test_it_creates_what_an_upstream_lists(upstream: Upstream) -> None:
    got = factories.pulled(upstream, "one", factories.document())
    assert got.outcome == Outcome.CREATED
    assert got.completion.upstream_document_id == got.completion.current_id == got.completion.received_id
    assert not Push.objects.exists()


def test_it_refuses_what_an_application_made_meanwhile(monkeypatch: pytest.MonkeyPatch, upstream: Upstream) -> None:
    organization, atomic = upstream.organization, transaction.atomic

    def an_application_first() -> Any:
        monkeypatch.undo()
        ingest.receive(organization, "one", {"request": {"theirs": 1}})
        return atomic()

    monkeypatch.setattr(transaction, "atomic", an_application_first)
    with pytest.raises(HeldElsewhere, match="did not come from this upstream"):
        factories.pulled(upstream, "one", factories.document())
    assert _stands("one") == {"request": {"theirs": 1}}


def test_it_leaves_what_has_not_changed(upstream: Upstream) -> None:
    factories.pulled(upstream, "one", {"request": {"n": 1, "m": 2}, "response": None})
    respelled = {"response": None, "request": {"m": 2.0, "n": 1e0}}
    assert factories.pulled(upstream, "one", respelled).outcome == Outcome.UNCHANGED
    assert Document.objects.count() == 1


def test_it_takes_over_what_nobody_touched_here(upstream: Upstream) -> None:
    factories.pulled(upstream, "one", factories.document(answer="First.", tags=["a"]))
    got = factories.pulled(upstream, "one", factories.document(answer="Second.", tags=["b"]))
    assert got.outcome == Outcome.CHANGED
    assert _stands("one") == factories.document(answer="Second.", tags=["b"])
    assert got.completion.upstream_document_id == got.completion.current_id
    assert [tag.name for tag in got.completion.tags.all()] == ["b"]
    assert Revision.objects.get().origin == "pull"
    assert not Push.objects.exists()


def test_it_keeps_our_edit_while_the_upstream_has_not_changed(upstream: Upstream) -> None:
    completion = _edited(upstream)
    assert factories.pulled(upstream, completion.uid, factories.document(answer="First.")).outcome == Outcome.UNCHANGED
    assert _stands(completion.uid) == factories.document(answer="Ours.")


def test_it_finds_a_conflict(upstream: Upstream) -> None:
    completion = _edited(upstream)
    theirs = factories.document(answer="Theirs.")
    assert factories.pulled(upstream, completion.uid, theirs).outcome == Outcome.CONFLICT
    completion.refresh_from_db()
    assert completion.conflict_document is not None
    assert documents.read(completion.conflict_document) == theirs
    assert _stands(completion.uid) == factories.document(answer="Ours.")
    assert completion.pushes.get(kind="update").state == PushState.CONFLICT
    assert AuditEvent.objects.filter(action="completion.conflict").count() == 1


def test_it_tells_of_a_conflict_once_and_of_its_newest_document(upstream: Upstream) -> None:
    completion = _edited(upstream)
    for answer in ["Theirs.", "Theirs.", "Theirs again."]:
        factories.pulled(upstream, completion.uid, factories.document(answer=answer))
    completion.refresh_from_db()
    assert completion.conflict_document is not None
    assert documents.read(completion.conflict_document) == factories.document(answer="Theirs again.")
    assert AuditEvent.objects.filter(action="completion.conflict").count() == 2


def test_it_finds_no_conflict_when_our_edit_had_arrived_after_all(upstream: Upstream) -> None:
    completion = _edited(upstream)
    ours = factories.document(answer="Ours.")
    assert factories.pulled(upstream, completion.uid, ours).outcome == Outcome.UNCHANGED
    completion.refresh_from_db()
    assert completion.upstream_document_id == completion.current_id


def test_it_asks_a_person_when_the_upstream_changes_what_somebody_edited_here(upstream: Upstream) -> None:
    completion = _edited(upstream)
    _deliver(completion)
    theirs = factories.document(answer="Theirs.")
    assert factories.pulled(upstream, completion.uid, theirs).outcome == Outcome.CONFLICT
    assert _stands(completion.uid) == factories.document(answer="Ours.")


def test_it_does_not_let_an_old_list_undo_an_edit_that_arrived(upstream: Upstream) -> None:
    completion = _edited(upstream)
    asked_at = timezone.now() - timedelta(seconds=1)
    _deliver(completion)
    old = factories.document(answer="First.")
    assert factories.pulled(upstream, completion.uid, old, asked_at=asked_at).outcome == Outcome.UNCHANGED
    assert _stands(completion.uid) == factories.document(answer="Ours.")


def test_it_decides_nothing_while_an_edit_is_in_flight(upstream: Upstream) -> None:
    completion = _edited(upstream)
    assert outbox.lease(completion.pushes.get(kind="update"))
    theirs = factories.document(answer="Theirs.")
    assert factories.pulled(upstream, completion.uid, theirs).outcome == Outcome.UNCHANGED
    assert Completion.objects.get(pk=completion.pk).conflict_document is None


def test_it_does_not_pull_over_what_an_application_sent(upstream: Upstream) -> None:
    ingest.receive(upstream.organization, "one", {"status": "finished"})
    with pytest.raises(HeldElsewhere, match="did not come from this upstream"):
        factories.pulled(upstream, "one", factories.document())
    assert _stands("one") == {"status": "finished"}


def test_it_does_not_pull_over_what_another_upstream_has(upstream: Upstream) -> None:
    factories.pulled(upstream, "one", factories.document())
    with pytest.raises(HeldElsewhere):
        factories.pulled(factories.upstream(upstream.organization), "one", factories.document(answer="Theirs."))


def test_it_is_no_longer_gone_when_it_is_listed_again(upstream: Upstream) -> None:
    completion = factories.completion(upstream.organization, upstream=upstream)
    Completion.objects.update(gone_upstream_at=timezone.now())
    factories.pulled(upstream, completion.uid, factories.document())
    completion.refresh_from_db()
    assert completion.gone_upstream_at is None
