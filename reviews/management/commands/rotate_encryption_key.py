"""manage.py rotate_encryption_key"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gradebench import keyfiles
from reviews.management import alone
from reviews.workflow import sealing, second_factors, upstreams
from reviews.workflow.upstreams import Resealed


class Command(BaseCommand):
    help = (
        "Seal every upstream's token and every second factor again with the first key of GRADEBENCH_ENCRYPTION_KEYS. "
        "Without that setting: make a new key, seal with it, and forget the former one. Safe to repeat, also after it "
        "was broken off."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.ENCRYPTION_KEY_FILE
        done, lost = self._reseal() if path is None else self._rotate_file(path)
        self.stdout.write(f"{done.again} sealed again, {done.already} were already.")
        if path is None and len(settings.ENCRYPTION_KEYS) == 1:
            self.stdout.write(
                "GRADEBENCH_ENCRYPTION_KEYS has one key. To change it, put a new one and a comma before it, restart "
                "every process, and run this again."
            )
        for upstream, reason in done.broken:
            self.stderr.write(f"{upstream.organization}, upstream {upstream.pk}, {upstream.name}: {reason}")
        for factor in lost:
            self.stderr.write(f"Second factor of {factor}: no key opens it. Remove it, and she adds it again.")
        if done.broken or lost:
            raise CommandError("Some tokens could not be opened; they are as they were, and named above.")

    def _reseal(self) -> tuple[Resealed, list[str]]:
        return upstreams.reseal_all(), second_factors.reseal_all()

    def _rotate_file(self, path: Path) -> tuple[Resealed, list[str]]:
        """The new key is on the disk before anything is sealed by it, and the former one until nothing needs it."""
        lock = alone.hold_data_folder("Stop it first: it would go on with the former key alone.")
        try:
            settings.ENCRYPTION_KEYS[:] = keyfiles.begin_rotation(path)
            done = self._reseal()
            self._forget_former(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error}. No token is lost; run this again.") from error
        finally:
            lock.close()
        return done

    def _forget_former(self, path: Path) -> None:
        used = upstreams.keys_in_use() | second_factors.keys_in_use()
        first, *former = settings.ENCRYPTION_KEYS
        needed = [key for key in former if sealing.key_id(key) in used]
        keyfiles.replace(path, [first, *needed])
        if needed:
            self.stdout.write(f"{path} keeps a former key, for the tokens that could not be opened.")
        else:
            self.stdout.write(f"{path} holds the new key. A backup made before now opens with the one kept with it.")
