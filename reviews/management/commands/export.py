"""manage.py export --organization SLUG [--queue N] [--query Q] --format jsonl|csv"""

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from reviews.management import arguments
from reviews.models import Queue
from reviews.workflow import audit, exports, finding
from reviews.workflow.finding import Wanted, WantedRefused


class Command(BaseCommand):
    help = (
        "Write completions to the standard output, a line each, with their grades, edits and where they came from. "
        "--query takes what stands behind the question mark in the address of the list of completions."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add_organization(parser)
        parser.add_argument("--format", choices=exports.FORMATS, required=True)
        parser.add_argument("--queue", type=int, metavar="N", help="those in this queue alone")
        parser.add_argument("--query", default="", metavar="Q", help="those alone that a list so filtered has")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = arguments.organization(options["organization"])
        query = options["query"].removeprefix("?")
        if options["queue"] is not None:
            if not Queue.objects.filter(pk=options["queue"], organization=organization).exists():
                raise CommandError(f"There is no queue {options['queue']} in {organization.slug}.")
            query = "&".join(filter(None, (query, urlencode({"queue": options["queue"]}))))
        try:
            wanted = Wanted.read(query, zone=ZoneInfo(settings.TIME_ZONE))
        except WantedRefused as error:
            raise CommandError(str(error)) from error
        audit.record("completion.export", organization, organization=organization, details=f"{options['format']}: all")
        out = getattr(self.stdout, "buffer", None)
        for line in exports.lines(finding.completions(organization, wanted, viewer=None), options["format"]):
            if out is not None:
                out.write(line)
            else:
                self.stdout.write(line.decode(), ending="")
