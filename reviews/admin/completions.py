"""Completions and tags. A list never reads a document; a completion's page shows the current one."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reviews.admin.base import ReadOnly, present, when
from reviews.admin.purging import purge_chosen
from reviews.admin.showing import json_block
from reviews.admin.site import site
from reviews.models import Completion, Tag
from reviews.workflow import documents


@admin.register(Completion, site=site)
class Completions(ReadOnly[Completion]):
    organization_path = "organization"
    list_display = ("uid", "organization", "status", "model", "preview", when("received_at"))
    list_filter = ("organization", "kind", "status", present("conflict", "conflict_document", "in conflict", "none"))
    list_select_related = ("organization",)
    actions = ("purge",)
    search_fields = ("uid__exact",)
    search_help_text = "The whole id."
    fieldsets = (
        (
            None,
            {"fields": ("uid", "organization", "upstream", "tag_names", "session_uid", "received_at", "created_at")},
        ),
        (
            "What it is",
            {
                "fields": (
                    "kind",
                    "status",
                    "model",
                    "prompt_tokens",
                    "completion_tokens",
                    "confidence_mean",
                    "confidence_low",
                    "uncertain_tokens",
                )
            },
        ),
        ("Current document", {"fields": ("revision_count", "hash", "document")}),
        ("Purge", {"fields": ("purged_at", "purged_by", "purged_because")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("search_text")

    @admin.display(description="tags")
    def tag_names(self, completion: Completion) -> str:
        return ", ".join(tag.name for tag in completion.tags.all())

    @admin.display(description="hash")
    def hash(self, completion: Completion) -> SafeString:
        return format_html("<code>{}</code>", completion.current.hash)

    @admin.action(description="Purge the text, for good")
    def purge(self, request: HttpRequest, queryset: QuerySet[Completion]) -> HttpResponse | None:
        return purge_chosen(self, request, queryset)

    @admin.display(description="JSON")
    def document(self, completion: Completion) -> str:
        try:
            return json_block(documents.read(completion.current))
        except documents.DocumentUnreadable as error:
            return str(error)


@admin.register(Tag, site=site)
class Tags(ReadOnly[Tag]):
    organization_path = "organization"
    list_display = ("name", "organization")
    list_filter = ("organization",)
    list_select_related = ("organization",)
    search_fields = ("name",)
    fields = ("name", "organization", "uid")
