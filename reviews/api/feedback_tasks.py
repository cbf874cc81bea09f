"""Feedback tasks: create, list, get."""

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from reviews.api.http import View
from reviews.api.openapi import feedback_tasks as described
from reviews.api.paging import window
from reviews.log10 import wire
from reviews.models import FeedbackTask
from reviews.workflow import feedback_tasks


class FeedbackTasks(View):
    """GET and POST /api/v1/feedback_task."""

    needs = {"GET": "read", "POST": "feedback"}
    operations = {"GET": described.LIST, "POST": described.CREATE}

    def get(self, request: Request) -> Response:
        """A bare list for log10py; under `data` for log10-io, which names its organization in the query."""
        rows, part = _tasks(self).order_by("-id"), window(request.query_params)
        if "organization_id" in request.query_params:
            rows = rows[part]
            return Response({"data": [wire.feedback_task(task, reader=self.reader) for task in rows]})
        return Response([wire.feedback_task(task, reader=self.reader) for task in rows])

    def post(self, request: Request) -> Response:
        content = wire.read_feedback_task(self.body().value)
        created = feedback_tasks.create(self.organization, content, actor=self.actor)
        return Response(wire.feedback_task(_tasks(self).get(pk=created.pk), reader=self.reader))


class FeedbackTaskDetail(View):
    """GET /api/v1/feedback_task/{id}."""

    needs = {"GET": "read"}
    operations = {"GET": described.GET}

    def get(self, request: Request, uid: str) -> Response:
        task = _tasks(self).filter(uid=uid).first()
        if task is None:
            raise NotFound(f"There is no feedback task {uid} here.")
        return Response(wire.feedback_task(task, reader=self.reader))


def _tasks(view: View) -> QuerySet[FeedbackTask]:
    tasks = FeedbackTask.objects.filter(organization=view.organization, archived_at=None)
    return tasks.select_related("organization", "current_revision").prefetch_related("selector")
