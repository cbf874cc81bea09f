"""The lock on the data folder: `up` and whatever must not happen beside it."""

import fcntl
import os
from typing import IO

from django.conf import settings
from django.core.management.base import CommandError


def hold_data_folder(else_do: str) -> IO[str]:
    """The lock, held until it is closed or the process ends. Raises CommandError, with what is to be done then."""
    lock = (settings.DATA_DIR / "up.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise CommandError(f"GradeBench runs on this data folder already (process {holder}). {else_do}") from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
