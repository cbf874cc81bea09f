"""Where the words of completions are looked up: a GIN index on PostgreSQL, an FTS5 table on SQLite. The database itself
keeps both, from the column `search_text`.
"""

from collections.abc import Iterable

from django.db import connection
from django.db.models import BooleanField, F, QuerySet, Value
from django.db.models.expressions import Func

from reviews.models import Completion
from reviews.workflow.words import Asked

ROWS = "SELECT rowid FROM reviews_completion_words WHERE reviews_completion_words MATCH %s"
EXPRESSIONS = "%(expressions)s"
# SQLite has no statistics of words: up to so many completions that have them are looked at, all of them, and sorted;
# where there are more, the completions are asked one by one in the order of the list.
FEW = 20_000


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
    """The same, for who wants the first few in the order of an index."""
    if connection.vendor == "postgresql" or _are_few(asked):
        return having(found, asked)
    each = f"EXISTS ({ROWS % EXPRESSIONS})"
    its_own = Func(Value(_fts(asked)), F("pk"), template=each, arg_joiner=" AND rowid = ", output_field=BooleanField())
    return found.filter(its_own)


def _in_vector(asked: Iterable[Asked]) -> Func:
    words = " & ".join(f"'{one.word}':*" if one.beginning else f"'{one.word}'" for one in asked)
    query = Func(Value(words), template="%(expressions)s::tsquery")
    whole = "(%(expressions)s)"
    return Func(Vector(F("search_text")), query, template=whole, arg_joiner=" @@ ", output_field=BooleanField())


def _rows(asked: Iterable[Asked]) -> Func:
    return Func(Value(_fts(asked)), template=f"({ROWS % EXPRESSIONS})")


def _are_few(asked: Iterable[Asked]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"{ROWS} LIMIT %s", [_fts(asked), FEW + 1])
        return len(cursor.fetchall()) <= FEW


def _fts(asked: Iterable[Asked]) -> str:
    return " AND ".join(f'"{one.word}" *' if one.beginning else f'"{one.word}"' for one in asked)
