"""manage.py sign_in_link USERNAME"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from reviews.models import User
from reviews.workflow import accounts


class Command(BaseCommand):
    help = "Print the path of a link that signs a user in once, within a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user “{options['username']}”.")
        self.stdout.write(reverse("welcome", args=[accounts.create_sign_in_link(user)]))
