"""Purging chosen completions from their list: the question, with a reason, and the deed, by the verb of the page."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from reviews.admin.site import actor_of
from reviews.models import Completion
from reviews.workflow import purging
from reviews.workflow.purging import PurgeRefused

MOST = 100


def purge_chosen(admin: Any, request: HttpRequest, chosen: QuerySet[Completion]) -> HttpResponse | None:
    """The page that asks, or, where that was answered with a reason, the list again with what became of each."""
    rows = list(chosen.select_related(None).only("uid", "purged_at").order_by("pk")[: MOST + 1])
    if len(rows) > MOST:
        messages.error(request, f"Choose at most {MOST}; manage.py purge takes any number. Nothing was purged.")
        return None
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    if "purge" in request.POST and reason:
        _purge(request, rows, reason)
        return None
    context = {
        **admin.admin_site.each_context(request),
        "title": "Purge",
        "opts": admin.opts,
        "rows": rows,
        "is_refused": "purge" in request.POST,
        "checkbox": ACTION_CHECKBOX_NAME,
        "longest": purging.LONGEST_REASON,
    }
    return TemplateResponse(request, "admin/purge.html", context)


def _purge(request: HttpRequest, rows: list[Completion], reason: str) -> None:
    purged = 0
    for row in rows:
        try:
            purging.purge(row.pk, reason=reason, actor=actor_of(request))
        except PurgeRefused as error:
            messages.warning(request, f"{row.uid}: {error}")
        else:
            purged += 1
    if purged:
        messages.success(request, f"{purged} purged, for good.")
