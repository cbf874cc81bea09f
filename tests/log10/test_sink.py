"""No request follows where an upstream points, and no token goes anywhere but to the upstream.

The sink is a second server on loopback, which the guard would let through: whatever reaches it was sent by mistake.
"""

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from pytest_django.fixtures import Settings

from reviews.log10 import sync
from reviews.log10.client import Client, TransportError
from reviews.models import PullState, Push, PushKind, PushState, QueueItem, Upstream
from tests import factories
from tests.fake_upstream import ORGANIZATION, TOKEN, Answer, FakeUpstream

ALLOWED = ["127.0.0.0/8", "::1", "localhost"]
REDIRECTS = [300, 301, 302, 303, 305, 307, 308]


def read_list(client: Client) -> int:
    """The bytes of the first page."""
    with client.ungraded() as page:
        return sum(map(len, page.pieces()))


# What the client asks an upstream for.
CALLS: dict[str, Callable[[Client], object]] = {
    "feedback_tasks": lambda client: client.feedback_tasks(),
    "ungraded": read_list,
    "completion": lambda client: client.completion("a"),
    "feedback_on": lambda client: client.feedback_on("a", task_uid="t"),
    "update": lambda client: client.update("a", {"id": "a"}),
    "create_feedback": lambda client: client.create_feedback({"task_id": "t", "completion_ids": ["a"]}),
}
# Of what these are refused they make nothing: a service need not have them.
ASKED_BY_THE_WAY = ("completion", "feedback_on")
each_call = pytest.mark.parametrize("call", CALLS)
# Where an upstream may point: {sink} is another server, {self} the upstream under another name.
TARGETS = [
    "http://127.0.0.1:{sink}/api/v1/feedback",
    "http://localhost:{sink}/",
    "http://localhost:{self}/elsewhere",
    "//127.0.0.1:{sink}/x",
    "http://token:secret@127.0.0.1:{sink}/",
    "https://127.0.0.1:{sink}/",
    "/elsewhere",
    "../elsewhere",
    "?again",
    "",
]
# Further words that send a browser, or a careless client, elsewhere.
POINTERS = {
    "Location": "http://127.0.0.1:{sink}/",
    "Refresh": "0; url=http://127.0.0.1:{sink}/",
    "Content-Location": "http://127.0.0.1:{sink}/",
    "Link": "<http://127.0.0.1:{sink}/>; rel=preload",
    "Alt-Svc": 'h2="127.0.0.1:{sink}"; ma=3600',
    "WWW-Authenticate": 'Basic realm="http://127.0.0.1:{sink}/"',
}
META = '<html><meta http-equiv="refresh" content="0; url=http://127.0.0.1:{sink}/"><base href="//127.0.0.1:{sink}/">'
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class Sink(socketserver.ThreadingTCPServer):
    """A server that keeps the first bytes of every connection, of whatever protocol, and then ends it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keeping)
        self.received: list[bytes] = []
        self.port: int = self.server_address[1]


class _Keeping(socketserver.BaseRequestHandler):
    server: Sink

    def handle(self) -> None:
        self.server.received.append(b"")
        self.server.received[-1] = self.request.recv(64 * 1024)


@pytest.fixture
def trap() -> Iterator[Sink]:
    """A sink that may be reached."""
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def sink(trap: Sink) -> Iterator[Sink]:
    """A sink that nothing may have reached by the end of the test."""
    yield trap
    assert trap.received == []


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    """The upstream; by the end of the test nothing that it saw had other credentials than its token."""
    with FakeUpstream() as server:
        yield server
    for seen in server.seen:
        assert seen.headers["x-log10-token"] == TOKEN
        assert not {"authorization", "proxy-authorization"} & set(seen.headers), seen.headers


@pytest.fixture
def client(fake: FakeUpstream) -> Iterator[Client]:
    with Client(fake.url, token=TOKEN, organization=ORGANIZATION, allow=ALLOWED) as made:
        yield made


def filled(text: str, fake: FakeUpstream, sink: Sink) -> str:
    return text.replace("{sink}", str(sink.port)).replace("{self}", str(fake.port))


def refused(call: str, client: Client) -> TransportError | None:
    """How a call fails; None where it makes nothing of what is refused for good."""
    try:
        answer = CALLS[call](client)
    except TransportError as error:
        return error
    assert call in ASKED_BY_THE_WAY
    assert not answer
    return None


def assert_status(error: TransportError | None, status: int | None) -> None:
    assert error is not None
    assert error.status == status


# The trap itself --------------------------------------------------------------------------------------------------


def test_the_sink_sees_what_follows_a_redirect(fake: FakeUpstream, trap: Sink) -> None:
    fake.answer_always("", Answer(302, headers={"Location": f"http://127.0.0.1:{trap.port}/x"}))
    with pytest.raises(requests.ConnectionError):
        requests.get(fake.url, headers={"X-Log10-Token": TOKEN}, timeout=5)
    assert trap.received[0].startswith(b"GET /x ")
    assert f"X-Log10-Token: {TOKEN}".encode() in trap.received[0]


def test_the_sink_sees_what_goes_through_a_proxy(trap: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    through_proxies(trap, monkeypatch)
    for url in ("http://log10.example/", "https://log10.example/"):
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)
    assert [received.split(b" ")[0] for received in trap.received] == [b"GET", b"CONNECT"]


def test_netrc_is_one_that_requests_would_use(trap: Sink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_netrc(tmp_path, monkeypatch)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{trap.port}", timeout=5)
    assert b"Authorization: Basic" in trap.received[0]


def through_proxies(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the sink the proxy of this process, as an environment would."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://user:secret@127.0.0.1:{sink.port}")


def with_netrc(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process a home with credentials for every host of these tests."""
    names = ("127.0.0.1", "localhost", "log10.example")
    lines = [f"machine {name} login somebody password netrc-secret\n" for name in names]
    (home / ".netrc").write_text("".join([*lines, "default login anybody password netrc-secret\n"]))
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / ".netrc"))


# The client -------------------------------------------------------------------------------------------------------


@each_call
@pytest.mark.parametrize("status", REDIRECTS)
def test_it_follows_no_redirect(fake: FakeUpstream, sink: Sink, client: Client, call: str, status: int) -> None:
    for target in TARGETS:
        fake.faults.clear()
        fake.answer_always("", Answer(status, headers={"Location": filled(target, fake, sink)}))
        error = refused(call, client)
        assert (error is None) == (call in ASKED_BY_THE_WAY)
        if error is not None:
            assert (error.permanent, error.status, error.ambiguous) == (True, status, False), target
            assert str(error) == f"The upstream answers with a redirect ({status}); its token is sent nowhere else."
    assert len(fake.seen) == len(TARGETS)
    assert len(set(fake.paths())) == 1


@each_call
@pytest.mark.parametrize("status", [200, 201, 202, 304, 400, 401, 403, 404, 407, 421, 426, 429, 500, 503, 511])
def test_it_goes_nowhere_for_a_header_or_a_page(
    fake: FakeUpstream, sink: Sink, client: Client, call: str, status: int
) -> None:
    headers = {name: filled(value, fake, sink) for name, value in POINTERS.items()}
    fake.answer_always("", Answer(status, filled(META, fake, sink).encode(), headers | {"Content-Type": "text/html"}))
    for _ in range(2):
        # A page may well be taken for the bytes of a list, until those are read: whether it fails is not asked here.
        with contextlib.suppress(TransportError):
            CALLS[call](client)
    assert len(fake.seen) == 2
    assert len(set(fake.paths())) == 1


@each_call
def test_it_takes_no_proxy_of_the_environment(
    fake: FakeUpstream,
    sink: Sink,
    client: Client,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through_proxies(sink, monkeypatch)
    fake.answer_always("", Answer(503))
    assert_status(refused(call, client), 503)
    with Client(f"https://localhost:{fake.port}", token=TOKEN, organization=ORGANIZATION, allow=ALLOWED) as secure:
        assert_status(refused(call, secure), None)
    assert len(fake.seen) == 1


@each_call
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_takes_no_credentials_of_a_netrc(
    fake: FakeUpstream,
    call: str,
    host: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with_netrc(tmp_path, monkeypatch)
    url = f"http://{host}:{fake.port}"
    for answer in (Answer(503), Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})):
        fake.faults.clear()
        fake.answer_always("", answer)
        with Client(url, token=TOKEN, organization=ORGANIZATION, allow=ALLOWED) as client:
            assert_status(refused(call, client), answer.status)
    assert len(fake.seen) == 2


@pytest.mark.parametrize(
    "uid",
    [
        "//127.0.0.1:{sink}/",
        "http://127.0.0.1:{sink}/",
        "@127.0.0.1:{sink}",
        "\\\\127.0.0.1:{sink}\\",
        "../../../elsewhere",
        "a?b=c",
        "a#b",
        "%2e%2e%2f",
        "a\r\nHost: 127.0.0.1:{sink}\r\n\r\n",
    ],
)
def test_an_id_stays_an_id(fake: FakeUpstream, sink: Sink, client: Client, uid: str) -> None:
    uid = filled(uid, fake, sink)
    fake.add({"id": uid})
    assert client.update(uid, {"id": uid}) == {"id": uid}
    prefix, _, last = fake.seen[0].path.rpartition("/")
    assert (prefix, unquote(last)) == ("/api/v1/completions", uid)


# Pull and push ----------------------------------------------------------------------------------------------------


@pytest.fixture
def pulled(upstream: Upstream, fake: FakeUpstream, settings: Settings) -> Upstream:
    """An upstream that was pulled once, with a completion to review."""
    settings.OUTBOUND_ALLOW = ALLOWED
    task = {"id": "t", "name": "Quality", "instruction": "Read.", "json_schema": factories.SCHEMA}
    fake.feedback_tasks = [{**task, "completion_tags_selector": ["review"]}]
    fake.add(factories.document(id="c-1", organization_id=ORGANIZATION))
    row = sync.pull(upstream)
    assert row is not None
    assert (row.state, row.created) == (PullState.COMPLETE, 1)
    fake.seen.clear()
    upstream.refresh_from_db()
    return upstream


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/feedback_task", "/api/v1/completions/ungraded"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_pull_follows_no_redirect(pulled: Upstream, fake: FakeUpstream, sink: Sink, path: str, target: str) -> None:
    fake.answer_always(f"GET {path}", Answer(302, headers={"Location": filled(target, fake, sink)}))
    row = sync.pull(pulled)
    assert row is not None
    assert row.state in (PullState.FAILED, PullState.INCOMPLETE)
    assert "redirect (302); its token is sent nowhere else" in row.error
    assert fake.paths()[-1] == f"GET {path}"
    assert fake.paths().count(f"GET {path}") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("target", TARGETS[:-1])
def test_a_page_after_is_asked_of_the_upstream(pulled: Upstream, fake: FakeUpstream, sink: Sink, target: str) -> None:
    page = b'{"completions":[],"truncated":true,"next":"%s"}' % filled(target, fake, sink).encode()
    fake.answer_once("GET /api/v1/completions/ungraded", Answer(body=page))
    fake.answer_once("GET /api/v1/completions/ungraded", Answer(body=b'{"completions":[]}'))
    row = sync.pull(pulled)
    assert row is not None
    assert row.state == PullState.COMPLETE
    assert fake.paths()[-2:] == ["GET /api/v1/completions/ungraded"] * 2


@pytest.mark.django_db
@pytest.mark.parametrize("kind", PushKind.values)
@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("target", TARGETS)
def test_a_push_follows_no_redirect(
    pulled: Upstream, fake: FakeUpstream, sink: Sink, kind: str, status: int, target: str
) -> None:
    item = QueueItem.objects.select_related("queue__feedback_task").get()
    factories.submit(factories.assignment(item.queue.feedback_task), answer="It is 43.")
    path = {PushKind.UPDATE: "/api/v1/completions/c-1", PushKind.FEEDBACK: "/api/v1/feedback"}[PushKind(kind)]
    fake.answer_always(f"POST {path}", Answer(status, headers={"Location": filled(target, fake, sink)}))
    sync.push(pulled)
    push = Push.objects.get(kind=kind)
    assert push.state == PushState.ATTENTION
    assert f"redirect ({status}); its token is sent nowhere else" in push.last_error
    assert fake.paths().count(f"POST {path}") == 1
