"""For those who watch the process: is it there, and can it do its work?"""

import logging
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from pkgutil import iter_modules
from tempfile import TemporaryFile

from django.apps import apps
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from gradebench import outages, stopping
from gradebench.celery import app
from reviews.workflow import sweeping

log = logging.getLogger(__name__)
OLDEST_SWEEP = timedelta(seconds=60)
# Whoever asks has limits of their own, of ten seconds often: both together stay below that.
DATABASE_SECONDS = 4.0
BROKER_SECONDS = 2
_BROKER_LIMITS = {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS}
LEAST_ROOM = 1024 * 1024


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"ok": True})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether this process may be sent people: it is not about to stop, the database is there and migrated, the broker
    and the disk are there, and beat and a worker have swept within the last minute. 200, or 503 and what fails.
    """
    checks = {"process": "stopping" if stopping.begun() else "ok", **_database(), "broker": _broker()}
    if settings.EMBEDDED:
        checks["disk"] = _disk()
    well = all(state == "ok" for state in checks.values())
    return JsonResponse({"ok": well, **checks}, status=200 if well else 503)


def _database() -> dict[str, str]:
    try:
        with outages.waiting_at_most(DATABASE_SECONDS):
            return {"migrations": _behind(), "database": "ok", "sweep": _sweep()}
    except Error:
        log.warning("The database does not answer.", exc_info=True)
        return {"database": "not reachable", "migrations": "unknown", "sweep": "unknown"}


def _behind() -> str:
    missing = sorted(_migrations() - MigrationRecorder(connection).applied_migrations().keys())
    if not missing:
        return "ok"
    return f"{'.'.join(missing[0])} and {len(missing) - 1} more are not applied: run manage.py migrate"


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """Those that this version has, by the names of their files: to load them all would take memory for good."""
    found: set[tuple[str, str]] = set()
    for app_config in apps.get_app_configs():
        name, _ = MigrationLoader.migrations_module(app_config.label)
        spec = find_spec(name) if name else None
        modules = iter_modules(spec.submodule_search_locations) if spec is not None else ()
        found |= {(app_config.label, module.name) for module in modules if module.name[0] not in "_~"}
    return frozenset(found)


def _disk() -> str:
    """Whether a little more can be written where the data is: a file without a name, gone again at once."""
    try:
        with TemporaryFile(dir=settings.DATA_DIR) as file:
            file.write(bytes(LEAST_ROOM))
            file.flush()
    except OSError as error:
        log.warning("The disk cannot be written.", exc_info=True)
        return f"cannot be written: {error.strerror}"
    return "ok"


def _broker() -> str:
    try:
        with app.connection_for_write(transport_options=_BROKER_LIMITS) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
    except (OperationalError, OSError):
        log.warning("The broker does not answer.", exc_info=True)
        return "not reachable"
    return "ok"


def _sweep() -> str:
    last = sweeping.last_sweep()
    if last is None:
        return "never ran: are a worker and beat running?"
    age = timezone.now() - last
    return "ok" if age < OLDEST_SWEEP else f"{int(age.total_seconds())} s old: are a worker and beat running?"
