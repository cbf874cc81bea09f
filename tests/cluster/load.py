"""Applications that log here while everything happens: each create is sent once, over TLS by the proxy, and noted."""

import random
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import requests

from tests.e2e import steps


@dataclass
class Applications:
    """Some that create completions, a thread each. Inside of `with` they are at work."""

    organization: steps.Organization
    count: int = 3
    pause: float = 0.1
    answers: "Counter[int]" = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._log, args=(number,)) for number in range(self.count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _log(self, number: int) -> None:
        chance = random.Random(number)
        with requests.Session() as session:
            session.headers["X-Log10-Token"] = self.organization.token
            while not self._stopping.wait(chance.uniform(0, 2 * self.pause)):
                self._create(session)

    def _create(self, session: requests.Session) -> None:
        uid = str(uuid.uuid4())
        document = steps.chat("When?", "At nine.", organization_id=self.organization.external_id, tags=("logged",))
        try:
            answer = session.post(
                f"{self.organization.instance.url}/api/v1/completions", json={"id": uid, **document}, timeout=60
            )
        except requests.RequestException:
            self.answers[0] += 1
            return
        self.answers[answer.status_code] += 1
        if answer.status_code == 200:
            self.acknowledged.append(answer.json()["id"])

    @property
    def failed(self) -> int:
        """How many creates were not taken."""
        return sum(count for status, count in self.answers.items() if status != 200)
