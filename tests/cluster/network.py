"""Machines: network namespaces on a bridge. To be used in namespaces of one's own, see `__main__`."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from gradebench.shared_figures import PREFIX
from tests.instances import ROOT
from tests.services import bound_to_parent, descendants, kill_all

NETWORK = "10.83.0"
HERE = f"{NETWORK}.1"
RANGE = f"{NETWORK}.0/24"
WORK = Path(tempfile.gettempdir())
# On a machine: its own name, one place of its own to write, nothing of the others, and a disk that is read-only.
SET_UP = """
set -eu
name=$1; disks=$2; shift 2
echo "$name" >/proc/sys/kernel/hostname
mount -t tmpfs -o size=64m tmpfs /dev/shm
mount -t tmpfs -o ro tmpfs /run
for disk in $disks; do mount -o remount,bind,ro "$disk"; done
exec "$@"
"""
ON_DISK = {"ext2", "ext3", "ext4", "xfs", "btrfs", "overlay", "tmpfs", "zfs", "f2fs"}
NOT_DISKS = ("/dev", "/run", "/proc", "/sys")


def prepare() -> None:
    """The bridge between the machines, on which this process is at HERE."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "bridge", "type", "bridge", "stp_state", "0", "forward_delay", "0")
    run("ip", "address", "add", f"{HERE}/24", "dev", "bridge")
    run("ip", "link", "set", "bridge", "up")


def run(*words: str) -> None:
    """Run a program of the system's. Raises CalledProcessError."""
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def disks() -> list[str]:
    """Where something can be written, but for the places that each machine has of its own."""
    partitions = psutil.disk_partitions(all=True)
    return sorted(
        {
            part.mountpoint
            for part in partitions
            if part.fstype in ON_DISK and not any(f"{part.mountpoint}/".startswith(f"{top}/") for top in NOT_DISKS)
        }
    )


class Machine:
    """One on the bridge, with at most one program of ours."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.address = f"{NETWORK}.{number}"
        self.log = WORK / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        outside = f"to-{name}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", outside, "master", "bridge", "up")
        self.ip("link", "set", "lo", "up")
        self.ip("address", "add", f"{self.address}/24", "dev", "eth0")
        self.ip("link", "set", "eth0", "up")

    def ip(self, *words: str) -> None:
        """Change its network."""
        run("ip", "-n", self.name, *words)

    def cut_off(self, other: "Machine") -> None:
        """What it sends to the other gets lost on the way, and nobody is told."""
        self.ip("neigh", "replace", other.address, "lladdr", "02:00:00:00:00:ff", "nud", "permanent", "dev", "eth0")

    def reconnect(self, other: "Machine") -> None:
        """The way is there again."""
        self.ip("neigh", "del", other.address, "dev", "eth0")

    def inside(self, words: Sequence[str], *, own_disk: bool = True) -> list[str]:
        """The words that run a program on it: on a disk of its own, or on this process's."""
        on_it = ["ip", "netns", "exec", self.name]
        if not own_disk:
            return [*bound_to_parent("KILL"), *on_it, *words]
        apart = ["unshare", "--uts", "--", "sh", "-c", SET_UP, "sh", self.name, " ".join(disks())]
        return [*bound_to_parent("KILL"), *on_it, *apart, *words]

    def start(self, words: Sequence[str], env: Mapping[str, str], *, own_disk: bool = True) -> None:
        """Start its program."""
        assert self.process is None, f"{self.name} runs already."
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.inside(words, own_disk=own_disk),
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def ask(self, words: Sequence[str], env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """Run a program on it beside the other one, and wait for it."""
        return subprocess.run(
            self.inside(words), cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    def kill(self) -> None:
        """SIGKILL to all of it, as if it lost its power."""
        if self.process is not None:
            kill_all(descendants(self.process.pid))
            self.process.wait()
            self.process = None

    def terminate(self, seconds: float) -> int:
        """SIGTERM to its program, as an engine does, and SIGKILL after so many seconds; the exit code."""
        assert self.process is not None, f"{self.name} does not run."
        process, self.process = self.process, None
        process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill_all(descendants(process.pid))
            return process.wait()

    def written(self) -> list[str]:
        """The files in its own place, the only one where it can write, but for what the processes of its gunicorn tell
        each other of their figures: that is of this machine.
        """
        assert self.process is not None, f"{self.name} does not run."
        place = Path(f"/proc/{self.process.pid}/root/dev/shm")
        found = (path.relative_to(place) for path in place.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if not path.parts[0].startswith(PREFIX))
