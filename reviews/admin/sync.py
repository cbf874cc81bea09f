"""Pulls, what they set aside, and pushes."""

from collections import Counter
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from reviews.admin.acting import act, say, to_confirm
from reviews.admin.base import HEAVY_OF_COMPLETION, ReadOnly, when
from reviews.admin.lists import OneOf, one_of, one_row, present, since
from reviews.admin.showing import json_block, json_text_block
from reviews.admin.site import actor_of, site
from reviews.log10 import wire
from reviews.models import Pull, PullRefusal, Push, PushState
from reviews.workflow import documents, grading, outbox, refusals
from reviews.workflow.pushes import Group


@admin.register(Pull, site=site)
class Pulls(ReadOnly[Pull]):
    """When was this upstream last asked, what came of it, and since when does it fail?"""

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
    list_filter = (one_row("upstream"), one_of("state"))
    list_select_related = ("upstream",)
    parts = ("upstream", "state")
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
    """What did pulls set aside, why, and has it come in since?"""

    organization_path = "upstream__organization"
    plural = "Refused items"
    list_display = (
        "name",
        "what",
        "upstream",
        "reason",
        when("first_at", "first"),
        when("last_at", "last"),
        when("retry_asked_at", "asked for again"),
        when("taken_at", "taken"),
    )
    list_filter = (
        present("outcome", "taken_at", "taken since", "still set aside"),
        one_row("upstream"),
        one_of("what", "what it is"),
    )
    list_select_related = ("upstream",)
    search_fields = ("uid",)
    search_help_text = "The whole id of the item"
    parts = ("upstream",)
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

    @admin.display(description="id")
    def name(self, refusal: PullRefusal) -> str:
        return refusal.uid or "none that could be read"

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
        left = Counter({"These were taken since, or are about to be tried already.": queryset.count() - len(wanted)})
        say(request, f"Tried again with the next pull: {len(wanted)}." if wanted else "", +left)


class Turn(OneOf):
    """Whose turn it is with a push: what the states mean to whoever has to act."""

    title = "whose turn it is"
    parameter_name = "turn"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (Group.PERSON, "a person’s"),
            (Group.WAY, "ours: on its way"),
            (Group.ARRIVED, "nobody’s: it arrived"),
            (Group.ENDED, "nobody’s: it was ended here"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Push]) -> QuerySet[Push]:
        value = self.chosen()
        return queryset if value is None else queryset.filter(state__in=Group(value).states)


@admin.register(Push, site=site)
class Pushes(ReadOnly[Push]):
    """What has not arrived, why not, and whose turn is it? Has this edit, this grade arrived, and when?"""

    organization_path = "completion__organization"
    plural = "Pushes"
    list_display = (
        "completion",
        "kind",
        "state",
        "last_error",
        when("delivered_at", "arrived"),
        when("created_at", "made"),
        "upstream",
        "attempts",
        "last_status",
    )
    list_filter = (Turn, one_row("upstream"), one_of("state"), one_of("kind"), since("delivered_at", "arrived"))
    list_select_related = ("completion", "upstream")
    search_fields = ("completion__uid", "uid")
    search_help_text = "The whole id of a completion, or of a push"
    parts = ("upstream", "state")

    def parted_by(self, request: HttpRequest) -> tuple[str, ...]:
        """What arrived today is found by the moment; what did in a month is most of what is read from the end on."""
        return ("upstream",) if request.GET.get("delivered_at") == "day" else self.parts

    def narrowed(self, request: HttpRequest, name: str) -> tuple[PushState, ...]:
        if name == "state" and request.GET.get("delivered_at"):
            return (PushState.DELIVERED,)
        return Group(request.GET["turn"]).states if name == "state" and request.GET.get("turn") else ()

    actions = ("push_again", "give_up")
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
        "body",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer(*HEAVY_OF_COMPLETION)

    def name_of(self, row: Push) -> str:
        return f"{row.get_kind_display()} of {row.completion}"

    @admin.display(description="what is sent")
    def body(self, push: Push) -> str:
        """As the upstream gets it."""
        upstream, uid = push.upstream, push.completion.uid
        if upstream is None:
            return "Nothing: it has no upstream."
        organization_id = upstream.upstream_organization
        try:
            if push.revision is not None:
                document = documents.read(push.revision.result)
                return json_block(wire.completion(document, uid=uid, organization_id=organization_id))
        except documents.DocumentUnreadable as error:
            return str(error)
        return json_block(_grade(push, uid, organization_id))

    @admin.action(description="Push again")
    def push_again(self, request: HttpRequest, queryset: QuerySet[Push]) -> None:
        act(
            request,
            self._whole(queryset),
            lambda push: outbox.retry(push, actor=actor_of(request)),
            refusals=(outbox.NotRetryable,),
            done="On the way again",
        )

    @admin.action(description="Give up: the grade stays here and is not sent")
    def give_up(self, request: HttpRequest, queryset: QuerySet[Push]) -> TemplateResponse | None:
        asked = to_confirm(
            request,
            self,
            queryset.select_related("completion"),
            title="Give up grades",
            sentence="The upstream will never get these grades from here; they stay here as they are. "
            "Only a grade that needs attention is given up, all others are left as they are.",
            button="Give up",
        )
        if asked is None:
            act(
                request,
                self._whole(queryset),
                lambda push: outbox.discard(push, actor=actor_of(request)),
                refusals=(outbox.NotDiscardable,),
                done="Given up",
            )
        return asked

    def _whole(self, queryset: QuerySet[Push]) -> QuerySet[Push]:
        pushes = queryset.select_related("completion__organization", "revision__result")
        return pushes.defer("revision__result__data", *HEAVY_OF_COMPLETION)


def _grade(push: Push, uid: str, organization_id: str) -> dict[str, Any] | None:
    feedback = push.feedback
    if feedback is None:
        return None
    return wire.feedback_to_push(
        grading.values_of(feedback),
        task_uid=feedback.feedback_task.upstream_uid,
        comment=feedback.comment,
        completion_uid=uid,
        organization_id=organization_id,
    )
