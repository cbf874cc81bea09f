"""Rows to break: whole ones, made by the verbs, and the two ways past every check that is not the database's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import BaseConstraint, Model, QuerySet, UniqueConstraint
from django.utils import timezone

from reviews.models import (
    Assignment,
    ClaimEvent,
    Completion,
    CompletionTag,
    Draft,
    Feedback,
    FeedbackCompletion,
    FeedbackTask,
    FeedbackTaskRevision,
    FeedbackTaskTag,
    GradeValue,
    Job,
    JobPart,
    KeyedRequest,
    Pull,
    PullRefusal,
    PullState,
    Push,
    PushKind,
    QueueItem,
    QueueReviewer,
    Revision,
    SavedView,
    SignInLink,
    Upstream,
)
from reviews.workflow import accounts, drafts
from tests import factories


def change(row: Model, **fields: Any) -> None:
    """Update a row as SQL would, past `save`, `clean` and the refusals of append-only models."""
    QuerySet(type(row)).filter(pk=row.pk).update(**fields)


def again(row: Model, **fields: Any) -> None:
    """Insert a copy of a row in which these columns are others."""
    columns = [field.attname for field in row._meta.concrete_fields if not field.primary_key]
    values = {name: getattr(row, name) for name in columns} | fields
    copies: QuerySet[Model] = QuerySet(type(row))
    copies.bulk_create([type(row)(**values)])


def constraints() -> dict[str, tuple[type[Model], BaseConstraint]]:
    """Every constraint of every model of ours, by its name."""
    models = apps.get_app_config("reviews").get_models()
    return {constraint.name: (model, constraint) for model in models for constraint in model._meta.constraints}


@contextmanager
def refused(name: str) -> Iterator[None]:
    """Passes when the database refuses what happens inside because of this constraint."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        yield
    assert _said(name) in str(caught.value)


def _said(name: str) -> str:
    """How the database names a constraint: SQLite names the columns of a unique one instead."""
    model, constraint = constraints()[name]
    if connection.vendor != "sqlite" or not isinstance(constraint, UniqueConstraint):
        return name
    columns = {field.name: field.column for field in model._meta.concrete_fields}
    return ", ".join(f"{model._meta.db_table}.{columns[name]}" for name in constraint.fields)


# Whole rows, each with what it stands on -------------------------------------------------------------------------


def upstream() -> Upstream:
    return factories.upstream(factories.organization())


def completion() -> Completion:
    return factories.completion(factories.organization())


def pulled_completion() -> Completion:
    source = upstream()
    return factories.completion(source.organization, upstream=source)


def completion_tag() -> CompletionTag:
    return CompletionTag.objects.get(completion=completion())


def feedback_task() -> FeedbackTask:
    return factories.feedback_task(factories.organization())


def pulled_feedback_task() -> FeedbackTask:
    source = upstream()
    return factories.feedback_task(source.organization, upstream=source)


def feedback_task_tag() -> FeedbackTaskTag:
    return FeedbackTaskTag.objects.get(feedback_task=feedback_task())


def feedback_task_revision() -> FeedbackTaskRevision:
    return FeedbackTaskRevision.objects.get(feedback_task=feedback_task())


def assignment() -> Assignment:
    """A held claim in an organization with an upstream."""
    wanted = pulled_feedback_task()
    factories.completion(wanted.organization, upstream=wanted.upstream)
    return factories.assignment(wanted)


def item() -> QueueItem:
    return assignment().item


def queue_reviewer() -> QueueReviewer:
    made = feedback_task()
    return QueueReviewer.objects.create(queue=made.queue, user=factories.reviewer(made.organization))


def claim_event() -> ClaimEvent:
    return ClaimEvent.objects.get(assignment=assignment())


def draft() -> Draft:
    claim = assignment()
    drafts.save(claim, [("comment", "Well.")], base=claim.item.completion.current)
    return Draft.objects.get(user=claim.reviewer)


def keyed_request() -> KeyedRequest:
    """One in flight."""
    token, _ = factories.token(factories.organization())
    now = timezone.now()
    return KeyedRequest.objects.create(
        api_token=token, target="t" * 64, key="k", body_hash="b" * 64, created_at=now, attempted_at=now
    )


def feedback() -> Feedback:
    return factories.submit(assignment()).feedback


def feedback_completion() -> FeedbackCompletion:
    return FeedbackCompletion.objects.get(feedback=feedback())


def revision() -> Revision:
    revision = factories.submit(assignment(), answer="Better.").revision
    assert revision is not None
    return revision


def push(kind: str = PushKind.UPDATE) -> Push:
    """A waiting push of a submit that edited and graded."""
    made = revision()
    return Push.objects.get(completion=made.completion, kind=kind)


def pull() -> Pull:
    return Pull.objects.create(upstream=upstream(), fence=1, started_at=timezone.now())


def pull_refusal() -> PullRefusal:
    now, made = timezone.now(), pull()
    return PullRefusal.objects.create(
        upstream=made.upstream, pull=made, fingerprint="f", reason="No JSON.", data=b"", first_at=now, last_at=now
    )


def ended_pull() -> Pull:
    made = pull()
    change(made, state=PullState.COMPLETE, ended_at=timezone.now())
    made.refresh_from_db()
    return made


def sign_in_link() -> SignInLink:
    user = factories.user()
    accounts.create_sign_in_link(user)
    return SignInLink.objects.get(user=user)


def later(**by: float) -> Any:
    """A moment that is not now."""
    return timezone.now() + timedelta(**by)


def job(**changed: Any) -> Job:
    """One that waits."""
    now = timezone.now()
    given = {
        "organization": factories.organization(),
        "kind": "export",
        "created_at": now,
        "not_before": now,
        **changed,
    }
    return Job.objects.create(**given)


def job_part() -> JobPart:
    return JobPart.objects.create(job=job(), number=1, data=b"", size=0)


def saved_view() -> SavedView:
    organization = factories.organization()
    return SavedView.objects.create(organization=organization, user=factories.reviewer(organization), name="Bad ones")


def grade_value() -> GradeValue:
    graded = feedback_completion()
    return GradeValue.objects.create(
        feedback=graded.feedback,
        completion=graded.completion,
        feedback_task=graded.feedback.feedback_task,
        name="score",
        value="4",
    )
