"""Pull and push, against an upstream on loopback (tests/fake_upstream.py) that lives in this process."""

import time
from collections.abc import Iterator

import orjson

from tests.bench.driver import Client
from tests.bench.figures import Figure
from tests.bench.generator import Generator
from tests.bench.measures import SINGLE, Bench
from tests.e2e import steps
from tests.fake_upstream import ORGANIZATION, TOKEN, FakeUpstream

PULLED, PUSHED = 10_000, 1_000
SECONDS = 900.0
# So that no second pull comes between.
NEVER = 10**6
FEEDBACK_TASK = {
    "id": "6f2f6a3e-3f43-4f7e-9f0e-2f4b8d1c0a55",
    "name": "Theirs",
    "instruction": "Is it right?",
    "json_schema": {"type": "object", "properties": {"right": {"type": "boolean"}}},
    "completion_tags_selector": ["tag-1"],
}


def sync(bench: Bench) -> Iterator[Figure]:
    """A pull of a list of 10,000, then 1,000 edits that must reach the upstream; with fewer operations a share."""
    share = min(1.0, bench.operations / 2_000)
    pulled, pushed = round(PULLED * share), round(PUSHED * share)
    generator = Generator(3)
    with FakeUpstream() as upstream:
        upstream.feedback_tasks = [FEEDBACK_TASK]
        bodies = [generator.body(number, organization=ORGANIZATION) for number in range(pulled)]
        uids = [orjson.loads(body)["id"] for body in bodies]
        for uid, body in zip(uids, bodies, strict=True):
            upstream.add(body, uid)
        words = ["create_upstream", "--organization", "bench", "--url", upstream.url, "--pull-seconds", str(NEVER)]
        words += ["--upstream-organization", ORGANIZATION, "--token-stdin"]
        cpu = bench.servers.processor()
        bench.instance.carry_out(*words, input=f"{TOKEN}\n")
        seconds, _ = steps.wait_for("the pull", lambda: _pulled(bench), SECONDS)
        cpu = bench.servers.processor() - cpu
        yield Figure.rate("pull", f"pull of {pulled:,}", pulled, seconds, cpu)
        yield _push(bench, upstream, generator, uids[:pushed])


def _pulled(bench: Bench) -> float:
    """The seconds that the last pull took; nothing as long as it runs."""
    asked = "p = Pull.objects.order_by('-pk').first()\nprint((p.ended_at - p.started_at).total_seconds(), p.state)"
    said = steps.ask_database(bench.instance, f"{asked} if p and p.ended_at else print(0, '')").split()
    assert said[1:] in ([], ["complete"]), said
    return float(said[0])


def _push(bench: Bench, upstream: FakeUpstream, generator: Generator, uids: list[str]) -> Figure:
    """From the first edit, which an application makes, to the last one that arrived."""
    cpu, began = bench.servers.processor(), time.perf_counter()
    with bench.client() as client:
        for number, uid in enumerate(uids):
            _edit(client, uid, generator.document(number + 1)["response"])
    steps.wait_for("the pushes", lambda: len(upstream.journal) >= len(uids), SECONDS)
    took = time.perf_counter() - began
    return Figure.rate("push", f"push of {len(uids):,}", len(uids), took, bench.servers.processor() - cpu)


def _edit(client: Client, uid: str, response: object) -> None:
    answer = client.send(client.prepared("POST", f"{SINGLE}/{uid}", orjson.dumps({"response": response})))
    assert answer.status == 200, answer
