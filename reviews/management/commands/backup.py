"""manage.py backup FILE"""

import shlex
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from reviews.workflow import audit, backups


class Command(BaseCommand):
    help = (
        "Write a whole copy of the embedded default's database to FILE, while GradeBench goes on. The copy is checked, "
        "and no file is overwritten. PostgreSQL has a command of its own, which this one names."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"]
        if not settings.EMBEDDED:
            file = shlex.quote(str(target))
            raise CommandError(
                "With DATABASE_URL set, PostgreSQL makes the backup, while GradeBench goes on. Run:\n"
                f'  pg_dump --format=custom --file={file} --dbname="$DATABASE_URL"\n'
                "Keep GRADEBENCH_ENCRYPTION_KEYS as well, in another place."
            )
        try:
            size = backups.take(Path(connection.settings_dict["NAME"]), target)
        except backups.NotTaken as error:
            raise CommandError(str(error)) from error
        audit.record("backup.take", None, organization=None, details=f"{target.name}: {size:,} bytes")
        self.stdout.write(f"{target}: {size:,} bytes, checked.")
        self.stdout.write(
            f"Keep {settings.ENCRYPTION_KEY_FILE or 'GRADEBENCH_ENCRYPTION_KEYS'} as well, in another place: without "
            "it the tokens of the upstreams have to be entered again."
        )
