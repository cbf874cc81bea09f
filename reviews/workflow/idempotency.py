"""Idempotency: a request under a key does its work once, however often it is sent within a day."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error, transaction

from reviews.models import ApiToken, KeyedRequest
from reviews.workflow import clock, documents

KEPT = timedelta(hours=24)
# No request takes as long: who has not answered by then has died. Were it slow after all, what it did is taken back.
GIVEN_UP_AFTER = timedelta(seconds=60)
SWEPT_AT_ONCE = 500
LONGEST_KEY = 255


class KeyRefused(ValueError):
    """What can be no key."""


class KeyReused(ValueError):
    """The key was sent with another body."""


class InFlight(RuntimeError):
    """The same request is at work just now."""

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is at work just now; ask again in a moment.")


@dataclass(frozen=True)
class Keyed:
    """A request under a key: who sent it, where to, and its body."""

    token: ApiToken
    key: str
    method: str
    path: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What was answered, and the id of what it shows; `replayed` when it was given before."""

    status: int
    body: bytes
    about: str = ""
    replayed: bool = False

    @property
    def is_success(self) -> bool:
        """Whether there is anything to keep: a refusal has written nothing, and may be another one next time."""
        return 200 <= self.status <= 299


def answer_once(request: Keyed, work: Callable[[], Answer]) -> Answer:
    """The answer that the request was given before, or that of `work`, which is kept in the transaction of what it
    writes: either both are there or none, so whoever repeats a request that died in the middle doubles nothing.

    Whatever `work` raises, or answers without success, frees the key. Raises KeyRefused, KeyReused, InFlight.
    """
    check_key(request.key)
    claimed = _claim(request)
    if isinstance(claimed, Answer):
        return claimed
    try:
        with transaction.atomic():
            answer = work()
            if answer.is_success:
                _keep(claimed, answer)
            else:
                transaction.set_rollback(True)
    except BaseException:
        _release(claimed)
        raise
    if not answer.is_success:
        _release(claimed)
    return answer


def check_key(key: str) -> None:
    """Raises KeyRefused."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise KeyRefused(f"The Idempotency-Key must have 1 to {LONGEST_KEY} printable ASCII characters.")


def sweep(now: datetime) -> None:
    """Delete the oldest that were kept long enough."""
    old = KeyedRequest.objects.filter(created_at__lte=now - KEPT).order_by("created_at")
    keys = list(old.values_list("pk", flat=True)[:SWEPT_AT_ONCE])
    if keys:
        KeyedRequest.objects.filter(pk__in=keys).delete()


def _claim(request: Keyed) -> KeyedRequest | Answer:
    """The row to answer under, its own from now on, or the answer that is there."""
    now = clock.now()
    body_hash = hashlib.sha256(request.body).hexdigest()
    row, is_new = KeyedRequest.objects.get_or_create(
        api_token=request.token,
        target=hashlib.sha256(f"{request.method} {request.path}".encode()).hexdigest(),
        key=request.key,
        defaults={"body_hash": body_hash, "created_at": now, "attempted_at": now},
    )
    if is_new:
        return row
    if row.created_at > now - KEPT:
        if row.body_hash != body_hash:
            raise KeyReused("This Idempotency-Key was sent with another body; take a new key for each request.")
        if row.status is not None and row.answer is not None:
            return Answer(row.status, documents.unpack(row.answer), replayed=True)
        if row.attempted_at > now - GIVEN_UP_AFTER:
            raise InFlight
        since = row.created_at
    else:
        since = now
    # Only where it still is what was read: of several that take it over, one wins.
    mine = KeyedRequest.objects.filter(pk=row.pk, attempt=row.attempt, status=row.status)
    taken = mine.update(
        attempt=row.attempt + 1,
        body_hash=body_hash,
        created_at=since,
        attempted_at=now,
        status=None,
        answer=None,
        about="",
    )
    if not taken:
        raise InFlight
    row.attempt += 1
    return row


def _keep(row: KeyedRequest, answer: Answer) -> None:
    mine = KeyedRequest.objects.filter(pk=row.pk, attempt=row.attempt, status=None)
    if not mine.update(status=answer.status, answer=documents.pack(answer.body), about=answer.about[:LONGEST_KEY]):
        # It took so long that another one has taken its place.
        raise InFlight


def _release(row: KeyedRequest) -> None:
    """Free the key, unless somebody has taken it over or the answer is kept after all."""
    # Where the database is gone, the next one with this key takes it over in time.
    with suppress(Error):
        KeyedRequest.objects.filter(pk=row.pk, attempt=row.attempt, status=None).delete()
