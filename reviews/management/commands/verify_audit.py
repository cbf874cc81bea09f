"""manage.py verify_audit [--expect HASH]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reviews.workflow import audit_chain
from reviews.workflow.audit_chain import Checked


class Command(BaseCommand):
    help = (
        "Recompute the hash chain over the audit and name every event and seal that is not as it was sealed. Exits "
        "with 1 when there is any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expect",
            metavar="HASH",
            default="",
            help="A chain hash that this command printed earlier and that was kept elsewhere.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        checked, found = Checked(), 0
        for words in audit_chain.verify(checked, expected=options["expect"].strip().lower()):
            self.stderr.write(words)
            found += 1
        seals = "1 seal" if checked.seals == 1 else f"{checked.seals:,} seals"
        self.stdout.write(f"{checked.events:,} events in {seals} checked, {checked.unsealed:,} not sealed yet.")
        if checked.expected_in is not None:
            self.stdout.write(f"The expected chain hash is that of seal {checked.expected_in}.")
        if checked.newest:
            self.stdout.write(f"Newest chain hash, of {checked.sealed_at:%Y-%m-%d %H:%M:%S %Z}: {checked.newest}")
        if found:
            raise CommandError(
                f"The audit is not as it was sealed: {found:,} {'finding' if found == 1 else 'findings'}, named above."
            )
        self.stdout.write("Everything is as it was sealed.")
