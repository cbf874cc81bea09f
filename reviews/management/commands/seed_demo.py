"""manage.py seed_demo"""

from typing import Any

from django.core.management.base import BaseCommand

from reviews.log10 import demo


class Command(BaseCommand):
    help = "Fill an empty database with the demo: an application, its completions, and a team that reviews them."

    def handle(self, *args: Any, **options: Any) -> None:
        if demo.seed():
            self.stdout.write("The demo is in place.")
        else:
            self.stdout.write("There is data already; the demo was left out.")
