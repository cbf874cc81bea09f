"""Where the words of completions are looked up: a GIN index on PostgreSQL, an FTS5 table on SQLite. The database itself
keeps both, from the column `search_text`.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import BigIntegerField, BooleanField, F, QuerySet, Value
from django.db.models.expressions import Func

from reviews.models import Completion
from reviews.workflow.words import Asked

ROWS = "SELECT rowid FROM reviews_completion_words WHERE reviews_completion_words MATCH %s"
MERGE = "INSERT INTO reviews_completion_words(reviews_completion_words, rank) VALUES ('merge', %s)"
EXPRESSIONS = "%(expressions)s"
# SQLite has no statistics of words: up to so many completions that have them are sought one by one.
FEW = 10_000
# PostgreSQL has, and is wrong about rare ones by more the more rows there are: up to so many are fetched and sorted.
FEW_SORTED = 1_000
# Pages of 4 KB: some fifty milliseconds, in which nobody else writes.
FORGOTTEN_AT_ONCE = 200


class Vector(Func):
    """The expression of the index on PostgreSQL. What former versions wrote into the column has no words in it."""

    template = (
        "array_to_tsvector(CASE WHEN starts_with(%(expressions)s, ' ')"
        " THEN string_to_array(substr(%(expressions)s, 2), ' ') END)"
    )


def having(found: QuerySet[Completion], asked: Iterable[Asked]) -> QuerySet[Completion]:
    """Those that have all of the words."""
    if connection.vendor == "postgresql":
        return found.filter(_in_vector(asked))
    return found.filter(pk__in=_rows(asked))


def newest_having(found: QuerySet[Completion], asked: Iterable[Asked]) -> QuerySet[Completion]:
    """The same, for who wants the first few in the order of an index. It is asked first whether few have them: for a
    word that hardly anything has the list would be walked to its end, which takes seconds where it is long.
    """
    if connection.vendor == "postgresql":
        asked = list(asked)
        ids = some_of(having(found, asked), FEW_SORTED)
        return found.filter(pk__in=ids) if len(ids) <= FEW_SORTED else having(found, asked)
    with connection.cursor() as cursor:
        cursor.execute(f"{ROWS} LIMIT %s", [_fts(asked), FEW + 1])
        ids = [pk for (pk,) in cursor.fetchall()]
    return found.filter(pk__in=ids) if len(ids) <= FEW else walked(found, _rows(asked))


def some_of(found: QuerySet[Completion], most: int) -> list[int]:
    """The ids of those, no more than one above `most`, in no order: for who is to know whether they are many.

    PostgreSQL thinks little of an index when only some are wanted, and reads the table until it has them; so it is
    asked for all, and left when there are enough.
    """
    ids = found.order_by().values_list("pk")
    if connection.vendor != "postgresql":
        return [pk for (pk,) in ids[: most + 1]]
    try:
        statement, values = ids.query.sql_with_params()
    except EmptyResultSet:
        # A condition that nothing can meet.
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"WITH found AS MATERIALIZED ({statement}) SELECT * FROM found LIMIT %s", [*values, most + 1])  # noqa: S608 - ours
        return [pk for (pk,) in cursor.fetchall()]


def walked(found: QuerySet[Completion], *named: QuerySet[Any] | Func) -> QuerySet[Completion]:
    """Those whose ids are among each of the named ones, looked up while the list is walked in its order: for who wants
    the first few of it, where very many are named.
    """
    # The sign keeps SQLite from seeking and sorting all that are named. PostgreSQL knows how many they are.
    template = "+%(expressions)s" if connection.vendor == "sqlite" else "%(expressions)s"
    found = found.alias(walked=Func(F("pk"), template=template, output_field=BigIntegerField()))
    for ids in named:
        found = found.filter(walked__in=ids)
    return found


def forget() -> None:
    """Let go for good of words that have left the column. Not within a transaction: each step is one of its own.

    SQLite's index only notes that a row has left, and keeps its words until it joins its parts; here it joins all of
    them. PostgreSQL's lets go when it is vacuumed, as the rows themselves do.
    """
    if connection.vendor != "sqlite":
        return
    pages = -FORGOTTEN_AT_ONCE
    with connection.cursor() as cursor:
        while True:
            before = _written(cursor)
            cursor.execute(MERGE, [pages])
            # As SQLite's documentation has it: fewer than two rows changed, nothing was left to do.
            if _written(cursor) - before < 2:
                return
            # The first step says that all parts are to become one.
            pages = FORGOTTEN_AT_ONCE


def _written(cursor: CursorWrapper) -> int:
    cursor.execute("SELECT total_changes()")
    (written,) = cursor.fetchone()
    return int(written)


def _in_vector(asked: Iterable[Asked]) -> Func:
    words = " & ".join(f"'{one.word}':*" if one.beginning else f"'{one.word}'" for one in asked)
    query = Func(Value(words), template="%(expressions)s::tsquery")
    whole = "(%(expressions)s)"
    return Func(Vector(F("search_text")), query, template=whole, arg_joiner=" @@ ", output_field=BooleanField())


def _rows(asked: Iterable[Asked]) -> Func:
    return Func(Value(_fts(asked)), template=f"({ROWS % EXPRESSIONS})")


def _fts(asked: Iterable[Asked]) -> str:
    return " AND ".join(f'"{one.word}" *' if one.beginning else f'"{one.word}"' for one in asked)
