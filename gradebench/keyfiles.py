"""Secrets of the embedded default: made once, kept beside the data, readable by the owner only."""

import base64
import os
from pathlib import Path


def read_or_create(path: Path, size: int = 32) -> str:
    """Return the url-safe base64 text of `size` random bytes kept in `path`, creating the file (mode 0600) when absent.

    The file is written whole under a name of its own and then linked, so that of two processes that start at once
    both read the same key and neither reads half of one. Raises OSError when the folder cannot be written.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(size)))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
