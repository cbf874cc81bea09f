"""Whether this server has been told to stop: then it is not ready for more, and a balancer sends people elsewhere.

One byte that gunicorn's master shares with all processes that it forks, see gunicorn_conf; those answer.
"""

import mmap
from typing import Any

_told = mmap.mmap(-1, 1)


def begin(**_: Any) -> None:
    """It has been; whoever listens to signals may be told so by this."""
    _told[0] = 1


def begun() -> bool:
    """Whether it has been."""
    return bool(_told[0])
