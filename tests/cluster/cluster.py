"""The machines with GradeBench on them: start, stop, kill, restart by turns."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml

from tests.cluster.network import HERE, Machine
from tests.cluster.servers import BridgeUpstream, DistantPostgres, DistantValkey, Proxy
from tests.e2e import steps
from tests.faults.journal import POSTS
from tests.faults.kills import latent
from tests.faults.scenario import Scenario
from tests.instances import ROOT, Instance, Servers, compose_command

WEBS, WORKERS, BEATS = ("web1", "web2"), ("worker1", "worker2"), ("beat1", "beat2")
ROLES = (*WEBS, *WORKERS, *BEATS)
PORT = 8000
# How long a web waits for its database before it says so.
DATABASE_SECONDS = 4.0
# Of docs/deploy.md: who comes back is tried by the proxy again after this, and only then may the next go.
PROXY_SECONDS = 3.5
DRAIN_SECONDS = {"web": 35.0, "worker": 85.0, "beat": 10.0}


class Cluster(Instance):
    """A GradeBench on several machines, asked by its proxy. The database is made and migrated from here."""

    def __init__(self, machines: dict[str, Machine], servers: Servers, proxy: Proxy) -> None:
        self.machines = machines
        self.proxy = proxy
        super().__init__(
            "cluster",
            servers=servers,
            env={
                "ALLOWED_HOSTS": f"{proxy.machine.address},127.0.0.1",
                "GRADEBENCH_HTTPS": None,
                "GRADEBENCH_TRUSTED_PROXIES": proxy.machine.address,
                "GRADEBENCH_WEB_BIND": f"0.0.0.0:{PORT}",
                "GRADEBENCH_OUTBOUND_ALLOW": HERE,
                "GRADEBENCH_UNDO_SECONDS": "0",
                "GRADEBENCH_DATABASE_SECONDS": f"{DATABASE_SECONDS:g}",
                # For Python's temporary files: the one place of a machine that can be written.
                "TMPDIR": "/dev/shm",  # noqa: S108 - it is the machine's own
            },
        )

    @property
    def url(self) -> str:
        """The proxy's."""
        return self.proxy.url

    @property
    def log(self) -> str:
        """The last lines of each machine."""
        return "\n".join(
            f"--- {name}\n{machine.log.read_text(errors='replace')[-3000:]}"
            for name, machine in self.machines.items()
            if machine.log.exists()
        )

    def start_role(self, name: str) -> None:
        """Start what runs on this machine."""
        program, *words = compose_command(name.rstrip("12"))
        self.machines[name].start([str(Path(sys.executable).parent / program), *words], self.env)

    def start(self, *roles: str) -> None:
        """Migrate, and start all of them or those named."""
        self._prepare()
        for name in roles or ROLES:
            self.start_role(name)

    def wait_web(self, name: str, seconds: float = 60.0) -> None:
        """Until this web answers."""
        url = f"http://{self.machines[name].address}:{PORT}/healthz"

        def answers() -> bool:
            with contextlib.suppress(requests.RequestException):
                return requests.get(url, headers={"Host": "127.0.0.1"}, timeout=5).status_code == 200
            return False

        steps.wait_for(f"{name} answers", answers, seconds)

    def wait_worker(self, name: str, seconds: float = 60.0) -> None:
        """Until this worker answers what compose asks it: the very health check, run on its machine."""
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        how, check = compose["services"]["worker"]["healthcheck"]["test"]
        assert how == "CMD-SHELL"
        found = f"export HOSTNAME={name} PATH={Path(sys.executable).parent}:$PATH"
        words = ["sh", "-c", f"{found}; {check.replace('$$', '$')}"]
        steps.wait_for(f"{name} answers", lambda: self.machines[name].ask(words, self.env).returncode == 0, seconds)

    def restart(self, name: str) -> tuple[int, bool]:
        """SIGTERM, wait until it ended, start it again, wait until it answers; the exit code, and whether it ended
        within the time that compose gives it.
        """
        began, allowed = time.monotonic(), DRAIN_SECONDS[name.rstrip("12")]
        code = self.machines[name].terminate(allowed)
        in_time = time.monotonic() - began < allowed
        self.start_role(name)
        if name in WEBS:
            self.wait_web(name)
            time.sleep(PROXY_SECONDS)
        return code, in_time

    def close(self) -> None:
        """Kill all of it; everything else goes with the namespaces."""
        for machine in self.machines.values():
            machine.kill()
        self._close_commands()


@dataclass(frozen=True)
class Running:
    """The machines, their upstream, and the reviewers with work before them."""

    cluster: Cluster
    upstream: BridgeUpstream
    scenario: Scenario


@contextlib.contextmanager
def running(nginx: str, *, seed: int, reviewers: int, backlog: int) -> Iterator[Running]:
    """All machines with their programs at work."""
    names = ("db", "broker", "proxy", *ROLES)
    machines = {name: Machine(name, 10 + number) for number, name in enumerate(names)}
    webs = [machines[name] for name in WEBS]
    with (
        DistantPostgres(machines["db"]) as postgres,
        DistantValkey(machines["broker"]) as valkey,
        BridgeUpstream(seed=seed) as upstream,
    ):
        proxy = Proxy(machines["proxy"], nginx, webs)
        cluster = Cluster(machines, Servers(postgres.url(), valkey.url), proxy)
        try:
            proxy.start()
            os.environ["REQUESTS_CA_BUNDLE"] = str(proxy.certificate)
            cluster.start()
            for name in WEBS:
                cluster.wait_web(name)
            for name in WORKERS:
                cluster.wait_worker(name)
            upstream.switch_on(latent(0.2), on=POSTS)
            scenario = Scenario(cluster, upstream, seed=seed)
            scenario.set_up(completions=backlog, reviewers=reviewers, pace=0.3)
            scenario.wait_pulled()
            yield Running(cluster, upstream, scenario)
        except BaseException:
            print(cluster.log, file=sys.stderr)
            raise
        finally:
            cluster.close()
