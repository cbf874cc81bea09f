"""manage.py import_completions FILE.jsonl[.gz] --organization SLUG"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.log10 import importing
from reviews.management import arguments


class Command(BaseCommand):
    help = (
        "Read completions from a file of JSON lines, plain or gzip: in Log10's form, as an export of GradeBench has "
        "them, or in OpenAI's forms. A line that is refused is named; the rest go in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        arguments.add_organization(parser)
        parser.add_argument("--form", choices=importing.FORMS, default="auto", help="auto: found out line by line")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = arguments.organization(options["organization"])
        try:
            report = importing.import_file(options["file"], organization, form=options["form"])
        except OSError as error:
            raise CommandError(f"{options['file']}: {error}") from error
        for refusal in report.refused:
            self.stderr.write(f"line {refusal.line}: {refusal.reason}")
        self.stdout.write(f"{report}.")
        if report.refused:
            raise CommandError("Some lines were refused; they are named above.")
