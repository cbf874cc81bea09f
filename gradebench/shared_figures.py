"""The folder in which the processes of one gunicorn keep what each has counted, so that whichever is asked can tell the
figures of all. Nothing here loads prometheus_client: that decides as it is loaded where it counts.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

# The name is prometheus_client's.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "gradebench-figures-"
# A file that is locked for as long as one of them runs. The kernel takes the lock back, however they end, and a number
# of a process, which may be another's by then, says nothing.
LOCK = "in-use"


def begin(parent: str | None) -> None:
    """Make the folder, for this process and all that it forks; it goes with this process. One that was killed could
    not take its own with it: what such left behind goes now.
    """
    _remove_left_behind(Path(parent or tempfile.gettempdir()))
    folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
    _lock(Path(folder))
    atexit.register(_remove, folder, os.getpid())


def forget(pid: int) -> None:
    """A process has ended: what it said of itself is no longer so. What it counted counts."""
    for path in Path(os.environ[FOLDER]).glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def _lock(folder: Path) -> None:
    """It has its name only once it is locked, so that nobody finds it free who looks in between."""
    unnamed = folder / f"{LOCK}.new"
    # Never closed: what is forked has it as well.
    descriptor = os.open(unnamed, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    unnamed.rename(folder / LOCK)


def _remove_left_behind(parent: Path) -> None:
    """Folders of this user that nobody holds. Where others may write, none of theirs is taken for one of ours."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid == os.geteuid():
                _remove_unless_held(folder)


def _remove_unless_held(folder: Path) -> None:
    """Raises OSError where it is held or has no lock."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _remove(folder: str, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
