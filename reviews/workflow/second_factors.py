"""Second factors: what sign-in asks for besides a password. django-allauth keeps them; their secrets are sealed."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from reviews.models import Member, Role, User
from reviews.workflow import accounts, audit, sealing
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.sealing import SealBroken

BOUND_TO = "second_factor"
# Where the rows keep what is sealed.
SECRETS = ("secret", "seed")
KINDS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def seal(secret: str) -> str:
    """As it is kept."""
    return sealing.seal(secret, bound_to=BOUND_TO)


def unseal(sealed: str) -> str:
    """As it is used. Raises SealBroken."""
    return sealing.unseal(sealed, bound_to=BOUND_TO)


def has_one(user: User) -> bool:
    """Whether she has one; recovery codes alone are none."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=KINDS).exists())


def must_have_one(user: User, rule: str) -> bool:
    """Whether `rule`, a value of GRADEBENCH_REQUIRE_SECOND_FACTOR, means her."""
    if rule == "none":
        return False
    if rule == "everyone" or user.is_staff or user.is_superuser:
        return True
    return rule == "admins" and Member.objects.filter(user=user, role=Role.ADMIN).exists()


def remove_all(user: User, *, actor: Actor = SYSTEM) -> int:
    """For who lost hers: she signs in with her password alone again. How many there were. Raises accounts.NotYours."""
    if actor.user is not None and (why_not := accounts.why_not_hand_over(user, actor=actor.user)):
        raise accounts.NotYours(why_not)
    with transaction.atomic():
        rows = Authenticator.objects.filter(user_id=user.pk)
        count = rows.filter(type__in=KINDS).count()
        rows.delete()
        if count:
            audit.record_of(user, "second_factor.remove", actor=actor, details=f"all {count}")
    return int(count)


def reseal_all() -> list[str]:
    """Seal every secret by the first key. Row by row, so that it may be done again; what no key opens stays as it is,
    and is named in what is returned.
    """
    broken = []
    for row in list(Authenticator.objects.select_related("user").order_by("pk")):
        try:
            _reseal(row)
        except SealBroken:
            broken.append(f"{row.user}: {row.type}")
    return broken


def keys_in_use() -> set[str]:
    """The ids of the keys by which any of them is sealed."""
    rows = Authenticator.objects.values_list("data", flat=True)
    return {sealing.key_id_of(data[name]) for data in rows for name in SECRETS if name in data}


def _reseal(row: Any) -> None:
    with transaction.atomic():
        # Meanwhile a recovery code may be used, which is noted in the same column.
        current = Authenticator.objects.select_for_update().filter(pk=row.pk).first()
        if current is None:
            return
        old = {name: current.data[name] for name in SECRETS if name in current.data}
        if all(map(sealing.is_by_first_key, old.values())):
            return
        current.data.update({name: seal(unseal(sealed)) for name, sealed in old.items()})
        current.save(update_fields=["data"])
