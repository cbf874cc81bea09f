"""manage.py push"""

from typing import Any

from django.core.management.base import BaseCommand

from reviews.log10 import sync
from reviews.models import Push, Upstream


class Command(BaseCommand):
    help = "Push what is due to all upstreams now. Safe beside running workers."

    def handle(self, *args: Any, **options: Any) -> None:
        for upstream in Upstream.objects.filter(enabled=True).select_related("organization"):
            arrived = sync.push(upstream)
            left = Push.objects.undecided().filter(upstream=upstream).count()
            self.stdout.write(f"{upstream.name}: {arrived} arrived, {left} not yet.")
