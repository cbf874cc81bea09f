"""A database with very many completions for the load test, made once and copied for each run.

`python -m tests.bench.load.filling MANY` fills the one that its settings name. It is that of `million.py`, but that
nine tenths of the queue items stand in one queue, of a feedback task that the upstream FRONT has: what is pulled from
there and what the API creates joins them.
"""

import hashlib
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import django
import psycopg
from psycopg import sql

from tests.instances import ROOT, Instance, Servers
from tests.services import Postgres, bound_to_parent, create_database, drop_database

TEAM = "large"
FRONT = "front"
RUBRIC = "Rubric in front"
TAG = "front"
SECONDS = 7200.0


class KeptPostgres(Postgres):
    """A PostgreSQL whose data stay in a folder, for another run."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        kept = folder / "superuser"
        if kept.exists():
            self.password = kept.read_text()
        else:
            kept.touch(0o600)
            kept.write_text(self.password)

    def close(self) -> None:
        """Stop it, and leave its files."""
        self.stop()


class Filled(Instance):
    """A GradeBench over a copy of the filled database, which is filled first where it is not there."""

    def __init__(
        self, many: int, postgres: Postgres, broker_url: str, *, env: dict[str, str | None] | None = None
    ) -> None:
        super().__init__("load", env=env, servers=Servers(postgres.url(), broker_url))
        self._filled = Path(f"filled_{many}_{_schema()}")
        if not _exists(postgres, self._filled.name):
            self._fill(postgres, broker_url, many)

    def _migrated(self, _server: str) -> Path:
        return self._filled

    def _fill(self, postgres: Postgres, broker_url: str, many: int) -> None:
        unfinished = f"{self._filled.name}_unfinished"
        drop_database(postgres.url(), unfinished)
        create_database(postgres.url(), unfinished)
        env = {**self.env, "DATABASE_URL": postgres.url(unfinished), "REDIS_URL": broker_url}
        words = [*bound_to_parent("KILL"), sys.executable, "-m", "tests.bench.load.filling", str(many)]
        subprocess.run(words, cwd=ROOT, env=env, check=True, timeout=SECONDS)
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            names = sql.Identifier(unfinished), sql.Identifier(self._filled.name)
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))


def _exists(postgres: Postgres, name: str) -> bool:
    with psycopg.connect(postgres.url()) as connection:
        return bool(connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone())


def _schema() -> str:
    """A word that is another when the migrations, or what is filled in, are others."""
    sources = sorted([*ROOT.glob("reviews/migrations/*.py"), *ROOT.glob("tests/bench/**/million.py"), Path(__file__)])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def fill(many: int) -> None:
    """Migrate, fill, and leave it as autovacuum and an hour of ticks would."""
    from django.core.management import call_command  # noqa: PLC0415 - after django.setup(), as all that follows
    from django.db import connection  # noqa: PLC0415

    from reviews.models import Upstream  # noqa: PLC0415
    from reviews.workflow import audit_chain, clock  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415
    from tests.bench import million  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    small, large = million.make_teams()
    front = factories.upstream(large.organization)
    feedback_task = factories.feedback_task(large.organization, name=RUBRIC, selector=[TAG], upstream=front)
    million.fill(many, (small, replace(large, queues=(feedback_task.queue,))))
    # What they would list is nowhere, and nobody is to ask for it. The run enables the one that is there.
    Upstream.objects.update(enabled=False)
    Upstream.objects.filter(pk=front.pk).update(name=FRONT)
    while audit_chain.seal(clock.now()) is not None:
        pass
    script = StringIO()
    call_command("sqlsequencereset", "reviews", no_color=True, stdout=script)
    with connection.cursor() as cursor:
        cursor.execute(script.getvalue())
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    django.setup()
    fill(int(sys.argv[1]))
