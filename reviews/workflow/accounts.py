"""Organizations, members, API tokens and one-time sign-in links."""

import hashlib
import logging
import secrets
from datetime import timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from reviews.models import ApiToken, Member, Organization, Role, SignInLink, User
from reviews.workflow import audit
from reviews.workflow.audit import SYSTEM, Actor

log = logging.getLogger(__name__)
TOKEN_BYTES = 32
PREFIX_CHARACTERS = 11
LINK_LIFE = timedelta(hours=24)
LAST_USED_STEP = timedelta(minutes=1)


class Taken(ValueError):
    """A name that is in use already; the sentence says which."""


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


def create_token(organization: Organization, *, name: str, actor: Actor = SYSTEM) -> tuple[ApiToken, str]:
    """A new API token and its secret, which is nowhere else: show it once. Raises Taken."""
    secret = f"gb_{secrets.token_urlsafe(TOKEN_BYTES)}"
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                organization=organization,
                name=name,
                prefix=secret[:PREFIX_CHARACTERS],
                hash=_hash(secret),
                created_by=actor.user,
            )
            audit.record("token.create", token, organization=organization, actor=actor, details=name)
    except IntegrityError as error:
        raise Taken(f"{organization} has a token named “{name}” already.") from error
    return token, secret


def find_token(secret: str) -> ApiToken | None:
    """The usable token of a secret, its organization joined; None when there is none."""
    return ApiToken.objects.usable().filter(hash=_hash(secret)).select_related("organization").first()


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


def create_sign_in_link(user: User) -> str:
    """The secret of a link that signs `user` in once, within a day."""
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    SignInLink.objects.create(user=user, hash=_hash(secret), expires_at=timezone.now() + LINK_LIFE)
    return secret


def sign_in_link_user(secret: str) -> User | None:
    """Whom an unused link would sign in; reading does not use it."""
    links = SignInLink.objects.filter(hash=_hash(secret), used_at=None, expires_at__gt=timezone.now())
    link = links.select_related("user").first()
    return link.user if link and link.user.is_active else None


def use_sign_in_link(secret: str, *, address: str | None) -> User | None:
    """Use a link up and return whom it signs in; None when it is unknown, used or too old. Two at once: one wins."""
    user = sign_in_link_user(secret)
    if user is None:
        return None
    with transaction.atomic():
        now = timezone.now()
        if not SignInLink.objects.filter(hash=_hash(secret), used_at=None, expires_at__gt=now).update(used_at=now):
            return None
        audit.record("sign_in.link", user, organization=None, actor=Actor(user=user, address=address))
    return user
