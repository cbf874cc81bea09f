"""One line of the log for each request, its id in the answer, and what it adds to the figures."""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

from gradebench import context, measures, request_ids
from gradebench.logs import LEFT_OUT

log = logging.getLogger(__name__)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Whoever watches the process asks for these all day.
PROBES = {"healthz", "readyz", "metrics"}
LONGEST_PATH = 300


@dataclass(frozen=True, slots=True)
class _Answer:
    """A request, and the answer that is on its way."""

    request: HttpRequest
    response: HttpResponseBase
    started: float

    def write(self) -> None:
        """Count it, and say so in the log; a probe is told only to who wants to know all."""
        seconds = time.perf_counter() - self.started
        method, route, status = method_of(self.request), route_of(self.request), self.response.status_code
        measures.answered(route, method, status, seconds)
        level = logging.DEBUG if route in PROBES else logging.INFO
        if log.isEnabledFor(level):
            path = _path(self.request)
            fields = {"path": path, "status": status, "duration_ms": round(seconds * 1000, 1)}
            log.log(level, "%s %s %d in %.1f ms", method, path, status, seconds * 1000, extra={"fields": fields})


# A streamed answer is not over when the view returns.
_streamed: ContextVar[_Answer | None] = ContextVar("streamed", default=None)


class AccessLog:
    """The middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = request_ids.of(request.headers.get(request_ids.HEADER))
        context.begin(request_id=request_id, method=method_of(request))
        response = self.get_response(request)
        response[request_ids.HEADER] = request_id
        context.note(route=route_of(request))
        answer = _Answer(request, response, started)
        # Files are sent by the server itself, from a thread that knows nothing of the request.
        if response.streaming and not isinstance(response, FileResponse):
            _streamed.set(answer)
        else:
            answer.write()
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        """Which of the routes it is, the view's own lines shall say."""
        context.note(route=route_of(request))


@receiver(request_finished)
def _sent(**_: Any) -> None:
    answer = _streamed.get()
    if answer is not None:
        _streamed.set(None)
        answer.write()
    context.end()


def method_of(request: HttpRequest) -> str:
    """One of those that there are: a label of figures must not be of somebody else's making."""
    return request.method if request.method in METHODS else "other"


def route_of(request: HttpRequest) -> str:
    """The name of the route; not the address, which has ids in it."""
    if request.resolver_match is not None:
        return request.resolver_match.view_name
    return "static" if request.path.startswith(settings.STATIC_URL) else "none"


def _path(request: HttpRequest) -> str:
    """Without the query string. What an address lets in by is left out, whatever it looks like."""
    secret = request.resolver_match.kwargs.get("secret") if request.resolver_match is not None else None
    path = request.path.replace(secret, LEFT_OUT) if secret else request.path
    return path[:LONGEST_PATH]
