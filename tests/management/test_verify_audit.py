"""manage.py verify_audit"""

import io
import time

import pytest
from django.core.management import CommandError, call_command

from reviews.models import AuditEvent
from tests.audit_rows import events, many_events, seal_all, tamper

pytestmark = pytest.mark.django_db
MANY = 100_000


def _verified(*arguments: str) -> tuple[str, str, str]:
    """What it printed, what it complained of, and what it ended with."""
    out, err, ended = io.StringIO(), io.StringIO(), ""
    try:
        call_command("verify_audit", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        ended = f"{error.returncode} {error}"
    return out.getvalue(), err.getvalue(), ended


def test_it_says_what_it_checked() -> None:
    events(3)
    seal = seal_all()[-1]
    said, complained, ended = _verified("--expect", seal.chain_hash)
    assert "3 events in 1 seal checked, 0 not sealed yet." in said
    assert seal.chain_hash in said
    assert "The expected chain hash is that of seal 1." in said
    assert (complained, ended) == ("", "")


def test_without_events_everything_is_well() -> None:
    assert _verified() == (
        "0 events in 0 seals checked, 0 not sealed yet.\nEverything is as it was sealed.\n",
        "",
        "",
    )


def test_a_hash_that_no_seal_has_is_a_finding() -> None:
    events(3)
    seal_all()
    _, complained, ended = _verified("--expect", "0" * 64)
    assert "the chain was made anew or cut off" in complained
    assert ended == "1 The audit is not as it was sealed: 1 finding, named above."


def test_it_finds_one_altered_row_among_a_hundred_thousand() -> None:
    began = time.monotonic()
    many_events(MANY)
    stored = time.monotonic()
    assert len(seal_all()) == 100
    sealed = time.monotonic()
    altered = AuditEvent.objects.order_by("pk")[61_803]
    tamper("UPDATE reviews_auditevent SET details = 'is_open False' WHERE id = %s", altered.pk)
    said, complained, ended = _verified()
    print(
        f"\n{MANY:,} events: stored in {stored - began:.1f} s, sealed in {sealed - stored:.1f} s, "
        f"verified in {time.monotonic() - sealed:.1f} s"
    )
    assert f"{MANY:,} events in 100 seals checked" in said
    assert complained == (
        f"Event {altered.pk} was altered after it was sealed in seal 62. "
        f"It says now: queue.change of queue 61803, by user –, at {altered.at:%Y-%m-%dT%H:%M:%S.%f}+00:00.\n"
    )
    assert ended == "1 The audit is not as it was sealed: 1 finding, named above."
