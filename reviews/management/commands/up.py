"""manage.py up: everything in one process."""

import socket
import threading
import warnings
from argparse import ArgumentParser
from typing import Any

from celery.beat import EmbeddedService
from celery.exceptions import SecurityWarning
from celery.signals import worker_shutting_down
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from gradebench import stopping
from gradebench.celery import app
from gradebench.embedded import make_server
from reviews.log10 import demo
from reviews.management import alone
from reviews.models import Organization, User
from reviews.workflow import accounts, sweeping

HOST = "127.0.0.1"
# More than a few upstreams that hang at once: each may keep a thread for a minute.
WORKER_THREADS = 8


class Command(BaseCommand):
    help = "Serve GradeBench from this one process: web server, worker and beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("`up` is the embedded default; with DATABASE_URL set, run web, worker and beat apart.")
        # Celery is loud about running as root; on a machine for trying things out that is of no interest.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        lock = alone.hold_data_folder("Stop it, or set GRADEBENCH_DATA_DIR to another folder.")
        _check_migrated()
        listener = _listen(options["port"])
        url = f"http://{HOST}:{options['port']}"
        settings.OUTBOUND_ALLOW.append(f"{HOST}:{options['port']}")
        sweeping.release_leases()
        demo.point_at(url)
        server = make_server(listener)
        threading.Thread(target=server.run, name="web", daemon=True).start()
        worker_shutting_down.connect(stopping.begin)
        beat: Any = EmbeddedService(app, thread=True, scheduler_cls=settings.CELERY_BEAT_SCHEDULER)
        beat.start()
        self._say_where(url)
        try:
            _work()
        finally:
            beat.stop()
            server.close()
            lock.close()

    def _say_where(self, url: str) -> None:
        self.stdout.write(f"GradeBench is at {url}")
        user = User.objects.filter(username=demo.USERNAME, is_active=True).first()
        if user is not None:
            self.stdout.write(f"Sign in once with {url}{reverse('welcome', args=[accounts.create_sign_in_link(user)])}")
        elif not Organization.objects.exists():
            self.stdout.write("Nobody is here yet: manage.py create_organization, then create_member and sign_in_link.")
        self.stdout.write("Stop with Ctrl-C.")
        self.stdout.flush()


def _work() -> None:
    """The Celery worker, in the main thread, until a signal ends it."""
    worker = app.Worker(
        pool="threads",
        concurrency=WORKER_THREADS,
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,
    )
    worker.start()


def _check_migrated() -> None:
    try:
        executor = MigrationExecutor(connection)
        behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise CommandError(f"The database does not answer: {error}") from error
    if behind:
        raise CommandError("The database is not up to date. Run: manage.py migrate")


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        raise CommandError(f"Port {port} is taken by another program. Choose one: make run PORT=8001") from error
    return listener
