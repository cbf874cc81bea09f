"""Secrets of the embedded default: made once, kept beside the data, readable by the owner only."""

import base64
import os
from pathlib import Path

SEPARATOR = ","


def read_or_create(path: Path, size: int = 32) -> str:
    """Return the url-safe base64 text of `size` random bytes kept in `path`, creating the file (mode 0600) when absent.

    The file is written whole under a name of its own and then linked, so that of two processes that start at once
    both read the same key and neither reads half of one. Raises OSError when the folder cannot be written.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(path, _random(size))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def keys_in(text: str) -> list[str]:
    """The keys of a comma list, as GRADEBENCH_ENCRYPTION_KEYS and the file of the embedded default hold them."""
    return [key.strip() for key in text.split(SEPARATOR) if key.strip()]


def begin_rotation(path: Path) -> list[str]:
    """Put a new key in front of the one that `path` holds; the keys that it holds then, the first one being new.

    A file with several keys already is that of a rotation which was broken off: it stays, to be gone on with. Raises
    OSError; then the file is what it was.
    """
    keys = keys_in(path.read_text())
    if len(keys) < 2:
        keys = [_random(), *keys]
        replace(path, keys)
    return keys


def replace(path: Path, keys: list[str]) -> None:
    """Make `keys` what `path` holds, whole or not at all, under the owner that it has, mode 0600. Raises OSError."""
    path = path.resolve()
    kept = path.stat()
    draft = _draft(path, SEPARATOR.join(keys))
    try:
        if kept.st_uid != os.geteuid():
            os.chown(draft, kept.st_uid, kept.st_gid)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    # Without this a power cut could bring the former file back after tokens were sealed by the new key.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _random(size: int = 32) -> str:
    return base64.urlsafe_b64encode(os.urandom(size)).decode()


def _draft(path: Path, text: str) -> Path:
    """`text` in a file beside `path` that is on the disk when this returns. Raises OSError, and leaves no file then."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink()
        raise
    return draft
