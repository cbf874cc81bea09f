"""Exports: completions as they were received, with the grades that they were given, a line of JSON each."""

from collections.abc import Iterable, Iterator

from django.db import transaction

from reviews.models import Completion, Document, Feedback
from reviews.workflow import audit, documents, grading
from reviews.workflow.audit import Actor


def record(completions: Iterable[Completion], *, actor: Actor) -> None:
    """Say in the audit of each that its text leaves; before it does."""
    with transaction.atomic():
        for completion in completions:
            audit.record("completion.export", completion, organization=completion.organization, actor=actor)


def lines(completions: Iterable[Completion]) -> Iterator[bytes]:
    """The JSON of each, a line each, read one at a time."""
    for completion in completions:
        head = documents.dumps(
            {
                "id": completion.uid,
                "organization": completion.organization.slug,
                "received_at": completion.received_at,
                "feedback": [_grade(feedback) for feedback in _grades(completion)],
            }
        )
        # The document's bytes stand in the line as they came: members in their order, numbers as they were spelled.
        yield head[:-1] + b',"document":' + _received(completion) + b"}\n"


def _received(completion: Completion) -> bytes:
    document = Document.objects.get(pk=completion.received_id)
    try:
        documents.read(document)
    except documents.DocumentUnreadable:
        return b"null"
    # Between tokens a line break is a blank like others; within a string there is none.
    return documents.unpack(document.data).replace(b"\r", b" ").replace(b"\n", b" ")


def _grades(completion: Completion) -> Iterable[Feedback]:
    return completion.feedback.standing().select_related("feedback_task", "reviewer", "api_token").order_by("pk")


def _grade(feedback: Feedback) -> dict[str, object]:
    by = feedback.reviewer.get_username() if feedback.reviewer else str(feedback.api_token or "")
    return {
        "id": feedback.uid,
        "feedback_task": feedback.feedback_task.name,
        "values": grading.values_of(feedback),
        "comment": feedback.comment,
        "by": by,
        "created_at": feedback.created_at,
    }
