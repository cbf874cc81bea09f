"""What the processes of a GradeBench weigh, and how much they worked."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from tests.services import descendants

MEGABYTE = 2**20
HEAD = "| processes | resident, MB | of their own, MB | most resident, MB | growth | cores |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Weight:
    """Of one process and all that it started: megabytes resident, megabytes that no other shares, seconds at work."""

    resident: float
    own: float
    seconds: float


def weigh(pid: int) -> Weight:
    """As it is now; nothing where the process is gone."""
    resident = own = seconds = 0.0
    for process in descendants(pid):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            memory, times = process.memory_full_info(), process.cpu_times()
            resident += memory.rss / MEGABYTE
            own += memory.uss / MEGABYTE
            # Those of children that have ended are told by their parent.
            seconds += sum(times[:4])
    return Weight(resident, own, seconds)


class Scales:
    """Weighs the same processes again and again. One that was started anew begins anew."""

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._weights: dict[str, list[Weight]] = {}

    def weigh(self, pids: Mapping[str, int]) -> None:
        """Note what each weighs now."""
        for name, pid in pids.items():
            if self._pids.get(name) != pid:
                self._pids[name], self._weights[name] = pid, []
            self._weights[name].append(weigh(pid))

    def table(self, seconds: float) -> str:
        """First against last, over so many seconds."""
        return "\n".join([HEAD, *(_line(name, rows, seconds) for name, rows in sorted(self._weights.items()))])


def _line(name: str, rows: list[Weight], seconds: float) -> str:
    first, last = rows[0], rows[-1]
    resident = f"{first.resident:.0f} → {last.resident:.0f}"
    cells = (
        *(name, resident, f"{first.own:.0f} → {last.own:.0f}", f"{max(row.resident for row in rows):.0f}"),
        *(f"{(last.own / (first.own or 1) - 1) * 100:+.1f} %", f"{(last.seconds - first.seconds) / seconds:.2f}"),
    )
    return f"| {' | '.join(cells)} |"
