"""The client against a real HTTP server."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from reviews.log10 import client as client_module
from reviews.log10.client import Client, TokenRefused, TransportError
from tests.fake_upstream import ORGANIZATION, TOKEN, Answer, FakeUpstream

HERE = ["127.0.0.0/8"]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def client(upstream: FakeUpstream) -> Iterator[Client]:
    with made(upstream.url) as it:
        yield it


def made(url: str, allow: list[str] | None = None) -> Client:
    return Client(url, token=TOKEN, organization=ORGANIZATION, allow=HERE if allow is None else allow)


def failure(call: Callable[[], object]) -> TransportError:
    with pytest.raises(TransportError) as caught:
        call()
    return caught.value


def test_it_says_who_it_is(upstream: FakeUpstream, client: Client) -> None:
    client.feedback_tasks()
    headers = upstream.seen[0].headers
    assert headers["x-log10-token"] == TOKEN
    assert headers["x-log10-organization"] == ORGANIZATION
    assert headers["user-agent"].startswith("GradeBench/")
    assert "content-type" not in headers


def test_it_sends_a_document_as_it_is(upstream: FakeUpstream, client: Client) -> None:
    upstream.add({"id": "a/b?c#d é"})
    document = {"z": 1, "a": 1.0, "text": "é\x00😀", "none": None, "big": 2**63}
    assert client.update("a/b?c#d é", document) == document
    assert upstream.seen[0].path == "/api/v1/completions/a%2Fb%3Fc%23d%20%C3%A9"
    assert upstream.seen[0].headers["content-type"] == "application/json"
    assert upstream.seen[0].body == '{"z":1,"a":1.0,"text":"é\\u0000😀","none":null,"big":9223372036854775808}'.encode()


def test_it_takes_a_slash_at_the_end_of_the_address(upstream: FakeUpstream) -> None:
    with made(f"{upstream.url}/") as client:
        assert client.feedback_tasks() == []
    assert upstream.paths() == ["GET /api/v1/feedback_task"]


def test_it_reads_feedback_tasks_in_both_forms(upstream: FakeUpstream, client: Client) -> None:
    upstream.feedback_tasks = [{"id": "t"}]
    assert client.feedback_tasks() == [{"id": "t"}]
    upstream.answer_once("GET", Answer(body=b'{"data":[{"id":"t"}]}'))
    assert client.feedback_tasks() == [{"id": "t"}]


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"data":null}', b'"x"'])
def test_it_refuses_feedback_tasks_that_are_no_list(upstream: FakeUpstream, client: Client, body: bytes) -> None:
    upstream.answer_once("GET", Answer(body=body))
    assert failure(client.feedback_tasks).permanent


def listed(client: Client, after: str | None = None) -> bytes:
    """What a page of the list says."""
    with client.ungraded(after) as page:
        if page.broken:
            raise page.broken
        said = b"".join(page.pieces())
        assert len(said) == page.size
        return said


def test_it_asks_for_the_page_after(upstream: FakeUpstream, client: Client) -> None:
    upstream.answer_always("GET", Answer(body=b"{}"))
    listed(client)
    listed(client, "2026-01-01T00:00:00+00:00_7")
    assert upstream.seen[0].path == "/api/v1/completions/ungraded"
    assert upstream.seen[1].path == "/api/v1/completions/ungraded?after=2026-01-01T00%3A00%3A00%2B00%3A00_7"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_follows_no_redirect(upstream: FakeUpstream, client: Client, status: int) -> None:
    with FakeUpstream() as elsewhere:
        upstream.answer_always("POST", Answer(status, headers={"Location": f"{elsewhere.url}/api/v1/feedback"}))
        error = failure(lambda: client.create_feedback({}))
    assert (error.permanent, error.status) == (True, status)
    assert "redirect" in str(error)
    assert elsewhere.seen == []
    assert len(upstream.seen) == 1


def test_it_tells_a_refused_token_from_other_failures(upstream: FakeUpstream) -> None:
    upstream.token = "another"
    with made(upstream.url) as client, pytest.raises(TokenRefused, match="refuses the token: No such token"):
        client.feedback_tasks()


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 413, 415, 422])
def test_it_does_not_come_again_after_a_refusal(upstream: FakeUpstream, client: Client, status: int) -> None:
    upstream.answer_once("POST", Answer(status, b'{"error":"It is too\\n  blue."}'))
    error = failure(lambda: client.create_feedback({}))
    assert (error.permanent, error.status, error.ambiguous) == (True, status, False)
    assert str(error) == f"The upstream answered {status}: It is too blue."


@pytest.mark.parametrize(
    ("status", "ambiguous"), [(408, False), (429, False), (500, True), (502, True), (503, False), (504, True)]
)
def test_it_comes_again_after_a_failure(upstream: FakeUpstream, client: Client, status: int, ambiguous: bool) -> None:
    upstream.answer_once("POST", Answer(status, b"<html><h1>Bad\n gateway</h1></html>", {"Content-Type": "text/html"}))
    error = failure(lambda: client.update("a", {}))
    assert (error.permanent, error.ambiguous, error.wait) == (False, ambiguous, None)
    assert str(error) == f"The upstream answered {status}: <html><h1>Bad gateway</h1></html>"
    assert len(upstream.seen) == 1


def test_it_does_not_quote_a_page_whole(upstream: FakeUpstream, client: Client) -> None:
    upstream.answer_once("GET", Answer(500, b"\xff<p>" * 100_000))
    assert len(str(failure(client.feedback_tasks))) < 600


@pytest.mark.parametrize("status", [202, 204, 206])
def test_it_does_not_take_another_success_for_one(upstream: FakeUpstream, client: Client, status: int) -> None:
    upstream.answer_once("POST", Answer(status, b""))
    error = failure(lambda: client.update("a", {}))
    assert (error.permanent, error.ambiguous) == (False, True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), (" 0 ", 0), ("999999", 86_400), ("", None), ("soon", None), ("-1", None), ("\xb2", None)],
)
def test_it_reads_retry_after_in_seconds(
    upstream: FakeUpstream, client: Client, value: str, seconds: int | None
) -> None:
    upstream.answer_once("POST", Answer(429, headers={"Retry-After": value}))
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert failure(lambda: client.create_feedback({})).wait == expected


def test_it_reads_retry_after_as_a_date(upstream: FakeUpstream, client: Client) -> None:
    then = datetime.now(UTC) + timedelta(seconds=90)
    upstream.answer_once("POST", Answer(503, headers={"Retry-After": format_datetime(then, usegmt=True)}))
    wait = failure(lambda: client.create_feedback({})).wait
    assert wait is not None
    assert 80 < wait.total_seconds() <= 90


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Thu, 01 Jan 2015 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2999 00:00:00 GMT", 86_400),
        ("Fri, 01 Jan 2999 00:00:00 +99999999999999", None),
        ("Fri, 99 Jan 2999 00:00:00 GMT", None),
    ],
)
def test_it_bounds_a_date(upstream: FakeUpstream, client: Client, value: str, seconds: int | None) -> None:
    upstream.answer_once("POST", Answer(429, headers={"Retry-After": value}))
    wait = failure(lambda: client.create_feedback({})).wait
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"", b"{", b"NaN", b'{"a":1,"a":2}'])
def test_it_does_not_take_a_page_for_an_answer(upstream: FakeUpstream, client: Client, body: bytes) -> None:
    upstream.answer_always("", Answer(200, body, {"Content-Type": "text/html"}))
    written = failure(lambda: client.update("a", {}))
    assert (written.permanent, written.ambiguous) == (False, True)
    assert not failure(client.feedback_tasks).ambiguous
    assert "not with JSON" in str(written)


def test_it_bounds_an_answer_that_drips(
    upstream: FakeUpstream, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TOTAL_SECONDS", 0.6)
    upstream.answer_always("", Answer(body=b" " * 1_000, drip=1, pause=0.1))
    for call, ambiguous in ((client.feedback_tasks, False), (lambda: client.update("a", {}), True)):
        started = time.monotonic()
        error = failure(call)
        assert time.monotonic() - started < 20
        assert (error.permanent, error.ambiguous) == (False, ambiguous)
        assert "took longer" in str(error)


@contextmanager
def dripping_headers() -> Iterator[int]:
    """The port of a server that sends its head a byte at a time."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                try:
                    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
                        peer.send(bytes([byte]))
                        time.sleep(0.05)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_it_bounds_headers_that_drip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TOTAL_SECONDS", 0.6)
    with dripping_headers() as port, made(f"http://127.0.0.1:{port}") as client:
        started = time.monotonic()
        error = failure(lambda: client.create_feedback({}))
    assert time.monotonic() - started < 20
    assert error.ambiguous
    assert "took longer" in str(error)


def test_it_bounds_the_wait_for_a_first_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "READ_SECONDS", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        made(f"http://127.0.0.1:{server.getsockname()[1]}") as client,
    ):
        error = failure(lambda: client.create_feedback({}))
    assert (error.permanent, error.ambiguous) == (False, True)
    assert "in time" in str(error)


@pytest.mark.parametrize("drip", [0, 5_000])
def test_it_bounds_the_length_of_an_answer(
    upstream: FakeUpstream, client: Client, monkeypatch: pytest.MonkeyPatch, drip: int
) -> None:
    monkeypatch.setattr(client_module, "LONGEST_PAGE", 100_000)
    upstream.answer_always("GET", Answer(body=b"x" * 100_000, drip=drip))
    assert len(listed(client)) == 100_000
    upstream.faults.clear()
    upstream.answer_always("GET", Answer(body=b"x" * 100_001, drip=drip))
    error = failure(lambda: listed(client))
    assert error.permanent
    assert "longer than 100,000 bytes" in str(error)


def test_it_says_that_an_answer_without_an_end_may_have_been_carried_out(
    upstream: FakeUpstream, client: Client
) -> None:
    upstream.answer_once("POST", Answer(hang_up=True))
    error = failure(lambda: client.create_feedback({}))
    assert (error.permanent, error.ambiguous) == (False, True)


def test_it_says_that_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with made(f"http://127.0.0.1:{port}") as client:
        error = failure(lambda: client.create_feedback({}))
    assert str(error) == "The upstream refuses the connection: nothing listens there."
    assert (error.permanent, error.ambiguous) == (False, False)


def test_it_says_that_a_host_is_not_known() -> None:
    with made("http://nobody.invalid") as client:
        error = failure(lambda: client.create_feedback({}))
    assert str(error) == "The upstream's host name is not known."
    assert (error.permanent, error.ambiguous) == (False, False)


def test_it_says_what_lets_a_private_upstream_through(upstream: FakeUpstream) -> None:
    with made(upstream.url, allow=[]) as client:
        error = failure(lambda: client.create_feedback({}))
    assert str(error) == (
        "127.0.0.1 is at 127.0.0.1, an address that is not public. "
        "Name the host or its range in GRADEBENCH_OUTBOUND_ALLOW to let it through."
    )
    assert (error.permanent, error.ambiguous) == (True, False)
    assert upstream.seen == []
