"""Completions, the documents they went through, and their tags."""

from django.db import models
from django.db.models import Count, F, Q

from reviews.models.accounts import Organization, User
from reviews.models.base import AppendOnly, AppendOnlyQuerySet, new_uid
from reviews.models.upstreams import Upstream

# Up to here each tag is a question of its own, which an index answers; of a hundred such questions PostgreSQL would
# spend its time on the order to ask them in.
FEW_TAGS = 5


class Encoding(models.TextChoices):
    ZSTD = "zstd", "zstd"
    PURGED = "purged", "purged"


class Document(AppendOnly):
    """The JSON of a completion at one moment: its bytes, compressed, and a hash of what they mean."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    hash = models.CharField(max_length=64, help_text="SHA-256 over request and response, members sorted.")
    encoding = models.CharField(max_length=8, choices=Encoding.choices, default=Encoding.ZSTD)
    data = models.BinaryField()
    size = models.PositiveIntegerField(help_text="Bytes of the JSON before compression.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["Document"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="document_encoding", condition=Q(encoding__in=Encoding.values)),
        ]

    def __str__(self) -> str:
        return f"document {self.pk} ({self.hash[:12]})"


class Tag(models.Model):
    """A word that an application put on completions; selectors are made of them."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="tags")
    uid = models.CharField(max_length=36, unique=True, default=new_uid, editable=False)
    name = models.CharField(max_length=255)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(name="tag_once", fields=["organization", "name"])]

    def __str__(self) -> str:
        return self.name


class Kind(models.TextChoices):
    CHAT = "chat", "chat"
    PROMPT = "prompt", "prompt"
    OTHER = "other", "other"


class Status(models.TextChoices):
    STARTED = "started", "started"
    FINISHED = "finished", "finished"
    FAILED = "failed", "failed"
    OTHER = "other", "other"


class CompletionQuerySet(models.QuerySet["Completion"]):
    def with_documents(self) -> "CompletionQuerySet":
        """Joined with the current document and the organization, for one that is shown whole."""
        return self.select_related("current", "organization", "upstream")

    def of_session(self, completion: "Completion") -> "CompletionQuerySet":
        """Those of a completion's session, itself among them, oldest first; none where it has no session."""
        if not completion.session_uid:
            return self.none()
        found = self.filter(organization=completion.organization_id, session_uid=completion.session_uid)
        # Said once more for SQLite, which takes an index of a part of the rows only where the question names that part.
        found = found.exclude(session_uid="")
        return found.order_by("received_at", "pk")

    def readable(self) -> "CompletionQuerySet":
        """Without those whose text was purged."""
        return self.filter(purged_at=None)

    def having_tags(self, tag_ids: set[int]) -> "CompletionQuerySet":
        """Those with a text that carry all of the tags; an empty selector selects nothing."""
        if not tag_ids:
            return self.none()
        if len(tag_ids) > FEW_TAGS:
            links = CompletionTag.objects.filter(tag_id__in=tag_ids).values("completion_id")
            carrying = links.annotate(met=Count("tag_id")).filter(met=len(tag_ids))
            return self.readable().filter(pk__in=carrying.values("completion_id"))
        found = self.readable()
        for tag_id in sorted(tag_ids):
            found = found.filter(pk__in=CompletionTag.objects.filter(tag_id=tag_id).values("completion_id"))
        return found


class Completion(models.Model):
    """One logged request and response. The columns are what lists, filters and order need; a list never reads a
    document. They repeat what the current document says, NUL replaced, so they may be made anew from it at any time.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="completions")
    uid = models.CharField(max_length=255, help_text="The client's id; unique in the organization.")
    upstream = models.ForeignKey(Upstream, null=True, blank=True, on_delete=models.PROTECT, related_name="completions")

    received = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")
    current = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")
    upstream_document = models.ForeignKey(
        Document, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Last pulled or echoed."
    )
    conflict_document = models.ForeignKey(
        Document,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="What the upstream holds instead of what our unsent change was made from.",
    )

    kind = models.CharField(max_length=16, choices=Kind.choices)
    status = models.CharField(max_length=16, choices=Status.choices)
    model = models.CharField(max_length=200, blank=True)
    session_uid = models.CharField(max_length=255, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    duration = models.FloatField(null=True, blank=True, help_text="Seconds.")
    created_at = models.DateTimeField(null=True, blank=True, help_text="The client's word.")
    received_at = models.DateTimeField(help_text="When it came here; the order of every list.")
    preview = models.CharField(max_length=200, blank=True)
    search_text = models.TextField(blank=True, help_text="Its words, each once, behind a space: see workflow/words.py.")
    confidence_mean = models.FloatField(null=True, blank=True, help_text="Mean token probability, 0 to 1.")
    confidence_low = models.FloatField(null=True, blank=True, help_text="Lowest token probability, 0 to 1.")
    uncertain_tokens = models.PositiveIntegerField(null=True, blank=True, help_text="Tokens under one half.")
    revision_count = models.PositiveIntegerField(default=0)
    gone_upstream_at = models.DateTimeField(null=True, blank=True, help_text="When a complete list first missed it.")
    purged_at = models.DateTimeField(null=True, blank=True, help_text="When every text of it was emptied, for good.")
    purged_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    purged_because = models.CharField(max_length=200, blank=True, default="", db_default="")
    tags = models.ManyToManyField(Tag, through="CompletionTag", related_name="completions")

    objects = CompletionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="completion_uid", fields=["organization", "uid"]),
            models.CheckConstraint(name="completion_uid_given", condition=~Q(uid="")),
            models.CheckConstraint(name="completion_kind", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(name="completion_status", condition=Q(status__in=Status.values)),
            models.CheckConstraint(
                name="completion_upstream_whole",
                condition=Q(upstream=None, upstream_document=None, conflict_document=None, gone_upstream_at=None)
                | Q(upstream__isnull=False, upstream_document__isnull=False),
            ),
            models.CheckConstraint(
                name="completion_purged_whole",
                condition=Q(purged_at=None, purged_by=None, purged_because="")
                | (Q(purged_at__isnull=False, preview="", search_text="") & ~Q(purged_because="")),
            ),
            models.CheckConstraint(
                name="completion_probabilities",
                condition=Q(confidence_low=None, confidence_mean=None, uncertain_tokens=None)
                | Q(confidence_low__gte=0, confidence_mean__gte=F("confidence_low"), confidence_mean__lte=1),
            ),
        ]
        indexes = [
            models.Index(name="completion_newest", fields=["organization", "-received_at", "-id"]),
            models.Index(name="completion_uid_any", fields=["uid"]),
            models.Index(
                name="completion_in_conflict",
                fields=["organization", "id"],
                condition=Q(conflict_document__isnull=False),
            ),
            models.Index(
                name="completion_of_session",
                fields=["organization", "session_uid", "received_at"],
                condition=~Q(session_uid=""),
            ),
            models.Index(
                name="completion_to_purge", fields=["organization", "received_at", "id"], condition=Q(purged_at=None)
            ),
            # What an admin asks for: few of many, so that their own index finds them and costs little.
            models.Index(
                name="completion_not_finished",
                fields=["organization", "status", "-received_at", "-id"],
                condition=~Q(status=Status.FINISHED),
            ),
            models.Index(
                name="completion_conflict_newest",
                fields=["organization", "-received_at", "-id"],
                condition=Q(conflict_document__isnull=False),
            ),
            models.Index(
                name="completion_changed",
                fields=["organization", "-received_at", "-id"],
                condition=Q(revision_count__gt=0),
            ),
            models.Index(name="completion_of_model", fields=["organization", "model", "-received_at", "-id"]),
            models.Index(
                name="completion_uncertain",
                fields=["organization", "confidence_low"],
                condition=Q(confidence_low__isnull=False),
            ),
            models.Index(
                name="completion_purged",
                fields=["organization", "-received_at", "-id"],
                condition=Q(purged_at__isnull=False),
            ),
            models.Index(
                name="completion_gone",
                fields=["organization", "-received_at", "-id"],
                condition=Q(gone_upstream_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.uid


class CompletionTag(models.Model):
    """One tag on one completion."""

    completion = models.ForeignKey(Completion, on_delete=models.CASCADE, related_name="+")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(name="completion_tag_once", fields=["tag", "completion"])]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.completion_id}"
