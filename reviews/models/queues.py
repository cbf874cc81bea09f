"""Queues, their items, and the claims on them."""

from datetime import datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from reviews.models.accounts import Organization, User
from reviews.models.base import AppendOnly, AppendOnlyQuerySet
from reviews.models.completions import Completion
from reviews.models.feedback_tasks import FeedbackTask

MOST_REVIEWS = 10


class Order(models.TextChoices):
    OLDEST = "oldest", _("Oldest first")
    NEWEST = "newest", _("Newest first")
    LEAST_CONFIDENT = "least_confident", _("Least confident first")


class QueueQuerySet(models.QuerySet["Queue"]):
    def visible_to(self, user: User | Any) -> "QueueQuerySet":
        """Open queues of her organizations that she reviews: those for everyone and those she is assigned to. That of
        an archived feedback task is nobody's.
        """
        hers = Q(everyone=True) | Q(pk__in=QueueReviewer.objects.filter(user=user).values("queue_id"))
        return self.filter(hers, is_open=True, feedback_task__archived_at=None, organization__members__user=user)


class Queue(models.Model):
    """The review queue of one feedback task: who reviews, how many reviews per completion, in what order."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="queues")
    feedback_task = models.OneToOneField(FeedbackTask, on_delete=models.PROTECT, related_name="queue")
    name = models.CharField(max_length=255)
    is_open = models.BooleanField(default=True, help_text="Closed: nothing is offered for review here.")
    everyone = models.BooleanField(default=True, help_text="Every member reviews; else the assigned reviewers alone.")
    reviewers = models.ManyToManyField(User, through="QueueReviewer", related_name="queues")
    reviews_per_completion = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_REVIEWS)]
    )
    blind = models.BooleanField(default=True, help_text="Reviewers do not see the grades of others.")
    order = models.CharField(max_length=16, choices=Order.choices, default=Order.OLDEST)
    claim_minutes = models.PositiveSmallIntegerField(default=15, validators=[MinValueValidator(1)])
    created_at = models.DateTimeField(auto_now_add=True)

    objects = QueueQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                name="queue_reviews_per_completion",
                condition=Q(reviews_per_completion__gte=1, reviews_per_completion__lte=MOST_REVIEWS),
            ),
            models.CheckConstraint(name="queue_order", condition=Q(order__in=Order.values)),
            models.CheckConstraint(name="queue_claim_minutes", condition=Q(claim_minutes__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name


class QueueReviewer(models.Model):
    """A user who reviews a queue that is not for everyone."""

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="queue_reviewers")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="queue_reviewers")

    class Meta:
        constraints = [models.UniqueConstraint(name="queue_reviewer_once", fields=["queue", "user"])]

    def __str__(self) -> str:
        return f"{self.user} reviews {self.queue}"


class ItemState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class QueueItemQuerySet(models.QuerySet["QueueItem"]):
    def open(self) -> "QueueItemQuerySet":
        return self.filter(state=ItemState.OPEN)

    def with_place(self) -> "QueueItemQuerySet":
        """Open, with a place free."""
        return self.open().filter(places_taken__lt=F("reviews_needed"))

    def claimable(self) -> "QueueItemQuerySet":
        """What is offered to reviewers: with a place free, and not waiting for a lead to look at it."""
        return self.with_place().filter(flagged_at=None)

    def flagged(self) -> "QueueItemQuerySet":
        """What reviewers passed on to a lead, whatever became of it since."""
        return self.filter(flagged_at__isnull=False)

    def ungraded(self) -> "QueueItemQuerySet":
        """Matched by the feedback task and without feedback for it: what `GET completions/ungraded` lists."""
        return self.filter(graded_at=None).exclude(state=ItemState.WITHDRAWN)


class QueueItem(models.Model):
    """One completion in one queue. `places_taken` counts the assignments that are held or done."""

    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="items")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="queue_items")
    state = models.CharField(max_length=16, choices=ItemState.choices, default=ItemState.OPEN)
    reviews_needed = models.PositiveSmallIntegerField()
    places_taken = models.PositiveSmallIntegerField(default=0)
    reviews_done = models.PositiveSmallIntegerField(default=0)
    priority = models.SmallIntegerField(default=0, help_text="Higher comes first.")
    sort_key = models.FloatField(help_text="Lower comes first among equal priorities; made from the queue's order.")
    received_at = models.DateTimeField(help_text="The completion's; the order of the ungraded list.")
    graded_at = models.DateTimeField(null=True, blank=True, help_text="First feedback, whoever gave it.")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=200, blank=True)
    flagged_at = models.DateTimeField(null=True, blank=True)
    flagged_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    flag_reason = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = QueueItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="queue_item_once", fields=["queue", "completion"]),
            models.CheckConstraint(name="queue_item_state", condition=Q(state__in=ItemState.values)),
            models.CheckConstraint(
                name="queue_item_places", condition=Q(places_taken__lte=F("reviews_needed"), places_taken__gte=0)
            ),
            models.CheckConstraint(
                name="queue_item_reviews", condition=Q(reviews_done__lte=F("places_taken"), reviews_done__gte=0)
            ),
            models.CheckConstraint(
                name="queue_item_closed_whole",
                condition=(Q(state=ItemState.OPEN, closed_at=None) | ~Q(state=ItemState.OPEN))
                & (Q(state=ItemState.OPEN) | Q(closed_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="queue_item_flag_whole",
                condition=Q(flagged_at=None, flag_reason="") | (Q(flagged_at__isnull=False) & ~Q(flag_reason="")),
            ),
        ]
        indexes = [
            models.Index(
                name="queue_item_next",
                fields=["queue", "-priority", "sort_key", "id"],
                condition=Q(state=ItemState.OPEN, places_taken__lt=F("reviews_needed")),
            ),
            models.Index(name="queue_item_open", fields=["completion"], condition=Q(state=ItemState.OPEN)),
            models.Index(name="queue_item_by_state", fields=["queue", "state", "-id"]),
            models.Index(
                name="queue_item_ungraded",
                fields=["queue", "received_at", "id"],
                condition=Q(graded_at=None) & ~Q(state=ItemState.WITHDRAWN),
            ),
            models.Index(name="queue_item_flagged", fields=["queue", "id"], condition=Q(flagged_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.completion_id} in {self.queue_id}"


class AssignmentState(models.TextChoices):
    HELD = "held", _("Held")
    DONE = "done", _("Done")
    SKIPPED = "skipped", _("Skipped")
    EXPIRED = "expired", _("Expired")
    RELEASED = "released", _("Released")


TAKING = (AssignmentState.HELD, AssignmentState.DONE)
NOT_AGAIN = (AssignmentState.HELD, AssignmentState.DONE, AssignmentState.SKIPPED)


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def held(self) -> "AssignmentQuerySet":
        return self.filter(state=AssignmentState.HELD)

    def held_by(self, user: User | Any) -> "AssignmentQuerySet":
        return self.held().filter(reviewer=user)

    def run_out(self, now: datetime | Any) -> "AssignmentQuerySet":
        """Claims whose time is over and that nobody has marked so yet."""
        return self.held().filter(held_until__lte=now)


class Assignment(models.Model):
    """A claim and what became of it. `place` is which of the item's reviews it is; two cannot have the same."""

    item = models.ForeignKey(QueueItem, on_delete=models.PROTECT, related_name="assignments")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments")
    place = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=AssignmentState.choices, default=AssignmentState.HELD)
    prefetched = models.BooleanField(default=False, help_text="Claimed behind the item on screen.")
    fence = models.PositiveIntegerField(default=1, help_text="Rises with each renewal of the claim.")
    claimed_at = models.DateTimeField()
    held_until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    requeued_at = models.DateTimeField(null=True, blank=True, help_text="A skip or a review that no longer counts.")

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="assignment_state", condition=Q(state__in=AssignmentState.values)),
            models.UniqueConstraint(
                name="assignment_place_once", fields=["item", "place"], condition=Q(state__in=TAKING)
            ),
            models.UniqueConstraint(
                name="assignment_reviewer_once",
                fields=["item", "reviewer"],
                condition=Q(state__in=NOT_AGAIN, requeued_at=None),
            ),
            models.UniqueConstraint(
                name="assignment_one_on_screen",
                fields=["reviewer", "prefetched"],
                condition=Q(state=AssignmentState.HELD),
            ),
            models.CheckConstraint(
                name="assignment_ended_whole",
                condition=Q(state=AssignmentState.HELD, ended_at=None)
                | (~Q(state=AssignmentState.HELD) & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(name="assignment_claim_has_time", condition=Q(held_until__gt=F("claimed_at"))),
            models.CheckConstraint(
                name="assignment_only_ended_requeued",
                condition=Q(requeued_at=None) | Q(state__in=(AssignmentState.SKIPPED, AssignmentState.DONE)),
            ),
        ]
        indexes = [
            models.Index(name="assignment_running", fields=["held_until"], condition=Q(state=AssignmentState.HELD)),
            models.Index(name="assignment_of_reviewer", fields=["reviewer", "state", "ended_at"]),
            models.Index(name="assignment_by_state", fields=["state", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.reviewer} on {self.item_id}: {self.state}"


class ClaimChange(models.TextChoices):
    CLAIMED = "claimed", "claimed"
    EXTENDED = "extended", "extended"
    DONE = "done", "done"
    SKIPPED = "skipped", "skipped"
    EXPIRED = "expired", "expired"
    RELEASED = "released", "released"


class ClaimEvent(AppendOnly):
    """The claim ledger: every change of every claim, with its moment and, where one was given, its reason."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="events")
    change = models.CharField(max_length=16, choices=ClaimChange.choices)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()

    objects = AppendOnlyQuerySet["ClaimEvent"].as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="claim_event_change", condition=Q(change__in=ClaimChange.values)),
        ]
        indexes = [models.Index(name="claim_event_by_change", fields=["change", "-id"])]

    def __str__(self) -> str:
        return f"{self.change} {self.at:%Y-%m-%d %H:%M:%S}"
