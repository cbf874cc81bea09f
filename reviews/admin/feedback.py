"""Feedback: the grades as they were given."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from reviews.admin.base import ReadOnly, when
from reviews.admin.showing import json_text_block
from reviews.admin.site import site
from reviews.models import Feedback


@admin.register(Feedback, site=site)
class FeedbackRows(ReadOnly[Feedback]):
    organization_path = "organization"
    plural = "Feedback"
    list_display = ("uid", "feedback_task", "organization", "origin", "reviewer", "api_token", when("created_at"))
    list_filter = ("origin", "organization", "feedback_task")
    list_select_related = ("feedback_task", "organization", "reviewer", "api_token")
    search_fields = ("uid__exact",)
    search_help_text = "The whole id."
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
        return super().get_queryset(request).defer("values_text", "comment")

    @admin.display(description="completions")
    def about(self, feedback: Feedback) -> str:
        return ", ".join(feedback.completions.values_list("uid", flat=True))

    @admin.display(description="values")
    def values(self, feedback: Feedback) -> SafeString:
        return json_text_block(feedback.values_text)
