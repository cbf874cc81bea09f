"""What a page takes inside the web process, network and client left out: `python -m tests.bench.page USER PATH TIMES`,
in the environment of the instance that has it; 40 times unless told. Printed: the milliseconds of each request, after
five that warm up.
"""

import io
import sys
import time
from collections.abc import Callable
from typing import Any

from django.test import Client

from gradebench.wsgi import application
from reviews.models import User

TIMES, WARM_UP = 40, 5


def main() -> None:
    """Ask the application itself, as a web server does, signed in."""
    username, path, times = (*sys.argv[1:], str(TIMES))[:3]
    client = Client()
    client.force_login(User.objects.get(username=username))
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
    for number in range(WARM_UP + int(times)):
        began = time.perf_counter()
        _get(path, cookies)
        if number >= WARM_UP:
            print((time.perf_counter() - began) * 1000)


def _get(path: str, cookies: str) -> None:
    said: list[str] = []

    def start(status: str, _headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], object]:
        said.append(status)
        return io.BytesIO().write

    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_COOKIE": cookies,
        "HTTP_ACCEPT_ENCODING": "gzip",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
    }
    answer = application(environ, start)
    b"".join(answer)
    answer.close()
    assert said == ["200 OK"], said


if __name__ == "__main__":
    main()
