"""Queues, which are set up here, and their items, claims and claim ledger, which are shown."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.forms.models import ModelChoiceField
from django.http import HttpRequest
from django.template.response import TemplateResponse

from reviews.admin.acting import act, to_confirm
from reviews.admin.base import HEAVY_OF_COMPLETION, Managed, ReadOnly, Scoped, when
from reviews.admin.lists import OneOf, is_id, named, one_of, one_row, present
from reviews.admin.site import actor_of, site
from reviews.models import Assignment, AssignmentState, ClaimEvent, Queue, QueueItem, QueueReviewer, User
from reviews.workflow import queue_items, queue_settings
from reviews.workflow.queue_items import MOST_REASON

if TYPE_CHECKING:
    Inline = admin.TabularInline[QueueReviewer, Queue]
else:
    Inline = admin.TabularInline


class Reviewers(Scoped, Inline):
    organization_path = "queue__organization"
    model = QueueReviewer
    verbose_name = "reviewer"
    verbose_name_plural = "Reviewers, when not every member reviews"
    fields = ("user",)
    extra = 1

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_formset(self, request: HttpRequest, obj: Queue | None = None, **kwargs: Any) -> Any:
        """Members of the queue's organization alone can be chosen."""
        formset = super().get_formset(request, obj, **kwargs)
        user = formset.form.base_fields["user"]
        user.widget.attrs["aria-label"] = "Reviewer"
        if isinstance(user, ModelChoiceField) and obj is not None:
            user.queryset = User.objects.filter(memberships__organization_id=obj.organization_id).order_by("username")
        return formset


@admin.register(Queue, site=site)
class Queues(Managed[Queue]):
    """A queue comes with its feedback task, so none is added here."""

    organization_path = "organization"
    list_display = ("name", "organization", "is_open", "everyone", "reviews_per_completion", "blind", "order")
    list_filter = ("is_open", "organization")
    list_select_related = ("organization",)
    search_fields = ("name",)
    search_help_text = "Part of a name"
    inlines = (Reviewers,)
    readonly_fields = ("feedback_task", "organization")
    fieldsets = (
        (None, {"fields": ("feedback_task", "organization", "is_open", "everyone", "blind", "claim_minutes")}),
        (
            "What open items follow",
            {
                "fields": ("reviews_per_completion", "order"),
                "description": "Items that are done stay done; who holds one may finish.",
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_changed(self, request: HttpRequest, obj: Queue, names: list[str]) -> None:
        """By the verb of the leads' page, so that open items follow."""
        wanted = {name: getattr(obj, name) for name in names}
        obj.refresh_from_db()
        queue_settings.change(obj, replace(queue_settings.settings_of(obj), **wanted), actor=actor_of(request))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        chosen: set[int] = set()
        for formset in formsets:
            # What is to be said of it afterwards is found out here; the verb writes.
            formset.save(commit=False)
            given = (inline.cleaned_data for inline in formset.forms)
            chosen |= {row["user"].pk for row in given if row.get("user") and not row.get("DELETE")}
        wanted = replace(queue_settings.settings_of(form.instance), reviewer_ids=frozenset(chosen))
        queue_settings.change(form.instance, wanted, actor=actor_of(request))


@admin.register(QueueItem, site=site)
class QueueItems(ReadOnly[QueueItem]):
    """What waits in this queue, what is done, what was withdrawn, and what waits for a lead?"""

    organization_path = "queue__organization"
    list_display = (
        "completion",
        "queue",
        "state",
        "reviews",
        "flag_reason",
        when("received_at"),
        when("closed_at"),
        "closed_because",
    )
    list_filter = (one_of("state"), one_row("queue"), present("flag", "flagged_at", "flagged"))
    list_select_related = ("completion", "queue")
    search_fields = ("completion__uid",)
    search_help_text = "The whole id of a completion"
    parts = ("queue", "state")
    actions = ("requeue", "unflag", "reopen", "close")

    fields = (
        "queue",
        "completion",
        "state",
        "reviews_needed",
        "places_taken",
        "reviews_done",
        "priority",
        "received_at",
        "graded_at",
        "closed_at",
        "closed_because",
        "flagged_at",
        "flagged_by",
        "flag_reason",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer(*HEAVY_OF_COMPLETION)

    def parted_by(self, request: HttpRequest) -> tuple[str, ...]:
        return ("queue",) if "flagged_at" in request.GET else self.parts

    def name_of(self, row: QueueItem) -> str:
        return f"{row.completion} in {row.queue}"

    @admin.display(description="reviews")
    def reviews(self, item: QueueItem) -> str:
        return f"{item.reviews_done} of {item.reviews_needed}"

    @admin.action(description="Requeue: offer it again to those who skipped it")
    def requeue(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> None:
        self._each(request, queryset, queue_items.requeue, "Offered again")

    @admin.action(description="Take the flag off")
    def unflag(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> None:
        self._each(request, queryset, queue_items.unflag, "Flags taken off")

    @admin.action(description="Reopen: one more review")
    def reopen(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> None:
        self._each(request, queryset, queue_items.reopen, "Open again")

    @admin.action(description="Close: take it out of its queue")
    def close(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> TemplateResponse | None:
        reason = request.POST.get("reason", "").replace("\x00", "").strip()
        error = "" if reason or "confirmed" not in request.POST else "Say in a few words why."
        if len(reason) > MOST_REASON:
            error = f"At most {MOST_REASON} characters."
        asked = to_confirm(
            request,
            self,
            queryset.select_related("completion", "queue"),
            title="Close items",
            sentence="These leave their queues. Whoever holds one loses the claim and is told why. "
            "They stand among the withdrawn items and can be reopened.",
            button="Close",
            error=error,
            reason=MOST_REASON,
        )
        if asked is None:
            close = partial(queue_items.close, reason=reason)
            self._each(request, queryset, close, "Closed")
        return asked

    def _each(self, request: HttpRequest, queryset: QuerySet[QueueItem], verb: Any, done: str) -> None:
        act(
            request,
            queryset.select_related("queue__organization"),
            lambda item: verb(item, actor=actor_of(request)),
            refusals=(queue_items.NotSo,),
            done=done,
        )


class HeldIn(OneOf):
    """Who holds something in this queue."""

    title = "held in queue"
    parameter_name = "held_in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        queues = model_admin.admin_site.get_model_admin(Queue).get_queryset(request).filter(is_open=True)
        return named(request, queues)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Assignment]) -> QuerySet[Assignment]:
        value = self.value()
        if value is None:
            return queryset
        if not is_id(value):
            raise IncorrectLookupParameters("There is no such queue.")
        return queryset.filter(state=AssignmentState.HELD, item__queue_id=int(value))


@admin.register(Assignment, site=site)
class Assignments(ReadOnly[Assignment]):
    """Who holds what, until when, and what became of the claims before?"""

    organization_path = "item__queue__organization"
    plural = "Claims"
    list_display = ("reviewer", "completion", "queue", "state", "place", when("claimed_at"), when("held_until"))
    list_filter = (one_of("state"), HeldIn)
    list_select_related = ("reviewer", "item__completion", "item__queue")
    search_fields = ("item__completion__uid", "reviewer__username")
    search_help_text = "A reviewer’s user name, or the whole id of a completion"
    parts = ("state",)
    is_far = True
    unparted = ("held_in",)
    actions = ("release",)
    fields = (
        "item",
        "completion",
        "reviewer",
        "place",
        "state",
        "prefetched",
        "fence",
        "claimed_at",
        "held_until",
        "ended_at",
        "requeued_at",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer(*(f"item__{name}" for name in HEAVY_OF_COMPLETION))

    def name_of(self, row: Assignment) -> str:
        return f"{row.item.completion}, claimed by {row.reviewer}"

    @admin.action(description="Release: take it back from who holds it")
    def release(self, request: HttpRequest, queryset: QuerySet[Assignment]) -> None:
        act(
            request,
            queryset.select_related("reviewer", "item__queue__organization"),
            lambda claim: queue_items.release(claim, actor=actor_of(request)),
            refusals=(queue_items.NotSo,),
            done="Taken back",
        )

    @admin.display(description="completion")
    def completion(self, assignment: Assignment) -> str:
        return assignment.item.completion.uid

    @admin.display(description="queue")
    def queue(self, assignment: Assignment) -> str:
        return assignment.item.queue.name


@admin.register(ClaimEvent, site=site)
class ClaimEvents(ReadOnly[ClaimEvent]):
    """What happened to claims, by whom, and with what reason?"""

    organization_path = "assignment__item__queue__organization"
    plural = "Claim ledger"
    list_display = (when("at"), "change", "by", "assignment", "reason")
    list_filter = (one_of("change"),)
    list_select_related = ("assignment__reviewer", "by")
    search_fields = ("assignment__item__completion__uid", "by__username")
    search_help_text = "A user name, or the whole id of a completion"
    parts = ("change",)
    is_far = True
    fields = ("assignment", "change", "by", "reason", "at")
