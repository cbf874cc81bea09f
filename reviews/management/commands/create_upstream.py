"""manage.py create_upstream --organization SLUG --url URL --upstream-organization ID --token-stdin"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import URLValidator

from reviews.management import arguments
from reviews.workflow import accounts, upstreams


class Command(BaseCommand):
    help = "Add a Log10-compatible server to pull from and push to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_organization(parser)
        parser.add_argument("--url", required=True, help="up to and without /api")
        parser.add_argument("--upstream-organization", required=True, metavar="ID", help="our organization over there")
        parser.add_argument("--name", default="")
        parser.add_argument("--pull-seconds", type=int, default=None)
        parser.add_argument("--token-stdin", action="store_true", required=True, help="read its API token from stdin")

    def handle(self, *args: Any, **options: Any) -> None:
        token = sys.stdin.readline().strip()
        if not token:
            raise CommandError("No token came on standard input.")
        try:
            URLValidator(schemes=["http", "https"])(options["url"])
            upstream = upstreams.create(
                arguments.organization(options["organization"]),
                url=options["url"],
                upstream_organization=options["upstream_organization"],
                token=token,
                name=options["name"],
                pull_seconds=options["pull_seconds"],
            )
        except (accounts.Taken, ValidationError) as error:
            raise CommandError(" ".join(getattr(error, "messages", [str(error)]))) from error
        self.stdout.write(f"Upstream {upstream.pk}, {upstream.name}, is pulled every {upstream.pull_seconds} s.")
