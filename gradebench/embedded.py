"""The web server of the embedded default: waitress, whose own refusals read like ours."""

import copy
import socket
from typing import Any

import orjson
from django.conf import settings
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server
from waitress.task import ErrorTask
from waitress.utilities import RequestEntityTooLarge

from gradebench.wsgi import application

THREADS = 8
# Above the API's own limit, which answers first: this one only stops what nobody would read to the end.
MARGIN = 1024 * 1024
BULK_PATH = "/api/gradebench/v1/completions/bulk"


class _Parser(HTTPRequestParser):
    """waitress puts bodies into files before anybody reads them; what it takes depends on where they go."""

    path: str

    def parse_header(self, header_plus: bytes) -> None:
        """As waitress, with the limits of the path."""
        super().parse_header(header_plus)
        if self.path == BULK_PATH:
            self.adj = copy.copy(self.adj)
            self.adj.max_request_body_size = settings.API_BULK_MAX_BYTES + MARGIN


class _SentenceTask(ErrorTask):
    """What waitress refuses before Django sees it, as `{"error": sentence}`: the clients read that key."""

    def execute(self) -> None:
        error: Any = getattr(self.request, "error", None)
        words = f"The server cannot read this request: {error.body}."
        if isinstance(error, RequestEntityTooLarge):
            is_bulk = getattr(self.request, "path", "") == BULK_PATH
            most = settings.API_BULK_MAX_BYTES if is_bulk else settings.API_MAX_BODY_BYTES
            words = f"The body is larger than {most:,} bytes."
        body = orjson.dumps({"error": words})
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [("Content-Type", "application/json")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    error_task_class = _SentenceTask
    parser_class = _Parser


def make_server(listener: socket.socket) -> Any:
    """A server on a bound socket; `run` serves until `close`."""
    server: Any = create_server(
        application,
        sockets=[listener],
        threads=THREADS,
        clear_untrusted_proxy_headers=True,
        max_request_body_size=settings.API_MAX_BODY_BYTES + MARGIN,
        ident=None,
    )
    server.channel_class = _Channel
    return server
