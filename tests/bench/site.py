"""What a driver knows of a GradeBench that was filled."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """`cookies` by user name: reviewer-1 to reviewer-50, who have done nothing yet, and lead."""

    completions: int
    token: str
    queues: list[int]
    # Of completions with the tag “long”: none yet.
    long_queue: int
    feedback_tasks: list[int]
    cookies: dict[str, str]
    upstream: int
    # Mean bytes of the JSON of a completion, as received.
    raw_bytes: float
    # Two words of the texts, one that many have and one that few have.
    common: str
    rare: str
