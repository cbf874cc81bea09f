"""/metrics: the figures that an operator watches, in the text format of Prometheus. docs/observability.md has them."""

import hmac
import logging
import platform
import shutil
import threading
import time
from dataclasses import dataclass, field
from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from gradebench import measures, outages
from gradebench.version import VERSION
from reviews.workflow import metrics as database
from reviews.workflow.metrics import Figure

log = logging.getLogger(__name__)
DATABASE_SECONDS = 4.0
# Who asks more often, or from several places at once, gets what was found then.
KEPT_SECONDS = 5.0
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For who has the token; where none is set, for the machine itself in the embedded default, and nobody else."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if not hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
            words = "Send GRADEBENCH_METRICS_TOKEN as “Authorization: Bearer …”.\n"
            return HttpResponse(words, status=401, content_type="text/plain; charset=utf-8")
    elif not (settings.EMBEDDED and _is_here(request)):
        raise Http404
    return HttpResponse(measures.written(_figures()), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _is_here(request: HttpRequest) -> bool:
    """Whether it comes from this machine and means it: a proxy beside us passes on what others ask by another name."""
    try:
        near = ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
    return near and split_domain_port(request.get_host())[0] in LOOPBACK


@dataclass
class _Kept:
    """What the database was last found to hold, and until when that is told."""

    figures: list[Metric] = field(default_factory=list)
    until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


_kept = _Kept()


def _figures() -> list[Metric]:
    """Of the database, the disk and this version. One thread looks, the others wait for what it finds."""
    with _kept.lock:
        if time.monotonic() >= _kept.until:
            _kept.figures = [*_database(), *_disk(), _version()]
            _kept.until = time.monotonic() + KEPT_SECONDS
        return _kept.figures


def forget() -> None:
    """Look again when asked next."""
    _kept.until = 0.0


def _database() -> list[Metric]:
    up = GaugeMetricFamily("gradebench_database_up", "Whether the database answered.")
    try:
        with outages.waiting_at_most(DATABASE_SECONDS):
            found = [_metric(figure) for figure in database.figures()]
    except Error:
        log.warning("The database does not answer.", exc_info=True)
        found = []
    up.add_metric([], bool(found))
    return [up, *found]


def _metric(figure: Figure) -> Metric:
    kind = CounterMetricFamily if figure.rises else GaugeMetricFamily
    made = kind(f"gradebench_{figure.name}", figure.about, labels=figure.labels)
    for labels, value in figure.values:
        made.add_metric(labels, value)
    return made


def _disk() -> list[Metric]:
    """Where the data is, in the embedded default; elsewhere the database's disk is the database's to watch."""
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError:
        return []
    free = GaugeMetricFamily("gradebench_disk_free_bytes", "Room on the disk of the data folder.", usage.free)
    size = GaugeMetricFamily("gradebench_disk_size_bytes", "Size of the disk of the data folder.", usage.total)
    return [free, size]


def _version() -> Metric:
    made = GaugeMetricFamily("gradebench_build_info", "What runs here.", labels=("version", "python", "database"))
    made.add_metric((VERSION, platform.python_version(), connection.vendor), 1)
    return made
