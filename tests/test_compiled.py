"""Questions that are compiled once say what the querysets say that they were made from."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection
from django.db.models import CharField, DateTimeField, F, Value
from django.test.utils import CaptureQueriesContext

from gradebench import compiled
from gradebench.compiled import (
    Among,
    Compiled,
    CompiledCount,
    CompiledDelete,
    CompiledUpdate,
    Together,
    asked,
    insert,
    insert_all,
    insert_many,
)
from reviews.models import ApiToken, Completion, CompletionTag, Document, Queue, QueueItem, Tag
from tests import factories

pytestmark = pytest.mark.django_db


def test_it_finds_what_the_queryset_finds_each_time_with_other_values() -> None:
    tokens = [factories.token(factories.organization())[0] for _ in range(3)]
    by_hash = Compiled(lambda: ApiToken.objects.filter(hash=asked("hash", CharField())).select_related("organization"))
    for token in tokens:
        with CaptureQueriesContext(
            connection,
        ) as asked_for:
            found = by_hash.first(hash=token.hash)
            assert found is not None
            assert found.organization == token.organization
        assert len(asked_for) == 1
        assert vars(found) | {"_state": None} == vars(
            ApiToken.objects.select_related("organization").get(pk=token.pk)
        ) | {"_state": None}


def test_it_is_none_where_nothing_is_found() -> None:
    assert Compiled(lambda: ApiToken.objects.filter(pk=asked("pk"))).first(pk=7) is None


def test_it_converts_values_of_a_list_as_the_queryset_does() -> None:
    completion = factories.completion(factories.organization())
    columns = ("pk", "received_at", "confidence_low", "purged_at")
    found = Compiled(lambda: Completion.objects.filter(pk=asked("pk")).values_list(*columns)).all(pk=completion.pk)
    assert found == list(Completion.objects.values_list(*columns))


def test_what_never_varies_stands_in_the_statement_and_a_percent_sign_stays_one() -> None:
    completion = factories.completion(factories.organization())
    finished = Compiled(
        lambda: (
            Completion.objects.annotate(odd=F("pk") % 2)
            .filter(odd__lt=2, pk=asked("pk"), status="finished", uid=Value(completion.uid), purged_at=None)
            .values_list("pk")
        )
    )
    with CaptureQueriesContext(connection) as asked_for:
        assert finished.all(pk=completion.pk) == [(completion.pk,)]
        assert finished.all(pk=completion.pk + 1) == []
    assert [("'finished'" in query["sql"], " % 2" in query["sql"]) for query in asked_for] == [(True, True)] * 2


def test_a_number_that_no_column_holds_is_found_nowhere() -> None:
    queue = factories.feedback_task(factories.organization()).queue
    above = Compiled(lambda: Queue.objects.filter(pk__gte=asked("pk")).values_list("pk"))
    assert [above.all(pk=pk) for pk in (-(2**80), 2**80)] == [[(queue.pk,)], []]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's driver keeps its statements.")
def test_the_server_keeps_the_plan_of_a_statement() -> None:
    rows = Queue.objects.filter(pk=asked("pk"), name=asked("name", CharField()))
    named = Compiled(lambda: rows.values_list("pk"))
    named_too = Compiled(lambda: rows.values_list("pk", "name"), planned_anew=True)
    for pk in range(3):
        assert not named.all(pk=pk, name="x")
        assert not named_too.all(pk=pk, name="x")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%\"name\" = ($1)%'")
        assert cursor.fetchone() == (1,)


def test_it_compares_moments() -> None:
    completion = factories.completion(factories.organization())
    since = Compiled(
        lambda: Completion.objects.filter(received_at__gt=asked("since", DateTimeField())).values_list("pk")
    )
    now = datetime.now(UTC)
    assert since.all(since=now - timedelta(hours=1)) == [(completion.pk,)]
    assert since.all(since=now + timedelta(hours=1)) == []


def test_an_update_changes_what_meets_its_condition_and_says_how_many() -> None:
    queue = factories.feedback_task(factories.organization()).queue
    rename = CompiledUpdate(
        lambda: (
            Queue.objects.filter(pk=asked("pk"), claim_minutes__lt=asked("most")),
            {"name": asked("name", CharField()), "claim_minutes": F("claim_minutes") + 1},
        )
    )
    assert rename(pk=queue.pk, most=queue.claim_minutes, name="Nothing") == 0
    assert rename(pk=queue.pk, most=60, name="Tone") == 1
    now = Queue.objects.get(pk=queue.pk)
    assert (now.name, now.claim_minutes) == ("Tone", queue.claim_minutes + 1)


def test_an_update_says_what_became_of_a_column() -> None:
    queue = factories.feedback_task(factories.organization()).queue
    longer = CompiledUpdate(
        lambda: (Queue.objects.filter(pk=asked("pk")), {"claim_minutes": F("claim_minutes") + 1}),
        returning="claim_minutes",
    )
    assert longer.changed(pk=queue.pk) == [queue.claim_minutes + 1]
    assert longer.changed(pk=queue.pk + 1) == []
    assert Queue.objects.get(pk=queue.pk).claim_minutes == queue.claim_minutes + 1


def test_it_deletes_what_meets_its_condition_and_nothing_else() -> None:
    organization = factories.organization()
    for name in ("a", "b"):
        Tag.objects.create(organization=organization, name=name)
    forget = CompiledDelete(
        lambda: Tag.objects.filter(organization=asked("organization"), name=asked("name", CharField()))
    )
    assert [forget(organization=organization.pk, name="a") for _ in range(2)] == [1, 0]
    assert Tag.objects.get().name == "b"


def test_an_inserted_row_is_the_saved_one() -> None:
    organization = factories.organization()
    document = Document(organization=organization, hash="0" * 64, data=b"\x00\xff", size=2)
    insert(document)
    kept = Document.objects.get(pk=document.pk)
    assert (bytes(kept.data), kept.hash, kept.created_at) == (b"\x00\xff", document.hash, document.created_at)
    assert not document._state.adding


def test_it_takes_over_the_key_that_a_joined_row_got_meanwhile() -> None:
    organization = factories.organization()
    document = Document(organization=organization, hash="0" * 64, data=b"", size=0)
    row = Completion(
        organization=organization,
        uid="one",
        received=document,
        current=document,
        kind="chat",
        status="finished",
        received_at=datetime.now(UTC),
    )
    insert(document)
    insert(row)
    assert Completion.objects.get(uid="one").current_id == document.pk == row.current_id


def test_what_a_constraint_forbids_is_not_inserted() -> None:
    completion = factories.completion(factories.organization())
    again = Completion.objects.get(pk=completion.pk)
    again.pk = None
    with pytest.raises(IntegrityError):
        insert(again)


@pytest.mark.parametrize("many", [0, 1, 7])
def test_rows_that_are_inserted_at_once_each_learn_their_key(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MOST_AT_ONCE", 3)
    organization = factories.organization()
    rows = [Document(organization=organization, hash=str(at), data=b"\x00" * at, size=at) for at in range(many)]
    insert_all(rows)
    assert {row.pk: row.hash for row in rows} == dict(Document.objects.values_list("pk", "hash"))
    assert len({row.pk for row in rows}) == many
    assert not any(row._state.adding for row in rows)


def test_of_many_those_that_are_there_are_left_out() -> None:
    completion = factories.completion(factories.organization(), tags=["a"])
    tags = [Tag.objects.get(name="a"), Tag.objects.create(organization=completion.organization, name="b")]
    insert_many(CompletionTag(completion=completion, tag=tag) for tag in tags)
    insert_many([])
    assert CompletionTag.objects.filter(completion=completion).count() == 2
    assert not QueueItem.objects.exists()


def test_several_are_asked_in_one_statement_and_each_has_its_own_rows_in_its_own_order() -> None:
    completion = factories.completion(factories.organization(), tags=["b", "a"])
    other = factories.completion(factories.organization(), tags=["c"])
    both = Together(
        lambda: (
            CompletionTag.objects.filter(Among("completion", "ids"))
            .order_by("tag__name")
            .values_list("completion_id", "tag__name")
        ),
        lambda: Completion.objects.filter(Among("pk", "ids")).order_by("-pk").values_list("pk", "uid")[:1],
    )
    for row, names in ((completion, ["a", "b"]), (other, ["c"])):
        with CaptureQueriesContext(
            connection,
        ) as asked_for:
            tags, rows = both.all(ids=[row.pk])
        assert len(asked_for) == 1
        assert [tuple(found) for found in tags] == [(row.pk, name) for name in names]
        assert [tuple(found) for found in rows] == [(row.pk, row.uid)]
    assert [tuple(found) for found in both.all(ids=[completion.pk, other.pk])[1]] == [(other.pk, other.uid)]
    assert both.all(ids=[]) == [[], []]


def test_it_counts_as_far_as_the_question_says() -> None:
    organization = factories.organization()
    rows = [factories.completion(organization) for _ in range(3)]
    factories.completion(factories.organization())
    count = CompiledCount(lambda: Completion.objects.filter(organization=asked("organization")).values_list("pk")[:2])
    assert count(organization=organization.pk) == 2
    among = CompiledCount(lambda: Completion.objects.filter(Among("pk", "ids")).values_list("pk"))
    assert [among(ids=ids) for ids in ([rows[0].pk], {row.pk for row in rows}, [])] == [1, 3, 0]
