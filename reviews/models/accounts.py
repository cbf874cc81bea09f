"""Who there is: users, organizations, members, API tokens, one-time sign-in links."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from reviews.models.base import new_uid


class User(AbstractUser):
    """A person. What she may do follows from her memberships; site staff is `is_site_staff`."""

    time_zone = models.CharField(max_length=64, blank=True, help_text="IANA name; empty: the site's time zone.")

    @property
    def is_site_staff(self) -> bool:
        """Whether she runs the whole site."""
        return self.is_active and self.is_staff and self.is_superuser


class Organization(models.Model):
    """A tenant: every row belongs to one."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    external_id = models.CharField(
        max_length=255,
        unique=True,
        help_text="The organization id that the Log10 clients send. Default: the slug.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Days after which the text of a completion is purged for good. Empty: it is kept.",
    )
    retention_due_at = models.DateTimeField(
        null=True, blank=True, help_text="When to look for such completions next; a lease while somebody looks."
    )

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                name="organization_retention", condition=Q(retention_days=None) | Q(retention_days__gte=1)
            ),
            models.CheckConstraint(name="organization_named", condition=~Q(slug="") & ~Q(external_id="")),
        ]

    def __str__(self) -> str:
        return self.name

    def is_called(self, name: str) -> bool:
        """Whether `name`, as a client wrote it, means this organization."""
        return name in (self.slug, self.external_id)


class Role(models.TextChoices):
    REVIEWER = "reviewer", _("Reviewer")
    LEAD = "lead", _("Lead")
    ADMIN = "admin", _("Admin")


class MemberQuerySet(models.QuerySet["Member"]):
    def of(self, user: User) -> "MemberQuerySet":
        """The memberships of one user, organizations joined."""
        return self.filter(user=user).select_related("organization")


class Member(models.Model):
    """A user in an organization."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.REVIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        ordering = ["organization", "user"]
        constraints = [
            models.UniqueConstraint(name="member_once", fields=["organization", "user"]),
            models.CheckConstraint(name="member_role", condition=Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization} ({self.role})"

    @property
    def leads(self) -> bool:
        """Whether she may do what a lead does."""
        return self.role in (Role.LEAD, Role.ADMIN)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: Any = None) -> "ApiTokenQuerySet":
        """Neither revoked nor expired, at that moment or now."""
        now = now or timezone.now()
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class ApiToken(models.Model):
    """A secret by which an application acts for an organization. The secret is shown once; its hash is kept."""

    SCOPES: ClassVar = ("ingest", "read", "feedback", "admin")
    USUAL_SCOPES: ClassVar = ("ingest", "read", "feedback")

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, help_text="The first characters of the secret, to tell tokens apart.")
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret, hexadecimal.")
    can_ingest = models.BooleanField(default=True)
    can_read = models.BooleanField(default=True)
    can_feedback = models.BooleanField(default=True)
    can_admin = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["organization", "name"]
        constraints = [
            models.UniqueConstraint(name="api_token_name", fields=["organization", "name"]),
            models.CheckConstraint(
                name="api_token_can_something",
                condition=Q(can_ingest=True) | Q(can_read=True) | Q(can_feedback=True) | Q(can_admin=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def scopes(self) -> tuple[str, ...]:
        """What it may do."""
        return tuple(scope for scope in self.SCOPES if getattr(self, f"can_{scope}"))


class LinkPurpose(models.TextChoices):
    """What a one-time link is for. By an invitation or a reset she sets a password first."""

    SIGN_IN = "sign_in", _("Sign in")
    INVITATION = "invitation", _("Invitation")
    PASSWORD_RESET = "password_reset", _("Password reset")


class SignInLinkQuerySet(models.QuerySet["SignInLink"]):
    def usable(self) -> "SignInLinkQuerySet":
        """Neither used nor too old, of people who may sign in."""
        return self.filter(used_at=None, expires_at__gt=timezone.now(), user__is_active=True)


class SignInLink(models.Model):
    """A link that signs one person in once. Its secret stands in the link alone; the hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    purpose = models.CharField(max_length=16, choices=LinkPurpose.choices, default=LinkPurpose.SIGN_IN)
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = SignInLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="sign_in_link_purpose", condition=Q(purpose__in=LinkPurpose.values)),
            models.CheckConstraint(
                name="sign_in_link_used_in_time", condition=Q(used_at=None) | Q(used_at__lte=F("expires_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"sign-in link of {self.user}"

    @property
    def wants_password(self) -> bool:
        """Whether who follows it sets a password."""
        return self.purpose != LinkPurpose.SIGN_IN


class SignInAttempt(models.Model):
    """A password or a code that was tried; what succeeds takes its row away again, what is too old goes by itself."""

    key = models.CharField(max_length=64, help_text="SHA-256 of what was tried, on which account, from where.")
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(name="sign_in_attempt_of", fields=["key", "at"]),
            models.Index(name="sign_in_attempt_oldest", fields=["at"]),
        ]

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.at}"


class Session(models.Model):
    """A run of an application's completions that belong together, as the Log10 clients open it."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="sessions")
    uid = models.CharField(max_length=255, default=new_uid)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="session_uid", fields=["organization", "uid"])]

    def __str__(self) -> str:
        return self.uid
