"""manage.py create_token --organization SLUG --name NAME"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.management import arguments
from reviews.workflow import accounts


class Command(BaseCommand):
    help = "Create an API token. It is printed once, alone on the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_organization(parser)
        parser.add_argument("--name", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _, secret = accounts.create_token(arguments.organization(options["organization"]), name=options["name"])
        except accounts.Taken as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Keep this token; it is not shown again:")
        self.stdout.write(secret)
