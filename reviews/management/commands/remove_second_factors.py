"""manage.py remove_second_factors USERNAME"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.models import User
from reviews.workflow import second_factors


class Command(BaseCommand):
    help = "For who lost hers: remove all second factors of a user, who signs in with her password alone again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user “{options['username']}”.")
        self.stdout.write(f"{user}: {second_factors.remove_all(user)} removed.")
