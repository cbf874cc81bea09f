"""The folder in which the processes of one gunicorn keep what each has counted, so that whichever is asked can tell the
figures of all. Nothing here loads prometheus_client: that decides as it is loaded where it counts.
"""

import atexit
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

# The name is prometheus_client's.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "gradebench-figures-"


def begin(parent: str | None) -> None:
    """Make the folder, for this process and all that it forks; it goes with this process."""
    folder = os.environ[FOLDER] = mkdtemp(prefix=PREFIX, dir=parent)
    atexit.register(_remove, folder, os.getpid())


def forget(pid: int) -> None:
    """A process has ended: what it said of itself is no longer so. What it counted counts."""
    for path in Path(os.environ[FOLDER]).glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def _remove(folder: str, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
