"""Editing: texts of the answer, and nothing else."""

from typing import Any

import orjson
import pytest

from reviews.models import AuditEvent, Completion, Document, Revision, User
from reviews.workflow import documents, editing
from reviews.workflow.audit import Actor
from reviews.workflow.editing import EditRefused, LeafEdit, StaleDocument
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor() -> User:
    return factories.user()


def _edit(completion: Completion, editor: User, *edits: tuple[str, str], base_id: int = 0) -> Revision | None:
    leaves = [LeafEdit(pointer, text) for pointer, text in edits]
    return editing.edit(completion.pk, leaves, base_id=base_id or completion.current_id, actor=Actor(user=editor))


def _completion(**said: Any) -> Completion:
    return factories.completion(factories.organization(), **said)


def test_it_changes_one_text_and_nothing_else(editor: User) -> None:
    said = factories.document(answer="Before.", extra={"z": 1.0, "a": 2**60})
    revision = _edit(_completion(answer="Before.", extra={"z": 1.0, "a": 2**60}), editor, (factories.ANSWER, "After."))
    assert revision is not None
    before = documents.dumps(said)
    assert documents.dumps(documents.read(revision.result)) == before.replace(b"Before.", b"After.")
    assert orjson.loads(revision.changes_text) == [[factories.ANSWER, "Before.", "After."]]
    assert (revision.number, revision.origin, revision.author) == (1, "edit", editor)


def test_it_shows_in_the_columns(editor: User) -> None:
    completion = _completion()
    _edit(completion, editor, (factories.ANSWER, "After\x00."))
    completion.refresh_from_db()
    assert completion.search_text == " after what is it"
    assert completion.revision_count == 1
    assert completion.received_id != completion.current_id


def test_it_writes_hashes_to_the_audit_log_and_no_text(editor: User) -> None:
    completion = _completion()
    _edit(completion, editor, (factories.ANSWER, "A secret."))
    event = AuditEvent.objects.get(action="completion.revise")
    assert (event.user, event.before_hash) == (editor, completion.current.hash)
    assert event.details == "edit"


def test_it_makes_one_revision_of_many_edits(editor: User) -> None:
    choices = [{"message": {"content": [{"type": "text", "text": "a"}]}}, {"text": "b"}]
    edits = [("/response/choices/0/message/content/0/text", "A"), ("/response/choices/1/text", "B")]
    revision = _edit(_completion(response={"choices": choices}), editor, *edits)
    assert revision is not None
    assert len(orjson.loads(revision.changes_text)) == 2


def test_it_writes_nothing_when_it_says_the_same(editor: User) -> None:
    completion = _completion(answer="Same.")
    assert _edit(completion, editor) is None
    assert _edit(completion, editor, (factories.ANSWER, "Same.")) is None
    assert (Document.objects.count(), Revision.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    "pointer",
    [
        "",
        "/response",
        "/response/model",
        "/request/messages/0/content",
        "/response/choices/0/message/role",
        "/response/choices/0/finish_reason",
        "/response/choices/0/message/content/",
        "/response/choices/-1/message/content",
        "/response/choices/0/message/content\n",
        "x/response/choices/0/message/content",
    ],
)
def test_it_edits_nothing_but_answers(pointer: str, editor: User) -> None:
    with pytest.raises(EditRefused, match="Only the text of an answer"):
        _edit(_completion(), editor, (pointer, "New."))


@pytest.mark.parametrize(
    ("choice", "pointer"),
    [
        ({"message": {"content": None}}, "message/content"),
        ({"message": {"content": [{"text": "a"}]}}, "message/content"),
        ({"message": {}}, "message/content"),
        ({"message": {"content": "a"}}, "text"),
        ({"message": {"content": [{"image_url": "x"}]}}, "message/content/0/text"),
        ({"message": {"content": [{"text": "a"}]}}, "message/content/1/text"),
    ],
)
def test_it_edits_only_where_a_text_stands(choice: dict[str, Any], pointer: str, editor: User) -> None:
    completion = _completion(response={"choices": [choice]})
    with pytest.raises(EditRefused):
        _edit(completion, editor, (f"/response/choices/0/{pointer}", "New."))


def test_it_refuses_half_a_character(editor: User) -> None:
    with pytest.raises(EditRefused, match="lone surrogate"):
        _edit(_completion(), editor, (factories.ANSWER, "\ud800"))


def test_it_refuses_a_text_that_is_too_long(editor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "LONGEST_TEXT", 3)
    with pytest.raises(EditRefused, match="longer than 3 characters"):
        _edit(_completion(), editor, (factories.ANSWER, "four"))


def test_it_refuses_an_edit_of_what_has_changed(editor: User) -> None:
    completion = _completion()
    _edit(completion, editor, (factories.ANSWER, "First."))
    with pytest.raises(StaleDocument):
        _edit(completion, editor, (factories.ANSWER, "Second."))
    assert Revision.objects.count() == 1


def test_it_counts_revisions(editor: User) -> None:
    completion = _completion()
    for answer in ["First.", "Second."]:
        completion.refresh_from_db()
        _edit(completion, editor, (factories.ANSWER, answer))
    assert list(completion.revisions.values_list("number", flat=True)) == [1, 2]
    assert completion.revisions.get(number=2).base == completion.revisions.get(number=1).result
