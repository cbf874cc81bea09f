"""manage.py create_organization SLUG"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.workflow import accounts


class Command(BaseCommand):
    help = "Create an organization."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", default="")
        parser.add_argument("--external-id", default="", help="what the Log10 clients send; default: the slug")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = accounts.create_organization(
                options["slug"], name=options["name"], external_id=options["external_id"]
            )
        except accounts.Taken as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Created {organization.slug}.")
