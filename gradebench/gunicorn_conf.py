"""gunicorn's settings, the same in the image, in docker-compose.yml, under systemd and in the tests:

gunicorn gradebench.wsgi --config python:gradebench.gunicorn_conf
"""

import os
from pathlib import Path
from typing import Any

from gradebench import draining, shared_figures


def _number(name: str, default: int) -> int:
    """A whole number above zero from the environment."""
    text = os.environ.get(name, "") or str(default)
    if not text.isdecimal() or int(text) == 0:
        raise SystemExit(f"{name} is “{text}”; it must be a whole number above zero.")
    return int(text)


bind = os.environ.get("GRADEBENCH_WEB_BIND", "") or "127.0.0.1:8000"

# Threads for what waits for the database, processes for what computes: one of them computes at a time in each process.
worker_class = "gthread"
workers = _number("WEB_CONCURRENCY", 2)
threads = _number("GRADEBENCH_WEB_THREADS", 8)

# The application is read once, before the processes are forked: they share its memory (a fresh one has 4 MB of its own
# instead of 70), one that died is there again at once, and what cannot start says so and ends. Nothing of it opens a
# connection or a thread on the way. The price is that SIGHUP does not bring new code: an upgrade is a new master.
preload_app = True
# A leak is a fault to be found, not one to be hidden by restarts.
max_requests = 0

# A process that did not come round its loop for so long hangs. A request may take longer: it has a thread of its own.
timeout = 60
# What a stopping server still has time for; whoever stops it has to wait for longer than that.
graceful_timeout = 30
# Longer than balancers keep a connection that nobody uses (60 s), so that they close it and not we, while they write.
keepalive = 75

# Whom to believe that a request came by TLS: the same proxies as settings.py.
forwarded_allow_ips = os.environ.get("GRADEBENCH_TRUSTED_PROXIES", "") or "127.0.0.1,::1"
# Memory, so that the sign of life of a process does not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
shared_figures.begin(worker_tmp_dir)
# Signals do all that is asked of it, and the file system of the image is read-only.
control_socket_disable = True


def when_ready(server: Any) -> None:
    """The master has its sockets and its first processes."""
    draining.prepare(server)


def child_exit(_: Any, worker: Any) -> None:
    """gunicorn calls it when a process has ended."""
    shared_figures.forget(worker.pid)
