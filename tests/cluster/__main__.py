"""python -m tests.cluster [--restarts 5] [--seed 1]: looks whether all is there, and starts `tests.cluster.inside` in
namespaces of its own, in which all that is written is written into memory.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {"ip": "iproute2", "unshare": "util-linux", "setpriv": "util-linux", "mount": "mount"}
WORK = "/run/gradebench"
# With the first process of them, all others in these namespaces end, and what they had is gone.
APART = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc", "--"]
IN_MEMORY = f'mount -t tmpfs tmpfs /run && mkdir -m 755 {WORK} && exec "$@"'


def missing() -> list[str]:
    """What this machine lacks, each with what to do."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return ["Network namespaces take Linux and root: sudo make test-cluster"]
    return [
        f"There is no {tool} here: apt-get install -y {package}"
        for tool, package in TOOLS.items()
        if shutil.which(tool) is None
    ]


def main() -> int:
    """Look, and go on inside; the exit code where that is not possible."""
    if lacking := missing():
        print("\n".join(lacking), file=sys.stderr)
        return 2
    # Here, where the network is the machine's own.
    found = subprocess.run([ROOT / "bin" / "nginx"], stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode == 0:
        go_inside(found.stdout.strip())
    return 2


def go_inside(nginx: str) -> NoReturn:
    """Become the first process of the namespaces."""
    words = [*APART, "sh", "-c", IN_MEMORY, "sh", sys.executable, "-m", "tests.cluster.inside"]
    words += ["--nginx", nginx, *sys.argv[1:]]
    os.environ["TMPDIR"] = WORK
    os.execvp(words[0], words)  # noqa: S606 - the words are ours


if __name__ == "__main__":
    sys.exit(main())
