"""The stage of the load test: GradeBench as docker-compose.yml runs it over a filled database, an upstream that lists
what is reviewed first and takes what is pushed, reviewers, a token, and for kills two of each process.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.load import filling
from tests.bench.load.weights import Scales
from tests.e2e import steps
from tests.fake_upstream import ORGANIZATION, TOKEN
from tests.faults import driver, scenario
from tests.faults.upstream import FaultyUpstream
from tests.instances import ROOT, Instance
from tests.services import HOST, Postgres, Valkey, bound_to_parent, free_port

PULL_SECONDS = 600.0
SET_UP = """
from django.contrib.auth.hashers import make_password
from reviews.workflow import accounts, upstreams
from reviews.workflow.audit import SYSTEM
organization = Organization.objects.get(slug={team!r})
front = organization.upstreams.get(name={front!r})
Upstream.objects.filter(pk=front.pk).update(enabled=True, upstream_organization={there!r})
front.refresh_from_db()
upstreams.change(front, url={url!r}, token={token!r}, actor=SYSTEM)
for name in {names!r}:
    accounts.add_member(name, organization=organization, role="reviewer")
User.objects.filter(username__in={names!r}).update(password=make_password({password!r}))
print(accounts.create_token(organization, name="load")[1])
print(organization.feedback_tasks.get(upstream=front).upstream_uid)
print(Completion.objects.latest("pk").pk)
"""
PULLED = "SELECT count(*) FROM reviews_queueitem WHERE completion_id > ?"


@dataclass
class Stage:
    """All that runs. `newest` is the highest id of a completion that was filled in."""

    instance: Instance
    upstream: FaultyUpstream
    token: str
    names: Sequence[str]
    newest: int
    port: int
    scales: Scales = field(default_factory=Scales)
    database_pid: int = 0

    def weigh(self) -> None:
        """Note what each process weighs."""
        running = {role: process.pid for role, process in self.instance.processes.items()}
        if self.database_pid:
            running["PostgreSQL"] = self.database_pid
        self.scales.weigh(running)


@contextlib.contextmanager
def staged(
    *,
    completions: int,
    reviewers: int,
    reviews: int,
    seed: int,
    keep: Path | None,
    doubled: bool,
    env: dict[str, str | None] | None = None,
) -> Iterator[Stage]:
    """Everything ready for so many reviews that are pushed, with servers of its own; with `doubled` two of each
    process, behind a balancer.
    """
    with (
        filling.KeptPostgres(keep) if keep else Postgres() as postgres,
        Valkey() as valkey,
        contextlib.closing(filling.Filled(completions, postgres, valkey.url, env=env)) as instance,
        set_up(instance, reviewers=reviewers, reviews=reviews, seed=seed, doubled=doubled) as stage,
    ):
        stage.database_pid = postgres.pid
        yield stage


@contextlib.contextmanager
def set_up(instance: Instance, *, reviewers: int, reviews: int, seed: int, doubled: bool) -> Iterator[Stage]:
    """The same over an instance whose database is filled, and which does not run yet."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(FaultyUpstream(seed=seed))
        names = [f"reviewer-{number}" for number in range(reviewers)]
        said = {
            "team": filling.TEAM,
            "front": filling.FRONT,
            "there": ORGANIZATION,
            "url": upstream.url,
            "token": TOKEN,
            "names": names,
            "password": steps.PASSWORD,
        }
        token, task, newest = steps.ask_database(instance, SET_UP.format(**said)).splitlines()[-3:]
        upstream.feedback_tasks.append({**scenario.feedback_task(0, filling.TAG), "id": task})
        for number in range(reviews):
            upstream.add(scenario.chat(f"front-{number:05}", filling.TAG))
        port = instance.port
        if doubled:
            other = free_port()
            instance.role_env["web-2"] = {"GRADEBENCH_WEB_BIND": f"{HOST}:{other}"}
            port = _balancer(stack, instance.port, other)
        instance.start(*(doubled_roles(instance) if doubled else instance.roles))
        instance.wait_ready()
        _put_in_front(instance, int(newest), reviews)
        yield Stage(instance, upstream, token, names, int(newest), port)


def doubled_roles(instance: Instance) -> list[str]:
    """Two of each."""
    return [role for name in instance.roles for role in (name, f"{name}-2")]


def _balancer(stack: contextlib.ExitStack, *ports: int) -> int:
    words = [*bound_to_parent("KILL"), sys.executable, "-m", "tests.bench.load.balancer", *map(str, ports)]
    process = stack.enter_context(subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE))
    stack.callback(process.kill)
    assert process.stdout is not None
    return int(process.stdout.readline())


def _put_in_front(instance: Instance, newest: int, many: int) -> None:
    """Wait until what the upstream lists is here, and let it come first."""
    steps.wait_for("All is pulled", lambda: driver.query(instance, PULLED, newest)[0][0] >= many, PULL_SECONDS)
    steps.ask_database(instance, f"QueueItem.objects.filter(completion_id__gt={newest}).update(priority=1)")
