"""The figures that a process counts as it works, for /metrics. What stands in the database is counted there, when
somebody asks (reviews/workflow/metrics.py). Under gunicorn the processes share a folder, see gradebench.shared_figures;
no label holds a text, a name of a person or a secret.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from gradebench.shared_figures import FOLDER

# When a series began, a series each.
disable_created_metrics()  # type: ignore[no-untyped-call]

OWN = CollectorRegistry(auto_describe=False)
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter("gradebench_http_requests", "Requests answered.", ["route", "method", "status"], registry=OWN)
REQUEST_SECONDS = Histogram(
    "gradebench_http_request_seconds",
    "How long requests took, streamed answers to their end.",
    ["route", "method"],
    buckets=_REQUEST_BUCKETS,
    registry=OWN,
)
API_REFUSALS = Counter("gradebench_api_refusals", "Requests of the API refused, by reason.", ["reason"], registry=OWN)
OUTAGES = Counter("gradebench_database_outages", "Requests that the database failed.", ["kind"], registry=OWN)
CLAIM_SECONDS = Histogram(
    "gradebench_claim_seconds",
    "How long a reviewer's claim of her next item took.",
    buckets=_REQUEST_BUCKETS,
    registry=OWN,
)
REVIEWS = Counter("gradebench_reviews", "Reviews submitted.", ["queue"], registry=OWN)
REVIEW_SECONDS = Histogram(
    "gradebench_review_seconds",
    "From the claim of an item to its review.",
    buckets=(5, 10, 20, 30, 60, 120, 300, 600, 900, 1800),
    registry=OWN,
)
MEMORY = Gauge(
    "gradebench_process_memory_bytes",
    "Resident memory of the web process, of the largest where there are several.",
    multiprocess_mode="livemax",
    registry=OWN,
)

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEMORY_EVERY = 5.0
_memory_at = 0.0


def answered(route: str, method: str, status: int, seconds: float) -> None:
    """A request was."""
    REQUESTS.labels(route, method, str(status)).inc()
    REQUEST_SECONDS.labels(route, method).observe(seconds)
    _note_memory()


def reviewed(queue_id: int, seconds: float) -> None:
    """An item was, so long after it was claimed."""
    REVIEWS.labels(str(queue_id)).inc()
    REVIEW_SECONDS.observe(seconds)


def expect_reviews(queue_id: int) -> None:
    """Of that queue from none on. Prometheus takes the first value that it reads for where a series began, so that a
    queue of which nothing is told until its first review seems to have had none.
    """
    REVIEWS.labels(str(queue_id))


def _note_memory() -> None:
    """Each process says it for itself: whoever is asked for the figures knows only its own."""
    global _memory_at  # noqa: PLW0603 - a moment, and of several threads any may write it
    now = time.monotonic()
    if now - _memory_at < _MEMORY_EVERY:
        return
    _memory_at = now
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return
    MEMORY.set(pages * _PAGE)


def written(others: Iterable[Metric]) -> bytes:
    """All of it in the text format of Prometheus, `others` beside what the processes counted."""
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(OWN)
    registry.register(_Given(others))
    return generate_latest(registry)


class _Given:
    """Figures that were counted already."""

    def __init__(self, figures: Iterable[Metric]) -> None:
        self._figures = tuple(figures)

    def collect(self) -> Iterable[Metric]:
        return self._figures
