"""Bytes on disk, by table and by index."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator

import psycopg

from tests.bench.figures import Figure
from tests.bench.site import Site
from tests.instances import Instance

SHOWN = 14
ON_POSTGRES = """
SELECT coalesce(i.tablename, c.relname), c.relname,
    pg_relation_size(c.oid) + coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_indexes i ON i.indexname = c.relname
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i')
"""
ON_SQLITE = """
SELECT coalesce(m.tbl_name, d.name), d.name, sum(d.pgsize)
FROM dbstat d LEFT JOIN sqlite_master m ON m.name = d.name GROUP BY d.name
"""


def figures(instance: Instance, site: Site) -> Iterator[Figure]:
    """All of it against the JSON that was received, and what each table and index has of it."""
    sizes = _of_file(instance) if instance.is_embedded else _of_server(instance)
    each = sum(sizes.values()) / site.completions
    words = "bytes on disk of a completion against its JSON"
    note = f"{each:,.0f} of {site.raw_bytes:,.0f} bytes, with edits, grades, claims and all indexes"
    yield Figure("bytes", words, value=round(each / site.raw_bytes, 3), unit="of it", note=note)
    for name, size in sorted(sizes.items(), key=lambda pair: -pair[1])[:SHOWN]:
        yield Figure(f"bytes {name}", f"… {name}", value=round(size / site.completions, 1), unit="bytes each")


def _of_server(instance: Instance) -> dict[str, int]:
    with psycopg.connect(instance.env["DATABASE_URL"]) as connection:
        return _named(connection.execute(ON_POSTGRES).fetchall())


def _of_file(instance: Instance) -> dict[str, int]:
    with sqlite3.connect(instance.database_file) as connection:
        return _named(connection.execute(ON_SQLITE).fetchall())


def _named(rows: list[tuple[str, str, int]]) -> dict[str, int]:
    sizes: dict[str, int] = defaultdict(int)
    for table, name, size in rows:
        sizes[name if name == table else f"{table}: {name}"] += size
    return sizes
