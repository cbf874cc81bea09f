"""Purging chosen completions from their list: the question, with a reason, and the deed, by the verb of the page."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from reviews.admin.acting import act, to_confirm
from reviews.admin.site import actor_of
from reviews.models import Completion
from reviews.workflow import purging
from reviews.workflow.purging import PurgeRefused

MOST = 100


def purge_chosen(model_admin: Any, request: HttpRequest, chosen: QuerySet[Completion]) -> HttpResponse | None:
    """The page that asks, or, where that was answered with a reason, the list again with what became of them."""
    rows = chosen.select_related(None).prefetch_related(None).only("uid", "purged_at").order_by("pk")
    if len(rows[: MOST + 1]) > MOST:
        messages.error(request, f"Choose at most {MOST}; manage.py purge takes any number. Nothing was purged.")
        return None
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    error = "" if reason or "confirmed" not in request.POST else "Say why: the reason stays when the text is gone."
    if len(reason) > purging.LONGEST_REASON:
        error = f"At most {purging.LONGEST_REASON} characters."
    asked = to_confirm(
        request,
        model_admin,
        rows,
        title="Purge",
        sentence="This cannot be taken back. What was asked and answered goes, with every earlier version, comments, "
        "drafts and free text in grades. Ids, tags, moments, figures, hashes, and in grades what the rubric offered "
        "stay. Their ids are not taken again; upstreams keep what they have.",
        button="Purge them for good",
        error=error,
        reason=purging.LONGEST_REASON,
    )
    if asked is None:
        act(
            request,
            rows,
            lambda row: purging.purge(row.pk, reason=reason, actor=actor_of(request)),
            refusals=(PurgeRefused,),
            done="Purged, for good",
        )
    return asked
