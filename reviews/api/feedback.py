"""Feedback: upload, list, get."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from reviews.api.http import View
from reviews.api.openapi import feedback as described
from reviews.api.paging import window
from reviews.log10 import wire
from reviews.models import Completion, Feedback, FeedbackCompletion, FeedbackTask, Tag
from reviews.models.feedback import FeedbackQuerySet
from reviews.workflow import grading


class FeedbackList(View):
    """GET and POST /api/v1/feedback."""

    needs = {"GET": "read", "POST": "feedback"}
    operations = {"GET": described.LIST, "POST": described.CREATE}

    def get(self, request: Request) -> Response:
        """Newest first. One answer for both client families: `feedback` for log10py, `data` and `total` for log10-io.

        What its reviewer corrected or took back is not listed. `total` counts from the offset on, because log10-io asks
        again as long as it has fetched fewer rows.
        """
        asked = request.query_params.dict()
        window(asked)
        filters = {**asked, **self.optional_body()}
        rows = _filtered(_feedback(self).standing(), filters)
        part = window(filters)
        shown = [_shown(row) for row in rows.order_by("-id")[part]]
        total = max(0, rows.count() - part.start)
        return Response({"feedback": shown, "data": shown, "total": total})

    def post(self, request: Request) -> Response:
        received = wire.read_feedback(self.body().value)
        task = FeedbackTask.objects.filter(organization=self.organization, uid=received.task_uid)
        feedback_task = task.select_related("organization", "current_revision").first()
        if feedback_task is None:
            raise NotFound(f"There is no feedback task {received.task_uid} here.")
        row = grading.record(
            feedback_task,
            _meant(self, received),
            values=received.values,
            comment=received.comment,
            actor=self.actor,
            api_token=self.token,
        )
        return Response(_shown(_feedback(self).get(pk=row.pk)))


class FeedbackDetail(View):
    """GET /api/v1/feedback/{id}."""

    needs = {"GET": "read"}
    operations = {"GET": described.GET}

    def get(self, request: Request, uid: str) -> Response:
        row = _feedback(self).filter(uid=uid).first()
        if row is None:
            raise NotFound(f"There is no feedback {uid} here.")
        return Response(_shown(row))


def _feedback(view: View) -> FeedbackQuerySet:
    rows = Feedback.objects.filter(organization=view.organization)
    return rows.select_related("organization", "feedback_task").prefetch_related("completions")


def _shown(row: Feedback) -> dict[str, Any]:
    return wire.feedback(row, row.completions.all())


def _filtered(rows: QuerySet[Feedback], filters: Mapping[str, Any]) -> QuerySet[Feedback]:
    task, completion = filters.get("task_id"), filters.get("completion_id")
    for value in (task, completion):
        if value is not None and not isinstance(value, str):
            raise ParseError("“task_id” and “completion_id” must be text.")
    if task:
        rows = rows.filter(feedback_task__uid=task.replace("\x00", ""))
    if completion:
        about = FeedbackCompletion.objects.filter(completion__uid=completion.replace("\x00", ""))
        rows = rows.filter(pk__in=about.values("feedback_id"))
    return rows


def _meant(view: View, received: wire.FeedbackIn) -> Sequence[Completion]:
    """The completions that a feedback is about: those it names, or those that carry all of its tags, newest first."""
    here = Completion.objects.filter(organization=view.organization).select_related("upstream", "organization")
    if received.completion_uids:
        found = {completion.uid: completion for completion in here.filter(uid__in=received.completion_uids)}
        missing = [uid for uid in received.completion_uids if uid not in found]
        if missing:
            raise NotFound(f"There is no completion {missing[0]} here.")
        return [found[uid] for uid in received.completion_uids]
    tags = Tag.objects.filter(organization=view.organization, name__in=received.selector)
    tag_ids = set(tags.values_list("pk", flat=True))
    complete = len(tag_ids) == len(received.selector)
    matched = list(
        here.filter(pk__in=Completion.objects.having_tags(tag_ids).values("pk")).order_by("-received_at", "-pk")[
            : received.max_matched
        ]
        if complete
        else []
    )
    if not matched and not received.allow_unmatched:
        raise ParseError(
            "No completion carries these tags. Name completions in “completion_ids”, or set “allow_unmatched_feedback”."
        )
    return matched
