"""Kills during the load test: one of two web processes, one of two workers and the beat that started first, each at a
moment of its own, and back some seconds later.
"""

import random
import time
from dataclasses import dataclass

from tests.bench.load.stage import Stage

DOWN = (2.0, 6.0)


@dataclass(frozen=True)
class Kill:
    """Which role is killed, how many seconds after the begin, and how many seconds later it is started again."""

    role: str
    after: float
    down: float


def plan(seconds: float, rounds: int, seed: int) -> list[Kill]:
    """Each round kills one of each, at moments that do not meet: what is killed has a partner that works."""
    chance = random.Random(f"kills {seed}")
    roles = []
    for _ in range(rounds):
        chosen = [chance.choice(("web", "web-2")), chance.choice(("worker", "worker-2")), "beat"]
        chance.shuffle(chosen)
        roles += chosen
    # The first and the last tenth of the time are quiet.
    share = seconds * 0.8 / len(roles)
    return [
        Kill(role, seconds * 0.1 + share * (number + chance.uniform(0.0, 0.4)), min(chance.uniform(*DOWN), share / 2))
        for number, role in enumerate(roles)
    ]


class Killer:
    """Carries a plan out, whenever it is asked to `look`; from the thread that started the instance."""

    def __init__(self, stage: Stage, kills: list[Kill], began: float) -> None:
        self._stage = stage
        self._due = [(began + kill.after, kill) for kill in kills]
        self._down: list[tuple[float, str]] = []
        self.killed: list[tuple[str, float]] = []
        self.said: list[str] = []

    def look(self) -> None:
        """Kill what is due, and start again what was down long enough."""
        now = time.monotonic()
        while self._down and self._down[0][0] <= now:
            _, role = self._down.pop(0)
            self._stage.instance.start(role)
            self.said.append(f"{role} started again")
        while self._due and self._due[0][0] <= now:
            _, kill = self._due.pop(0)
            self._stage.instance.kill(kill.role)
            self.killed.append((kill.role, now))
            self._down.append((now + kill.down, kill.role))
            self.said.append(f"{kill.role} killed after {kill.after:.1f} s, for {kill.down:.1f} s")

    def moments(self, role: str = "") -> list[float]:
        """When a process of a role was killed, or of any; monotonic seconds."""
        return [moment for name, moment in self.killed if name.startswith(role)]

    def mend(self) -> None:
        """Start what is still down."""
        for _, role in self._down:
            self._stage.instance.start(role)
        self._down.clear()
