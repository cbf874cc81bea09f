"""For those who watch the process: is it there, and can it do its work?"""

import logging
from datetime import timedelta
from tempfile import TemporaryFile

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from gradebench import outages
from gradebench.celery import app
from reviews.workflow import sweeping

log = logging.getLogger(__name__)
OLDEST_SWEEP = timedelta(seconds=60)
# Whoever asks has limits of their own, of ten seconds often.
DATABASE_SECONDS = 4.0
LEAST_ROOM = 1024 * 1024


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"ok": True})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, disk, broker, and whether beat and a worker have swept within the last minute: 200, or 503 and what
    fails.
    """
    checks = {**_database(), "broker": _broker()}
    if settings.EMBEDDED:
        checks["disk"] = _disk()
    well = all(state == "ok" for state in checks.values())
    return JsonResponse({"ok": well, **checks}, status=200 if well else 503)


def _database() -> dict[str, str]:
    try:
        with outages.waiting_at_most(DATABASE_SECONDS):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            return {"database": "ok", "sweep": _sweep()}
    except Error:
        log.warning("The database does not answer.", exc_info=True)
        return {"database": "not reachable", "sweep": "unknown"}


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
        with app.connection_for_write(transport_options={"socket_connect_timeout": 2}) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
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
