"""Pulls, what they set aside, and pushes."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from reviews.admin.base import HEAVY_OF_COMPLETION, ReadOnly, present, when
from reviews.admin.showing import json_text_block
from reviews.admin.site import actor_of, site
from reviews.models import Pull, PullRefusal, Push
from reviews.workflow import documents, outbox, refusals


@admin.register(Pull, site=site)
class Pulls(ReadOnly[Pull]):
    organization_path = "upstream__organization"
    list_display = (
        "upstream",
        "state",
        when("started_at"),
        when("ended_at"),
        "listed",
        "created",
        "changed",
        "conflicts",
        "refused",
        "gone",
        "error",
    )
    list_filter = ("state", "upstream")
    list_select_related = ("upstream",)
    fields = (
        "upstream",
        "state",
        "started_at",
        "ended_at",
        "listed",
        "created",
        "changed",
        "conflicts",
        "refused",
        "gone",
        "feedback_tasks",
        "size",
        "error",
    )


@admin.register(PullRefusal, site=site)
class PullRefusals(ReadOnly[PullRefusal]):
    organization_path = "upstream__organization"
    plural = "Refused items"
    list_display = (
        "uid",
        "what",
        "upstream",
        "reason",
        when("first_at", "first"),
        when("last_at", "last"),
        when("retry_asked_at", "asked for again"),
        when("taken_at", "taken"),
    )
    list_filter = (present("outcome", "taken_at", "taken since", "still set aside"), "what", "upstream")
    list_select_related = ("upstream",)
    search_fields = ("uid__exact",)
    search_help_text = "The whole id of the item."
    actions = ("try_again",)
    fields = (
        "uid",
        "what",
        "upstream",
        "pull",
        "reason",
        "first_at",
        "last_at",
        "retry_asked_at",
        "taken_at",
        "item",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("data")

    @admin.display(description="item")
    def item(self, refusal: PullRefusal) -> str:
        try:
            return json_text_block(documents.unpack(refusal.data))
        except documents.DocumentUnreadable as error:
            return str(error)

    @admin.action(description="Try again")
    def try_again(self, request: HttpRequest, queryset: QuerySet[PullRefusal]) -> None:
        wanted = list(queryset.filter(taken_at=None, retry_asked_at=None).select_related("upstream__organization"))
        for refusal in wanted:
            refusals.try_again(refusal, actor=actor_of(request))
        if wanted:
            messages.info(request, f"Tried again with the next pull: {len(wanted)}.")
        else:
            messages.warning(request, "These were taken since, or are about to be tried already.")


@admin.register(Push, site=site)
class Pushes(ReadOnly[Push]):
    organization_path = "completion__organization"
    plural = "Pushes"
    list_display = (
        "completion",
        "kind",
        "state",
        "upstream",
        "attempts",
        "last_status",
        "last_error",
        when("created_at"),
        when("delivered_at", "arrived"),
    )
    list_filter = ("state", "kind", "upstream")
    list_select_related = ("completion", "upstream")
    search_fields = ("completion__uid__exact",)
    search_help_text = "The whole id of a completion."
    actions = ("push_again",)
    fields = (
        "uid",
        "upstream",
        "completion",
        "kind",
        "revision",
        "feedback",
        "state",
        "not_before",
        "attempts",
        "ambiguous",
        "last_status",
        "last_error",
        "first_failed_at",
        "created_at",
        "delivered_at",
        "confirmed_at",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer(*HEAVY_OF_COMPLETION)

    @admin.action(description="Push again")
    def push_again(self, request: HttpRequest, queryset: QuerySet[Push]) -> None:
        pushes = queryset.select_related("completion__organization", "revision__result")
        sent, refused = 0, list[str]()
        for push in pushes.defer("revision__result__data", *HEAVY_OF_COMPLETION):
            try:
                outbox.retry(push, actor=actor_of(request))
                sent += 1
            except outbox.NotRetryable as error:
                refused.append(str(error))
        if sent:
            messages.info(request, f"On the way again: {sent}.")
        if refused:
            messages.warning(request, f"Left as they are: {len(refused)}. {' '.join(dict.fromkeys(refused))}")
