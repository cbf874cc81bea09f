"""Completions and tags. A list never reads a document; a completion's page shows the current one."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from reviews.admin.base import ReadOnly, when
from reviews.admin.lists import one_of, one_row, since, yes_or_no
from reviews.admin.purging import purge_chosen
from reviews.admin.showing import json_block
from reviews.admin.site import actor_of, site
from reviews.models import Completion, Feedback, Status, Tag
from reviews.workflow import documents, exports

# A file to keep, and nothing that a browser would run.
INERT = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": 'attachment; filename="completions.jsonl"',
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
ELSEWHERE = (
    ("Queue items", "queueitem"),
    ("Claims", "assignment"),
    ("Feedback", "feedback"),
    ("Revisions", "revision"),
    ("Pushes", "push"),
)


@admin.register(Completion, site=site)
class Completions(ReadOnly[Completion]):
    """Has this one come, when, from where, and what became of it? Did any fail, or do any wait for a decision?"""

    organization_path = "organization"
    list_display = (
        "uid",
        "organization",
        "preview",
        "so_far",
        when("received_at"),
        "status",
        "model",
        "tag_names",
        "upstream",
    )
    list_filter = (
        one_row("organization"),
        one_of("status", usual=Status.FINISHED),
        yes_or_no("conflict", "conflict", Q(conflict_document__isnull=False), "in conflict"),
        yes_or_no("changed", "text", Q(revision_count__gt=0), "changed since it came"),
        yes_or_no("gone", "upstream", Q(gone_upstream_at__isnull=False), "no longer listed there"),
        since("received_at"),
    )
    list_select_related = ("organization", "upstream")
    search_fields = ("uid",)
    search_help_text = "The whole id of a completion"
    ordering = ("-received_at", "-pk")
    parts = ("organization",)
    actions = ("export", "purge")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "uid",
                    "organization",
                    "upstream",
                    "tag_names",
                    "session_uid",
                    "received_at",
                    "created_at",
                    "gone_upstream_at",
                    "elsewhere",
                )
            },
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
        ("Current document", {"fields": ("revision_count", "so_far", "hash", "document")}),
        ("Purge", {"fields": ("purged_at", "purged_by", "purged_because")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        grades = Prefetch("feedback", Feedback.objects.only("pk"))
        return super().get_queryset(request).defer("search_text").prefetch_related("tags", grades)

    @admin.action(description="Export as JSON lines, with grades and edits")
    def export(self, request: HttpRequest, queryset: QuerySet[Completion]) -> StreamingHttpResponse:
        chosen = list(queryset.select_related("organization").prefetch_related(None))
        exports.record(chosen, actor=actor_of(request))
        found = Completion.objects.filter(pk__in=[completion.pk for completion in chosen])
        return StreamingHttpResponse(exports.lines(found), content_type="application/x-ndjson", headers=INERT)

    @admin.display(description="tags")
    def tag_names(self, completion: Completion) -> str:
        return ", ".join(tag.name for tag in completion.tags.all())

    @admin.display(description="so far")
    def so_far(self, completion: Completion) -> str:
        """What has become of it, in words."""
        grades = len(completion.feedback.all())
        said = [
            "purged" if completion.purged_at else "",
            "in conflict" if completion.conflict_document_id else "",
            "gone upstream" if completion.gone_upstream_at else "",
            _times(completion.revision_count, "change"),
            _times(grades, "grade"),
        ]
        return ", ".join(filter(None, said)) or "–"

    @admin.display(description="here")
    def elsewhere(self, completion: Completion) -> SafeString:
        """The lists that have rows of it, searched for it."""
        pages = format_html('<a href="{}">As reviewers see it</a>', reverse("completion", args=[completion.pk]))
        links = ((reverse(f"admin:reviews_{noun}_changelist"), completion.uid, title) for title, noun in ELSEWHERE)
        return pages + format_html_join("", ' · <a href="{}?q={}">{}</a>', links)

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
    """Which words are on completions here, spelled how?"""

    organization_path = "organization"
    list_display = ("name", "organization")
    list_filter = (one_row("organization"),)
    list_select_related = ("organization",)
    search_fields = ("name",)
    search_help_text = "The whole tag, as it is spelled"
    parts = ("organization",)
    fields = ("name", "organization", "uid")


def _times(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count > 1 else ''}" if count else ""
