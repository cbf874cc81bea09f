"""What is measured at a level, one function for each concern; each yields figures in the order of the table."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlencode

from tests.bench.driver import Client, Sample, Servers, Work, asking, run
from tests.bench.figures import Figure
from tests.bench.floor import Floor
from tests.bench.generator import Generator
from tests.bench.reviewing import NothingHandedOut, Reviewer, bare_reviewing, bursting, reviewing
from tests.bench.site import Site
from tests.e2e import steps
from tests.instances import ROOT, Instance

SINGLE, BULK = "/api/v1/completions", "/api/gradebench/v1/completions/bulk"
BURSTS = 14
# With fewer operations 50 reviewers would do little more than begin.
ENOUGH = 100


@dataclass
class Bench:
    """An instance that serves a filled level, and the floor beside it (none at levels where that would take long)."""

    instance: Instance
    site: Site
    servers: Servers
    floor: Floor | None
    # Operations of each kind; those that take long have fewer.
    operations: int
    generator: Generator
    _numbers: Iterator[int]

    @classmethod
    def of(cls, instance: Instance, site: Site, servers: Servers, floor: Floor | None, operations: int) -> "Bench":
        return cls(instance, site, servers, floor, operations, Generator(2), count())

    def bodies(self, many: int, *, tokens: int = 0) -> list[bytes]:
        """New completions."""
        return [self.generator.body(next(self._numbers), tokens=tokens) for _ in range(many)]

    def client(self, content_type: str = "application/json") -> Client:
        """An application."""
        headers = {"X-Log10-Token": self.site.token, "Content-Type": content_type, "Accept-Encoding": "identity"}
        return Client(self.instance.port, headers)

    def person(self, username: str) -> Client:
        """Somebody with a browser."""
        return Client(self.instance.port, {"Cookie": self.site.cookies[username], "Accept-Encoding": "gzip"})

    def pages(self, key: str, words: str, path: str, *, who: str = "lead", times: int | None = None) -> Figure:
        """A page, asked for by one person."""
        client = self.person(who)
        warm = asking(client, [client.prepared("GET", path)] * 3)
        list(warm)
        requests = [client.prepared("GET", path)] * (times or max(20, self.operations // 20))
        return Figure.of(key, words, run(self.servers, [asking(client, requests)])["asked"])


def creates(bench: Bench) -> Iterator[Figure]:
    """One at a time, small and large, and in bulk."""
    yield from _singles(bench, "create", "create, 3 KB", bench.operations, 0)
    yield from _singles(bench, "create large", "create, 100 KB", max(16, bench.operations // 5), 200)
    for clients in (1, 8):
        rows = max(40, bench.operations // (2 if clients == 8 else 1))
        yield _bulk(bench, clients, rows)


def _singles(bench: Bench, key: str, words: str, operations: int, tokens: int) -> Iterator[Figure]:
    for clients in (1, 8):
        bodies = bench.bodies(operations, tokens=tokens)
        shares = [bodies[at::clients] for at in range(clients)]
        bare = None
        if bench.floor is not None:
            made = [Client(bench.floor.port) for _ in shares]
            bare = run(bench.floor.servers, [_posting(*pair, "/create") for pair in zip(made, shares, strict=True)])
        sample = run(bench.servers, [_posting(bench.client(), share, SINGLE) for share in shares])
        yield Figure.of(f"{key} {clients}", words, sample["asked"], floor=bare["asked"] if bare else None)


def _posting(client: Client, bodies: list[bytes], path: str) -> Work:
    return asking(client, (client.prepared("POST", path, body) for body in bodies))


def _bulk(bench: Bench, clients: int, rows: int) -> Figure:
    shares = [b"\n".join(bench.bodies(rows)) + b"\n" for _ in range(clients)]
    bare = None
    if bench.floor is not None:
        made = [Client(bench.floor.port) for _ in shares]
        works = [_posting(client, [share], "/bulk") for client, share in zip(made, shares, strict=True)]
        bare = run(bench.floor.servers, works, each=rows)["asked"]
    applications = [bench.client("application/x-ndjson") for _ in shares]
    works = [_posting(client, [share], BULK) for client, share in zip(applications, shares, strict=True)]
    sample = run(bench.servers, works, each=rows)["asked"]
    note = f"requests of {rows:,} rows; times are of a request"
    return Figure.of(f"bulk {clients}", "bulk create, 3 KB", sample, floor=bare, note=note)


def queue_pages(bench: Bench) -> Iterator[Figure]:
    """What reviewers and leads open first."""
    yield bench.pages("queues", "queue page of a reviewer", "/", who="reviewer-1")
    yield bench.pages("queues lead", "queue page of a lead", "/")
    yield bench.pages("items", "items of a queue", f"/queues/{bench.site.queues[0]}/items")


def lists(bench: Bench) -> Iterator[Figure]:
    """The list of completions, with each filter and search."""
    if bench.person("lead").get("/completions").status == 404:
        return
    plain = bench.pages("list", "completion list", "/completions")
    if bench.floor is not None:
        client = Client(bench.floor.port)
        requests = [client.prepared("GET", "/list")] * plain.operations
        bare = run(bench.floor.servers, [asking(client, requests)])["asked"]
        yield Figure(**{**vars(plain), "floor": round(plain.p50 / bare.percentile(0.5), 1) if plain.p50 else None})
    else:
        yield plain
    for words, query in _filters(bench.site).items():
        yield bench.pages(f"list {words}", f"… {words}", f"/completions?{urlencode(query)}")


def _filters(site: Site) -> dict[str, list[tuple[str, str]]]:
    """One of each, and some together."""
    return {
        "common word": [("q", site.common)],
        "rare word": [("q", site.rare)],
        "two words": [("q", f"{site.common} {site.rare}")],
        "beginning of a word": [("q", site.rare[:4])],
        "word that nothing has": [("q", "qqqqzzz")],
        "model": [("model", "small-2-2026-01-01")],
        "tag": [("tag", "tag-3")],
        "two tags": [("tag", "tag-3"), ("tag", "app-1")],
        "status": [("status", "failed")],
        "confidence": [("low", "5")],
        "session": [("session", "session-3")],
        "reviewer": [("reviewer", "member-1")],
        "feedback task and grade": [("task", str(site.feedback_tasks[0])), ("grade", "verdict:wrong")],
        "edited": [("edited", "yes")],
        "not edited": [("edited", "no")],
        "in conflict": [("conflict", "yes")],
        "flagged": [("flagged", "yes")],
        "graded": [("graded", "yes")],
        "not graded": [("graded", "no")],
        "queue": [("queue", str(site.queues[1]))],
        "upstream": [("upstream", str(site.upstream))],
        "date": [("from", "2020-01-01"), ("to", "2099-12-31")],
        "word, tag and grade": [
            ("q", site.common),
            ("tag", "tag-4"),
            ("task", str(site.feedback_tasks[0])),
            ("grade", "verdict:good"),
        ],
    }


def reviews(bench: Bench) -> Iterator[Figure]:
    """Next and submit with 1, 8 and 50 reviewers, and bursts; how often two held one item is asked of the database."""
    before = _last_assignment(bench)
    for reviewers in (1, 8, 50) if bench.operations >= ENOUGH else (1, 8):
        each = max(2, bench.operations // (4 if reviewers == 1 else 2) // reviewers)
        bare = _bare_reviews(bench, reviewers, each) if reviewers < 50 else {}
        people = _people(bench, reviewers)
        try:
            samples = run(bench.servers, [reviewing(person, each) for person in people])
        except NothingHandedOut as ended:
            yield Figure.broken_off(f"next and submit, {reviewers} reviewers", ended)
            return
        yield from (
            Figure.of(f"{kind} {reviewers}", words, samples[kind], floor=bare.get(kind))
            for kind, words in (("next", "next: claim and fragment"), ("submit", "submit and go on"))
        )
    together = threading.Barrier(8)
    samples = run(
        bench.servers,
        [bursting(person, bench.site.queues, BURSTS, together) for person in _people(bench, 8, first=2)],
    )
    yield Figure.of("burst 8", "8 ask at the same instant", samples["burst"])
    note = "of single-review items, by two places taken or by times that overlap"
    yield Figure("doubled", "held by two", value=float(_doubled(bench, before)), note=note)


def _people(bench: Bench, many: int, *, first: int = 1) -> list[Reviewer]:
    """By turns in both queues."""
    queues = bench.site.queues
    port = bench.instance.port
    return [Reviewer(port, bench.site, at, queues[at % len(queues)]) for at in range(first, first + many)]


def _bare_reviews(bench: Bench, reviewers: int, each: int) -> dict[str, Sample]:
    if bench.floor is None:
        return {}
    works = [bare_reviewing(bench.floor.port, at + 1, each) for at in range(reviewers)]
    return run(bench.floor.servers, works)


def _last_assignment(bench: Bench) -> int:
    asked = "print(Assignment.objects.order_by('-pk').values_list('pk', flat=True).first() or 0)"
    return int(steps.ask_database(bench.instance, asked))


DOUBLED = """
from collections import defaultdict
held = defaultdict(list)
claims = Assignment.objects.filter(pk__gt={before}).order_by("claimed_at", "pk")
for item, start, end, until, state in claims.values_list("item_id", "claimed_at", "ended_at", "held_until", "state"):
    held[item].append((start, end or until, state))
twice = sum(
    sum(state in ("held", "done") for _, _, state in claims) > 1
    or any(one[1] > other[0] for one, other in zip(claims, claims[1:]))
    for claims in held.values()
)
print(twice)
"""


def _doubled(bench: Bench, before: int) -> int:
    return int(steps.ask_database(bench.instance, DOUBLED.format(before=before)))


def long_answers(bench: Bench) -> Iterator[Figure]:
    """The review page of an answer of 4,000 tokens."""
    (body,) = bench.bodies(1, tokens=4_000)
    body = body.replace(b'"tags":[', b'"tags":["long",')
    with bench.client() as client:
        answer = client.send(client.prepared("POST", SINGLE, body))
        assert answer.status == 200, answer
    reviewer = Reviewer(bench.instance.port, bench.site, 50, bench.site.long_queue)
    with reviewer.client:
        path = reviewer.start()[0].location
    times = max(3, bench.operations // 50)
    yield bench.pages("tokens", "review page, 4,000 tokens", path, who="reviewer-50", times=times)
    asked = [sys.executable, "-m", "tests.bench.page", "reviewer-50", path, str(times)]
    done = subprocess.run(
        asked, env=bench.instance.env, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    inside = [float(line) / 1000 for line in done.stdout.split()]
    wall = sum(inside)
    sample = Sample(1, tuple(inside), wall, wall, 0, 0)
    yield Figure.of("tokens inside", "… in the web process, without client and network", sample)


def idle(bench: Bench) -> Iterator[Figure]:
    """Memory of the web process (on SQLite the one process) that has answered a page and does nothing."""
    time.sleep(0.5)
    largest = max(process.memory_info().rss for process in bench.servers.web()) / 1e6
    yield Figure("idle", "idle memory, largest web process", value=round(largest, 1), unit="MB")


def peak(figures: list[Figure]) -> Iterator[Figure]:
    """That of all that was measured so far."""
    largest = max((figure for figure in figures if figure.memory), key=lambda figure: figure.memory or 0, default=None)
    if largest is not None:
        words = "peak memory, largest web process"
        yield Figure("peak", words, value=largest.memory, unit="MB", note=f"during {largest.words}")
