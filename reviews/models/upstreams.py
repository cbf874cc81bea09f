"""The Log10-compatible servers that we pull from and push to."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from reviews.models.accounts import Organization
from reviews.models.base import new_uid

HALF_A_TICK = timedelta(seconds=0.5)


def default_pull_seconds() -> int:
    """The site's interval, from GRADEBENCH_PULL_SECONDS."""
    return int(settings.PULL_SECONDS)


class UpstreamQuerySet(models.QuerySet["Upstream"]):
    def pull_due(self, now: datetime) -> "UpstreamQuerySet":
        """Whose next pull is due and that nobody asks anything. Due is what falls due before the next tick, or an
        interval of a second would come every other second.
        """
        return self.unasked(now).filter(enabled=True, token_refused_at=None, next_pull_at__lte=now + HALF_A_TICK)

    def push_free(self, now: datetime) -> "UpstreamQuerySet":
        """That may be sent to now: enabled, token accepted, not to be left alone, nobody asking it anything."""
        return self.unasked(now).filter(enabled=True, token_refused_at=None)

    def unasked(self, now: datetime) -> "UpstreamQuerySet":
        """That nobody pulls or pushes to, and that are not to be left alone."""
        no_pull = Q(pull_leased_until=None) | Q(pull_leased_until__lte=now)
        no_push = Q(push_leased_until=None) | Q(push_leased_until__lte=now)
        return self.calm(now).filter(no_pull, no_push)

    def calm(self, now: datetime) -> "UpstreamQuerySet":
        """That are not to be left alone, because they asked for it or are down and were just tried."""
        return self.filter(Q(quiet_until=None) | Q(quiet_until__lte=now))


class Upstream(models.Model):
    """One Log10-compatible server and the organization that we are there.

    `pull_leased_until` and `push_leased_until` are leases: only the process whose fence is the row's may write what it
    learnt. `quiet_until` is the circuit and what Retry-After asked for.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="upstreams")
    uid = models.CharField(max_length=36, unique=True, default=new_uid, editable=False)
    name = models.CharField(max_length=100)
    url = models.URLField(max_length=500, help_text="Up to and without /api, for example https://log10.io")
    upstream_organization = models.CharField(max_length=255, help_text="Our organization id over there.")
    token_sealed = models.TextField(help_text="The token, encrypted and bound to this upstream and its URL.")
    enabled = models.BooleanField(default=True)
    pull_seconds = models.PositiveIntegerField(default=default_pull_seconds, validators=[MinValueValidator(1)])
    created_at = models.DateTimeField(auto_now_add=True)

    next_pull_at = models.DateTimeField(db_index=True)
    pull_leased_until = models.DateTimeField(null=True, blank=True)
    pull_fence = models.PositiveBigIntegerField(default=0)
    listed_at = models.DateTimeField(null=True, blank=True, help_text="When a complete list was last read.")
    pull_failures = models.PositiveIntegerField(default=0)

    push_leased_until = models.DateTimeField(null=True, blank=True)
    push_fence = models.PositiveBigIntegerField(default=0)
    push_failures = models.PositiveIntegerField(default=0)
    quiet_until = models.DateTimeField(null=True, blank=True)
    token_refused_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True, help_text="First of the failures in a row.")
    last_failed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    objects = UpstreamQuerySet.as_manager()

    class Meta:
        ordering = ["organization", "name"]
        constraints = [
            models.UniqueConstraint(name="upstream_once", fields=["organization", "url", "upstream_organization"]),
            models.UniqueConstraint(name="upstream_name", fields=["organization", "name"]),
            models.CheckConstraint(name="upstream_pull_seconds", condition=Q(pull_seconds__gte=1)),
            models.CheckConstraint(
                name="upstream_url", condition=Q(url__startswith="http://") | Q(url__startswith="https://")
            ),
            models.CheckConstraint(name="upstream_token_kept", condition=~Q(token_sealed="")),
        ]

    def __str__(self) -> str:
        return self.name
