"""Django's `migrate`, alone and without keeping those who work waiting: see gradebench/migrating.py."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from gradebench import migrating


class Command(migrate.Command):
    """As Django's. On PostgreSQL, while the version before runs on."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, as often as locks demand."""
        migrating.migrate(
            connections[options["database"]],
            lambda: super(Command, self).handle(*args, **options),
            say=self.stderr.write,
        )
