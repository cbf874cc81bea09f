"""manage.py purge --organization SLUG (--completion UID | --older-than DAYS) [--dry-run]"""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.management import arguments
from reviews.models import Completion, Organization
from reviews.workflow import clock, purging
from reviews.workflow.purging import PurgeRefused

AT_ONCE = 100


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise ArgumentTypeError("DAYS must be a whole number of days, at least 1.")
    return int(text)


class Command(BaseCommand):
    help = (
        "Empty the text of one completion, or of all that were received more than DAYS days ago, for good; a tombstone "
        "stays. What is under review, in a queue or on its way to an upstream is left. Safe beside running workers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_organization(parser)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--completion", metavar="UID")
        which.add_argument("--older-than", type=_days, metavar="DAYS")
        parser.add_argument("--reason", default="", help="stays with the tombstone and in the audit")
        parser.add_argument("--dry-run", action="store_true", help="say what would be purged, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = arguments.organization(options["organization"])
        if options["completion"] is not None:
            self._one(organization, options["completion"], options["reason"], is_dry=options["dry_run"])
        else:
            self._many(organization, options["older_than"], options["reason"], is_dry=options["dry_run"])

    def _one(self, organization: Organization, uid: str, reason: str, *, is_dry: bool) -> None:
        found = Completion.objects.filter(organization=organization, uid=uid.replace("\x00", "")).first()
        if found is None:
            raise CommandError(f"There is no completion “{uid}” in {organization.slug}.")
        try:
            if is_dry:
                why_not = purging.refusal(found)
                if why_not:
                    raise CommandError(why_not)
            else:
                purging.purge(found.pk, reason=reason or "manage.py purge")
        except PurgeRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{uid}: {'would be purged' if is_dry else 'purged'}.")

    def _many(self, organization: Organization, days: int, reason: str, *, is_dry: bool) -> None:
        before = clock.now() - timedelta(days=days)
        if is_dry:
            count = purging.ready(organization, received_before=before).count()
            self.stdout.write(f"{count:,} would be purged.")
            return
        purged = 0
        while done := purging.purge_ready(
            organization, received_before=before, reason=reason or f"manage.py purge: {days} days", most=AT_ONCE
        ):
            purged += done
        self.stdout.write(f"{purged:,} purged.")
