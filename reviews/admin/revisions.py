"""Revisions: who changed what in a completion."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from reviews.admin.base import HEAVY_OF_COMPLETION, ReadOnly, when
from reviews.admin.lists import one_of, since
from reviews.admin.showing import json_text_block
from reviews.admin.site import site
from reviews.models import Revision


@admin.register(Revision, site=site)
class Revisions(ReadOnly[Revision]):
    """Who changed a text, when, and by what right: an edit here, the API, a pull, a decision about a conflict?"""

    organization_path = "completion__organization"
    list_display = ("completion", "number", "origin", "author", "api_token", when("created_at", "made"))
    list_filter = (one_of("origin"), since("created_at", "made", by_id=True))
    list_select_related = ("completion", "author", "api_token")
    search_fields = ("completion__uid", "author__username")
    search_help_text = "The whole id of a completion, or an author’s user name"
    parts = ("origin",)
    is_far = True
    fields = ("completion", "number", "origin", "author", "api_token", "assignment", "created_at", "changes")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("changes_text", *HEAVY_OF_COMPLETION)

    def name_of(self, row: Revision) -> str:
        return f"Revision {row.number} of {row.completion}"

    @admin.display(description="pointer, before, after")
    def changes(self, revision: Revision) -> SafeString:
        return json_text_block(revision.changes_text)
