"""The load test itself: reviewers and creates for so long, with kills or without, and what came of it."""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict

from tests.bench.load import counts, filling, kills, statements
from tests.bench.load.asked import CREATE, table, too_slow
from tests.bench.load.generator import Noted, Plan
from tests.bench.load.stage import Stage, staged
from tests.e2e import steps
from tests.instances import ROOT
from tests.services import bound_to_parent

SAMPLE_SECONDS = 5.0
BODIES = 200


def run(options: argparse.Namespace) -> int:
    """Carry it out, print what came of it; the exit code."""
    given = {name: getattr(options, name) for name in ("completions", "reviewers", "seed", "keep")}
    # One on each screen and one behind it, a claim that a kill left, and those who think fast.
    reviews = int(options.reviewers * (4 + 1.2 * options.seconds / options.think))
    with staged(**given, reviews=reviews, doubled=options.kills > 0) as stage:
        print(f"{options.completions:,} completions are there; {len(stage.names)} reviewers sign in", flush=True)
        before = counts.Before.of(stage)
        noted, killer = load(stage, plan(stage, options), options.kills)
        found = counts.find(stage, noted, before, killer)
        pages = statements.ask(stage.instance, stage.names[0])
        found.notes += map(str, pages)
        found.wrong += [str(page) for page in pages[:1] if page.statements > statements.MOST]
        print(report(stage, noted, found, killer))
        slow = too_slow(noted.asked)
        for words in (*found.wrong, *slow):
            print(f"WRONG: {words}")
        return int(bool(found.wrong or (slow and not options.counts_only)))


def plan(stage: Stage, options: argparse.Namespace) -> Plan:
    """What the generator is to do."""
    return Plan(
        port=stage.port,
        reviewers=list(stage.names),
        token=stage.token,
        bodies=bodies(options.seed),
        seconds=options.seconds,
        creates_per_second=options.creates,
        seed=options.seed,
        think=(options.think * 0.5, options.think * 1.5),
    )


def bodies(seed: int) -> list[str]:
    """Completions as an application logs them, about 3 KB each; `{uid}` stands for their ids."""
    made = []
    for number in range(BODIES):
        text = " ".join(f"The wheel {seed + number + at} is true." for at in range(14))
        document = steps.chat(f"When is it, {number}?", text, organization_id=filling.TEAM, tags=(filling.TAG,))
        made.append(json.dumps({"id": "{uid}", **document}))
    return made


def load(stage: Stage, plan: Plan, rounds: int) -> tuple[Noted, kills.Killer]:
    """Let the generator work; watch, weigh and kill meanwhile."""
    words = [*bound_to_parent("KILL"), sys.executable, "-m", "tests.bench.load.generator"]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asdict(plan)) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "ready\n":
            raise AssertionError(f"The generator did not get ready.\n{stage.instance.log}")
        killer = kills.Killer(stage, kills.plan(plan.seconds, rounds, plan.seed) if rounds else [], time.monotonic())
        _watch(stage, process, killer, plan.seconds)
        return Noted.read(process.stdout.read()), killer


def _watch(stage: Stage, process: "subprocess.Popen[str]", killer: kills.Killer, seconds: float) -> None:
    until, weighed = time.monotonic() + seconds, 0.0
    while time.monotonic() < until and process.poll() is None:
        killer.look()
        if time.monotonic() - weighed > SAMPLE_SECONDS:
            stage.weigh()
            weighed = time.monotonic()
        time.sleep(0.05)
    killer.mend()
    stage.weigh()


def report(stage: Stage, noted: Noted, found: counts.Found, killer: kills.Killer) -> str:
    """All figures, as they go into a document."""
    took = noted.ended - noted.began
    creates = [row for row in noted.asked if row.kind == CREATE and not row.failed]
    lateness = max((row.sent - row.due for row in noted.asked), default=0.0)
    return "\n".join(
        [
            f"\n{took:.0f} s, {len(noted.asked):,} requests",
            f"creates offered {noted.offered:,}, done {len(creates):,} ({len(creates) / took:.1f}/s)",
            f"the generator: {noted.cpu_seconds / took:.2f} cores; latest sent {lateness * 1000:.0f} ms late",
            *killer.said,
            "",
            table(noted.asked, took),
            "",
            stage.scales.table(took),
            "",
            str(found),
        ]
    )
