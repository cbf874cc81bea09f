"""manage.py create_member USERNAME --organization SLUG --role ROLE"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.management import arguments
from reviews.models import Role
from reviews.workflow import accounts


class Command(BaseCommand):
    help = "Make a user a member of an organization; a new user is created, an existing one keeps her password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        arguments.add_organization(parser)
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--password-stdin", action="store_true", help="read the new user's password from stdin")

    def handle(self, *args: Any, **options: Any) -> None:
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else None
        try:
            member = accounts.add_member(
                options["username"],
                organization=arguments.organization(options["organization"]),
                role=options["role"],
                password=password,
            )
        except accounts.Taken as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{member.user} is a {member.role} of {member.organization.slug}.")
