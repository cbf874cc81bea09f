"""manage.py pull [--upstream N]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.log10 import sync
from reviews.models import PullState, Upstream
from reviews.workflow import clock


def _why(upstream: Upstream) -> str:
    upstream.refresh_from_db()
    if upstream.token_refused_at is not None:
        return f"Its token has to be entered again: {upstream.last_error}"
    if upstream.quiet_until is not None and upstream.quiet_until > clock.now():
        return f"It is left alone until {upstream.quiet_until:%H:%M:%S} UTC: {upstream.last_error}"
    return "Another process is at work with it."


class Command(BaseCommand):
    help = "Pull all upstreams, or one, now. Safe beside running workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--upstream", type=int, metavar="N")

    def handle(self, *args: Any, **options: Any) -> None:
        upstreams = Upstream.objects.filter(enabled=True).select_related("organization")
        if options["upstream"] is not None:
            upstreams = upstreams.filter(pk=options["upstream"])
        failed = False
        for upstream in upstreams:
            row = sync.pull(upstream)
            if row is None:
                self.stdout.write(f"{upstream.name}: not pulled. {_why(upstream)}")
                continue
            failed = failed or row.state != PullState.COMPLETE
            self.stdout.write(
                f"{upstream.name}: {row.state}, {row.listed} came, {row.created} new, {row.changed} changed, "
                f"{row.conflicts} in conflict, {row.refused} refused, {row.gone} gone. {row.error}".rstrip()
            )
        if failed:
            raise CommandError("A pull did not complete.")
