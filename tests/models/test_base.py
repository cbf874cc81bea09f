"""What holds for all models: each constraint has its test, and append-only rows stay as they were written."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model

from reviews.models import AppendOnlyViolation, AuditEvent, AuditSeal
from reviews.models.base import AppendOnly
from tests import factories
from tests.audit_rows import events, seal_all
from tests.models import (
    rows,
    test_accounts,
    test_completions,
    test_drafts,
    test_feedback,
    test_feedback_tasks,
    test_idempotency,
    test_jobs,
    test_queues,
    test_revisions,
    test_saved_views,
    test_sync,
)

TABLES = (
    test_accounts,
    test_completions,
    test_drafts,
    test_feedback,
    test_feedback_tasks,
    test_idempotency,
    test_jobs,
    test_queues,
    test_revisions,
    test_saved_views,
    test_sync,
)


def _audit_event() -> AuditEvent:
    factories.organization()
    event: AuditEvent = AuditEvent.objects.latest("id")
    return event


def _audit_seal() -> AuditSeal:
    events(1)
    return seal_all()[0]


APPEND_ONLY: dict[str, Callable[[], Any]] = {
    "AuditEvent": _audit_event,
    "AuditSeal": _audit_seal,
    "ClaimEvent": rows.claim_event,
    "Document": lambda: rows.completion().current,
    "Feedback": rows.feedback,
    "FeedbackCompletion": rows.feedback_completion,
    "GradeValue": rows.grade_value,
    "FeedbackTaskRevision": rows.feedback_task_revision,
    "Revision": rows.revision,
}


def test_every_constraint_has_a_test() -> None:
    tested = {name for table in TABLES for name in table.BREAKS}
    assert tested == set(rows.constraints())


def test_every_append_only_model_has_a_test() -> None:
    models = apps.get_app_config("reviews").get_models()
    assert {model.__name__ for model in models if issubclass(model, AppendOnly)} == set(APPEND_ONLY)


@pytest.mark.django_db
@pytest.mark.parametrize("name", APPEND_ONLY)
def test_it_refuses_to_change_or_delete_a_row(name: str) -> None:
    row: Model = APPEND_ONLY[name]()
    with pytest.raises(AppendOnlyViolation, match="append-only"):
        row.save()
    with pytest.raises(AppendOnlyViolation, match="append-only"):
        row.delete()


@pytest.mark.django_db
@pytest.mark.parametrize("name", APPEND_ONLY)
def test_it_refuses_to_change_or_delete_many(name: str) -> None:
    row: Model = APPEND_ONLY[name]()
    found = type(row)._default_manager.filter(pk=row.pk)
    with pytest.raises(AppendOnlyViolation, match="append-only"):
        found.update(pk=0)
    with pytest.raises(AppendOnlyViolation, match="append-only"):
        found.delete()
    assert found.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", APPEND_ONLY)
def test_it_refuses_to_change_many_in_bulk(name: str) -> None:
    row: Model = APPEND_ONLY[name]()
    field = next(field.name for field in row._meta.concrete_fields if not field.primary_key)
    with pytest.raises(AppendOnlyViolation, match="append-only"):
        type(row)._default_manager.bulk_update([row], [field])
