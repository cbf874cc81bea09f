"""manage.py create_token --organization SLUG --name NAME [--scopes read,feedback] [--expires-in-days N]"""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reviews.management import arguments
from reviews.models import ApiToken
from reviews.workflow import accounts


class Command(BaseCommand):
    help = "Create an API token. It is printed once, alone on the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_organization(parser)
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--scopes",
            default=",".join(ApiToken.USUAL_SCOPES),
            help=f"what it may do, separated by commas: {', '.join(ApiToken.SCOPES)} (default: %(default)s)",
        )
        parser.add_argument("--expires-in-days", type=int, help="default: never")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _, secret = accounts.create_token(
                arguments.organization(options["organization"]),
                name=options["name"],
                scopes=[scope.strip() for scope in options["scopes"].split(",") if scope.strip()],
                expires_at=_end(options["expires_in_days"]),
            )
        except ValueError as error:  # Taken is one, too.
            raise CommandError(str(error)) from error
        self.stdout.write("Keep this token; it is not shown again:")
        self.stdout.write(secret)


def _end(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 0 < days < 36_500:
        raise CommandError("A token expires in one day or more: --expires-in-days 90, say.")
    return timezone.now() + timedelta(days=days)
