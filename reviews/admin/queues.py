"""Queues, which are set up here, and their items, claims and claim ledger, which are shown."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.forms.models import ModelChoiceField
from django.http import HttpRequest

from reviews.admin.base import HEAVY_OF_COMPLETION, Managed, ReadOnly, Scoped, present, when
from reviews.admin.site import actor_of, site
from reviews.models import Assignment, ClaimEvent, Queue, QueueItem, QueueReviewer, User
from reviews.workflow import queue_settings

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
    organization_path = "queue__organization"
    list_display = (
        "completion",
        "queue",
        "state",
        "reviews_done",
        "reviews_needed",
        "priority",
        "flag_reason",
        when("received_at"),
    )
    list_filter = ("state", present("flag", "flagged_at", "flagged", "not flagged"), "queue")
    list_select_related = ("completion", "queue")
    search_fields = ("completion__uid__exact",)
    search_help_text = "The whole id of a completion."
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


@admin.register(Assignment, site=site)
class Assignments(ReadOnly[Assignment]):
    organization_path = "item__queue__organization"
    list_display = ("reviewer", "completion", "queue", "state", "place", when("claimed_at"), when("held_until"))
    list_filter = ("state", "item__queue")
    list_select_related = ("reviewer", "item__completion", "item__queue")
    search_fields = ("reviewer__username__exact",)
    search_help_text = "A reviewer's whole user name."
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

    @admin.display(description="completion")
    def completion(self, assignment: Assignment) -> str:
        return assignment.item.completion.uid

    @admin.display(description="queue")
    def queue(self, assignment: Assignment) -> str:
        return assignment.item.queue.name


@admin.register(ClaimEvent, site=site)
class ClaimEvents(ReadOnly[ClaimEvent]):
    organization_path = "assignment__item__queue__organization"
    list_display = (when("at"), "change", "by", "assignment", "reason")
    list_filter = ("change",)
    list_select_related = ("assignment__reviewer", "by")
    search_fields = ("by__username__exact",)
    search_help_text = "A reviewer's whole user name."
    fields = ("assignment", "change", "by", "reason", "at")
