"""Organizations, members, API tokens and one-time sign-in links."""

import hashlib
import logging
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from gradebench.compiled import Compiled, asked
from reviews.models import ApiToken, LinkPurpose, Member, Organization, Role, SignInLink, User
from reviews.workflow import audit
from reviews.workflow.audit import SYSTEM, Actor

log = logging.getLogger(__name__)
TOKEN_BYTES = 32
PREFIX_CHARACTERS = 11
LINK_LIFE = {
    LinkPurpose.SIGN_IN: timedelta(hours=24),
    LinkPurpose.INVITATION: timedelta(days=7),
    LinkPurpose.PASSWORD_RESET: timedelta(hours=24),
}
LAST_USED_STEP = timedelta(minutes=1)


class Taken(ValueError):
    """A name that is in use already; the sentence says which."""


class NotYours(PermissionError):
    """A person whom the actor may not let in; the sentence says why and who may."""


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create_organization(slug: str, *, name: str = "", external_id: str = "", actor: Actor = SYSTEM) -> Organization:
    """Raises Taken when the slug or the external id is another organization's."""
    try:
        with transaction.atomic():
            organization = Organization.objects.create(slug=slug, name=name or slug, external_id=external_id or slug)
            audit.record("organization.create", organization, organization=organization, actor=actor, details=slug)
    except IntegrityError as error:
        raise Taken(f"An organization with the slug “{slug}” or its external id exists already.") from error
    return organization


def add_member(
    username: str, *, organization: Organization, role: str, password: str | None = None, actor: Actor = SYSTEM
) -> Member:
    """Make a user a member, creating her when there is none of that name; an existing user's password is not touched.

    Without a password a new user can sign in by a one-time link only. Raises Taken when she is a member already.
    """
    if role not in Role.values:
        raise ValueError(f"“{role}” is no role; there are {', '.join(Role.values)}.")
    with transaction.atomic():
        user = User.objects.filter(username=username).first()
        if user is None:
            user = User.objects.create_user(username, password=password)
        member, created = Member.objects.get_or_create(organization=organization, user=user, defaults={"role": role})
        if not created:
            raise Taken(f"{username} is a member of {organization} already.")
        audit.record("member.add", member, organization=organization, actor=actor, details=f"{username}: {role}")
    return member


def create_token(
    organization: Organization,
    *,
    name: str,
    scopes: Collection[str] = ApiToken.USUAL_SCOPES,
    expires_at: datetime | None = None,
    actor: Actor = SYSTEM,
) -> tuple[ApiToken, str]:
    """A new API token and its secret, which is nowhere else: show it once. Raises Taken."""
    if not scopes or not set(scopes) <= set(ApiToken.SCOPES):
        raise ValueError(f"The scopes of an API token are one or more of {', '.join(ApiToken.SCOPES)}.")
    secret = f"gb_{secrets.token_urlsafe(TOKEN_BYTES)}"
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                organization=organization,
                name=name,
                prefix=secret[:PREFIX_CHARACTERS],
                hash=_hash(secret),
                created_by=actor.user,
                expires_at=expires_at,
                **{f"can_{scope}": scope in scopes for scope in ApiToken.SCOPES},
            )
            until = f"{expires_at:%Y-%m-%d %H:%M %Z}" if expires_at else "∞"
            details = f"{name}: {', '.join(token.scopes)}; {until}"
            audit.record("token.create", token, organization=organization, actor=actor, details=details)
    except IntegrityError as error:
        raise Taken(f"{organization} has a token named “{name}” already.") from error
    return token, secret


_usable_token = Compiled(
    lambda: (
        ApiToken.objects.usable(asked("now", DateTimeField()))
        .filter(hash=asked("hash", CharField()))
        .select_related("organization")
    )
)


def find_token(secret: str) -> ApiToken | None:
    """The usable token of a secret, its organization joined; None when there is none."""
    return _usable_token.first(hash=_hash(secret), now=timezone.now())


def note_use(token: ApiToken) -> None:
    """Remember that a token was used, to the minute: a write for every request would cost more than it tells."""
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at <= LAST_USED_STEP:
        return
    try:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    except OperationalError:
        # Where nothing can be written, a full disk say, reading goes on.
        log.warning("The use of an API token could not be noted.", exc_info=True)


def revoke_token(token: ApiToken, *, actor: Actor) -> None:
    """From the next request on the token is refused."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.record("token.revoke", token, organization=token.organization, actor=actor, details=token.name)


# One-time links ---------------------------------------------------------------------------------------------------


def invite(
    username: str, *, organization: Organization, role: str, email: str = "", actor: Actor = SYSTEM
) -> tuple[Member, str | None]:
    """Make somebody a member, and the secret of the link that lets her set her first password, within a week.

    No secret for who was here before: she signs in as she does. Raises Taken when she is a member already.
    """
    with transaction.atomic():
        is_new = not User.objects.filter(username=username).exists()
        member = add_member(username, organization=organization, role=role, actor=actor)
        if not is_new:
            return member, None
        if email:
            member.user.email = email
            member.user.save(update_fields=["email"])
        return member, _hand_over(member.user, LinkPurpose.INVITATION, actor, organization)


def invitation_link(member: Member, *, actor: Actor = SYSTEM) -> str:
    """The secret of a new invitation, for who did not follow hers; the old one is void. Raises NotYours, and Taken
    when she has a password already.
    """
    user = member.user
    if user.has_usable_password():
        raise Taken(f"{user} has set a password already. Hand over a link to set a new one instead.")
    _allow(user, actor)
    with transaction.atomic():
        void_links(user)
        return _hand_over(user, LinkPurpose.INVITATION, actor, member.organization)


def password_reset_link(user: User, *, actor: Actor = SYSTEM, organization: Organization | None = None) -> str:
    """The secret of a link that lets her set a new password, within a day. Her password works until she does.

    `organization` is where the audit shows it. Raises NotYours.
    """
    _allow(user, actor)
    with transaction.atomic():
        return _hand_over(user, LinkPurpose.PASSWORD_RESET, actor, organization)


def create_sign_in_link(user: User, *, actor: Actor = SYSTEM, organization: Organization | None = None) -> str:
    """The secret of a link that signs `user` in once, within a day. Raises NotYours."""
    _allow(user, actor)
    with transaction.atomic():
        return _hand_over(user, LinkPurpose.SIGN_IN, actor, organization)


def why_not_hand_over(user: User, *, actor: User) -> str:
    """Why `actor` may not let `user` in by a link, a password or a removed second factor: a sentence; "" where she may.

    An admin of one organization would get into another one that way.
    """
    if actor.is_site_staff:
        return ""
    if user.is_staff or user.is_superuser:
        return f"{user} is site staff: only site staff hands over a link for her."
    theirs = set(Member.objects.filter(user=user).values_list("organization_id", flat=True))
    administered = Member.objects.filter(user=actor, role=Role.ADMIN).values_list("organization_id", flat=True)
    if theirs and theirs <= set(administered):
        return ""
    return f"{user} is not in your organizations alone: ask site staff to hand over a link for her."


def sign_in_link(secret: str) -> SignInLink | None:
    """The usable link of a secret, its user joined; reading does not use it."""
    return SignInLink.objects.usable().filter(hash=_hash(secret)).select_related("user").first()


def use_sign_in_link(secret: str, *, address: str | None, password: str | None = None) -> User | None:
    """Use a link up and return whom it signs in; None when it is unknown, used or too old. Two at once: one wins.

    `password` becomes hers where the link is for setting one; her other links are void then, and her sessions end.
    """
    link = sign_in_link(secret)
    if link is None or link.wants_password != (password is not None):
        return None
    with transaction.atomic():
        # By its own columns alone: a condition on the user would be a subquery, which PostgreSQL does not ask again
        # when somebody else has used the link meanwhile.
        now = timezone.now()
        if not SignInLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(used_at=now):
            return None
        by_herself = Actor(user=link.user, address=address)
        audit.record_of(link.user, "link.use", actor=by_herself, details=link.purpose)
        if password is not None:
            set_password(link.user, password, actor=by_herself)
    return link.user


def set_password(user: User, password: str, *, actor: Actor) -> None:
    """Hers from now on: sessions that began with the old one end, and links that wait are void."""
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        void_links(user)
        audit.record_of(user, "password.change", actor=actor, details=user.get_username())


def void_links(user: User) -> None:
    """What was handed over and not used yet lets nobody in any more."""
    now = timezone.now()
    SignInLink.objects.filter(user=user, used_at=None, expires_at__gt=now).update(expires_at=now)


def _allow(user: User, actor: Actor) -> None:
    if not user.is_active:
        raise NotYours(f"{user} is deactivated: let her in again first.")
    if actor.user is not None and (why_not := why_not_hand_over(user, actor=actor.user)):
        raise NotYours(why_not)


def _hand_over(user: User, purpose: LinkPurpose, actor: Actor, organization: Organization | None) -> str:
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    SignInLink.objects.create(user=user, purpose=purpose, hash=_hash(secret), expires_at=now + LINK_LIFE[purpose])
    details = f"{purpose} {user.get_username()}"
    audit.record("link.create", user, organization=organization, actor=actor, details=details)
    return secret
