"""Feedback: the grades as they were given."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from reviews.admin.base import ReadOnly, when
from reviews.admin.lists import one_of, one_row, since
from reviews.admin.showing import json_text_block
from reviews.admin.site import site
from reviews.models import Feedback

MOST_VALUES = 80


@admin.register(Feedback, site=site)
class FeedbackRows(ReadOnly[Feedback]):
    """Who graded what under which feedback task, when, and what does the grade say?"""

    organization_path = "organization"
    plural = "Feedback"
    list_display = (
        "uid",
        "values_line",
        "feedback_task",
        "organization",
        "given_by",
        "origin",
        when("created_at", "given"),
    )
    list_filter = (
        one_row("organization"),
        one_row("feedback_task", "feedback task"),
        one_of("origin"),
        since("created_at", "given", by_id=True),
    )
    list_select_related = ("feedback_task", "organization", "reviewer", "api_token")
    search_fields = ("uid", "completions__uid", "reviewer__username")
    search_help_text = "A whole id, of feedback or of a completion, or a reviewer’s user name"
    parts = ("organization", "origin")
    unparted = ("feedback_task__id__exact",)
    fields = (
        "uid",
        "organization",
        "feedback_task",
        "task_revision",
        "about",
        "values",
        "comment",
        "origin",
        "reviewer",
        "api_token",
        "assignment",
        "supersedes",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("comment")

    @admin.display(description="values")
    def values_line(self, feedback: Feedback) -> str:
        """The beginning of the values."""
        text = feedback.values_text
        return text if len(text) <= MOST_VALUES else f"{text[:MOST_VALUES]}…"

    @admin.display(description="by")
    def given_by(self, feedback: Feedback) -> str:
        return str(feedback.reviewer or feedback.api_token)

    @admin.display(description="completions")
    def about(self, feedback: Feedback) -> str:
        return ", ".join(feedback.completions.values_list("uid", flat=True))

    @admin.display(description="values")
    def values(self, feedback: Feedback) -> SafeString:
        return json_text_block(feedback.values_text)
