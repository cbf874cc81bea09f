"""The hash chain over the audit: what is sealed when, and that nothing in it changes unseen."""

import hashlib
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reviews.models import AuditEvent, AuditSeal
from reviews.workflow import audit_chain, sweeping
from reviews.workflow.audit_chain import Checked
from tests import factories
from tests.audit_rows import events, seal_all, tamper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_chain, "BATCH", 4)
    monkeypatch.setattr(audit_chain, "EVENTS_AT_ONCE", 3)
    monkeypatch.setattr(audit_chain, "SEALS_AT_ONCE", 2)


def _found(expected: str = "") -> list[str]:
    return list(audit_chain.verify(Checked(), expected=expected))


# Sealing ---------------------------------------------------------------------------------------------------------


def test_it_seals_in_batches_that_hang_on_each_other() -> None:
    ids = [event.pk for event in events(10)]
    made = seal_all()
    assert [(seal.number, seal.count) for seal in made] == [(1, 4), (2, 4), (3, 2)]
    assert [(seal.first_event_id, seal.last_event_id) for seal in made] == [
        (ids[0], ids[3]),
        (ids[4], ids[7]),
        (ids[8], ids[9]),
    ]
    assert _found() == []


def test_a_tick_seals_what_is_due() -> None:
    events(1)
    sweeping.sweep(timezone.now())
    assert AuditSeal.objects.count() == 1


def test_a_tick_asks_once_when_there_is_nothing_to_do(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    events(3)
    seal_all()
    events(3, at=timezone.now() - audit_chain.SETTLED)
    with django_assert_num_queries(1):
        assert audit_chain.seal(timezone.now()) is None


def test_it_leaves_what_an_open_transaction_could_still_stand_before() -> None:
    now = timezone.now()
    old = events(2, at=now - timedelta(hours=1))
    events(2, at=now - timedelta(minutes=9))
    (made,) = seal_all()
    assert made.last_event_id == old[-1].pk


def test_an_event_that_is_old_enough_waits_for_those_after_it() -> None:
    events(1, at=timezone.now() - timedelta(minutes=15))
    assert seal_all() == []


def test_of_two_workers_one_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    events(6)
    read = audit_chain._rows

    def beaten(**asked: int) -> list[audit_chain.Row]:
        rows = read(**asked)
        monkeypatch.setattr(audit_chain, "_rows", read)
        assert audit_chain.seal(timezone.now()) is not None
        return rows

    monkeypatch.setattr(audit_chain, "_rows", beaten)
    assert audit_chain.seal(timezone.now()) is None
    assert AuditSeal.objects.count() == 1
    seal_all()
    assert _found() == []


# What verifying finds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("action", "queue.open"),
        ("at", "2020-01-01T00:00:00+00:00"),
        ("address", "10.0.0.1"),
        ("target_type", "member"),
        ("target_id", "7"),
        ("before_hash", "0"),
        ("after_hash", "0"),
        ("details", "nothing"),
    ],
)
def test_it_finds_an_altered_event(column: str, value: str) -> None:
    altered = events(10)[5]
    seal_all()
    tamper(f"UPDATE reviews_auditevent SET {column} = %s WHERE id = %s", value, altered.pk)  # noqa: S608 - of the table
    (words,) = _found()
    assert words.startswith(f"Event {altered.pk} was altered after it was sealed in seal 2.")


@pytest.mark.parametrize("column", ["user_id", "organization_id", "api_token_id"])
def test_it_finds_who_and_whose_altered(column: str) -> None:
    altered = events(2)[1]
    seal_all()
    organization = factories.organization()
    made = {
        "user_id": factories.user().pk,
        "organization_id": organization.pk,
        "api_token_id": factories.token(organization)[0].pk,
    }
    tamper(
        f"UPDATE reviews_auditevent SET {column} = %s WHERE id = %s",  # noqa: S608 - of the table
        made[column],
        altered.pk,
    )
    (words,) = _found()
    assert words.startswith(f"Event {altered.pk} was altered")


def test_it_finds_a_removed_event() -> None:
    removed = events(10)[4]
    seal_all()
    tamper("DELETE FROM reviews_auditevent WHERE id = %s", removed.pk)
    assert _found() == [f"Event {removed.pk} was removed: seal 2 names it."]


def test_it_finds_an_inserted_event() -> None:
    events(4)
    gap = events(1)[0]
    tamper("DELETE FROM reviews_auditevent WHERE id = %s", gap.pk)
    events(4)
    seal_all()
    AuditEvent.objects.bulk_create([AuditEvent(pk=gap.pk, action="x", target_type="queue", target_id="1")])
    (words,) = _found()
    assert words.startswith(f"Event {gap.pk} was inserted: it was not there when seal 2 was made.")


def test_it_finds_an_altered_seal() -> None:
    events(10)
    seal_all()
    tamper("UPDATE reviews_auditseal SET count = 3 WHERE number = 2")
    assert [words.split(" ", 3)[:3] for words in _found()] == [["Seal", "2", "was"], ["Seal", "2", "breaks"]]


def test_it_finds_a_seal_made_anew_for_an_altered_event() -> None:
    """Whoever alters an event and seals it again leaves the next seal hanging on a hash that is no more."""
    altered = events(10)[1]
    first = seal_all()[0]
    tamper("UPDATE reviews_auditevent SET details = 'nothing' WHERE id = %s", altered.pk)
    _forge(first, audit_chain.NOTHING_BEFORE)
    (words,) = _found()
    assert words.startswith("Seal 2 breaks the chain")


def test_a_chain_made_anew_as_a_whole_is_found_by_the_hash_that_was_noted_down() -> None:
    altered = events(6)[1]
    seals = seal_all()
    noted = seals[-1].chain_hash
    assert _found(noted) == []
    tamper("UPDATE reviews_auditevent SET details = 'nothing' WHERE id = %s", altered.pk)
    before = audit_chain.NOTHING_BEFORE
    for seal in seals:
        before = _forge(seal, before)
    assert _found() == []
    (words,) = _found(noted)
    assert words.startswith("No seal of an unbroken chain has the chain hash")


def test_a_hash_that_was_noted_down_stays_good_when_more_is_sealed() -> None:
    events(4)
    noted = seal_all()[-1].chain_hash
    events(4)
    seal_all()
    checked = Checked()
    assert list(audit_chain.verify(checked, expected=noted)) == []
    assert (checked.expected_in, checked.seals, checked.events, checked.unsealed) == (1, 2, 8, 0)


def test_it_finds_missing_seals_and_checks_the_others() -> None:
    made = events(16)
    seal_all()
    tamper("DELETE FROM reviews_auditseal WHERE number IN (2, 3)")
    tamper("UPDATE reviews_auditevent SET details = 'nothing' WHERE id = %s", made[13].pk)
    found = _found()
    assert found[0].startswith("Seal 4 stands where seals 2 to 3 are missing")
    assert found[1].startswith("Seal 4 breaks the chain")
    assert found[2].startswith(f"Event {made[13].pk} was altered")
    assert len(found) == 3


def test_it_counts_what_is_not_sealed_yet() -> None:
    events(4)
    seal_all()
    events(3, at=timezone.now())
    checked = Checked()
    assert list(audit_chain.verify(checked)) == []
    assert (checked.events, checked.unsealed) == (4, 3)


def _forge(seal: AuditSeal, before: str) -> str:
    """Seal what stands there now as if it had always stood there; the new chain hash."""
    rows = audit_chain._rows(above=seal.first_event_id - 1, through=seal.last_event_id, most=10)
    seal.fingerprints = b"".join(audit_chain.fingerprint(row) for row in rows)
    seal.batch_hash = hashlib.sha256(seal.fingerprints).hexdigest()
    seal.chain_hash = audit_chain.chain_hash(seal, before)
    tamper(
        "UPDATE reviews_auditseal SET fingerprints = %s, batch_hash = %s, chain_hash = %s WHERE number = %s",
        seal.fingerprints,
        seal.batch_hash,
        seal.chain_hash,
        seal.number,
    )
    return seal.chain_hash


# What the database refuses ---------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["reviews_auditevent", "reviews_auditseal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}"])
def test_a_trigger_refuses_to_change_or_delete(table: str, statement: str) -> None:
    events(1)
    seal_all()
    column = "details = ''" if table.endswith("event") else "count = 0"
    with pytest.raises(IntegrityError, match=f"{table} is append-only"), transaction.atomic():
        connection.cursor().execute(statement.format(table, column))
