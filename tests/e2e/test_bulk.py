"""Bulk against a running GradeBench: streamed, gzipped, cut off, killed in the middle."""

import gzip
import http.client
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.e2e import steps
from tests.instances import Instance
from tests.services import HOST

pytestmark = pytest.mark.e2e

PATH = "/api/gradebench/v1/completions/bulk"
SECONDS = 120


@pytest.fixture(scope="module")
def team() -> Iterator[steps.Organization]:
    """An organization on an instance of its own, which takes bodies of no more than 64 MB here."""
    with Instance("bulk", env={"GRADEBENCH_API_BULK_MAX_BYTES": str(64 * 1024 * 1024)}) as instance:
        yield steps.create_organization(instance, "team")


def line(uid: str, **members: Any) -> bytes:
    """A line of a backlog."""
    return orjson.dumps({**steps.chat("Why?", "Because.", organization_id="team"), "id": uid, **members}) + b"\n"


def uids(many: int) -> list[str]:
    """Ids of their own."""
    return [str(uuid.uuid4()) for _ in range(many)]


def headers(team: steps.Organization, **more: str) -> dict[str, str]:
    """Those of a bulk request."""
    return {"X-Log10-Token": team.token, "Content-Type": "application/x-ndjson", **more}


def post(team: steps.Organization, body: Any, **more: str) -> tuple[int, list[dict[str, Any]]]:
    """As most clients do it: everything is sent before anything of the answer is read."""
    connection = http.client.HTTPConnection(HOST, team.instance.port, timeout=SECONDS)
    connection.request("POST", PATH, body, headers(team, **more))
    answer = connection.getresponse()
    rows = [orjson.loads(row) for row in answer.read().splitlines()]
    connection.close()
    return answer.status, rows


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_it_takes_a_backlog(team: steps.Organization, gzipped: bool, chunked: bool) -> None:
    sent = uids(500)
    body = b"".join(line(uid) for uid in sent)
    data = gzip.compress(body) if gzipped else body
    pieces = (data[at : at + 7_001] for at in range(0, len(data), 7_001))
    encoding = {"Content-Encoding": "gzip"} if gzipped else {}
    status, (*answers, summary) = post(team, pieces if chunked else data, **encoding)
    assert status == 200
    assert [answer["id"] for answer in answers] == sent
    assert summary == {"complete": True, "lines": 500, "created": 500, "changed": 0, "unchanged": 0, "refused": 0}
    assert team.document(sent[-1]) is not None
    assert post(team, data, **encoding)[1][-1]["unchanged"] == 500


def test_it_answers_more_than_any_buffer_holds_to_who_reads_last(team: steps.Organization) -> None:
    body = (b'{"tags":7,"x":"' + b"x" * 400 + b'"}\n') * 40_000
    status, (*answers, summary) = post(team, body)
    assert status == 200
    assert (len(answers), summary["refused"], summary["complete"]) == (40_000, 40_000, True)


def test_it_refuses_what_is_too_large_with_a_sentence(team: steps.Organization) -> None:
    with socket.create_connection((HOST, team.instance.port), timeout=SECONDS) as client:
        given = headers(team, **{"Content-Length": str(80 * 1024 * 1024), "Host": HOST})
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        client.sendall(f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode())
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert answer.status == 413
        assert "larger than 67,108,864 bytes" in orjson.loads(answer.read())["error"]


def test_it_keeps_what_came_before_the_connection_was_cut(team: steps.Organization) -> None:
    sent = uids(300)
    body = b"".join(line(uid) for uid in sent)
    with socket.create_connection((HOST, team.instance.port), timeout=SECONDS) as client:
        given = headers(team, **{"Content-Length": str(len(body)), "Host": HOST})
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        client.sendall(f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body[: len(body) // 2])
        client.shutdown(socket.SHUT_WR)
        if team.instance.is_embedded:
            # Its server hands bodies over whole: nothing of this one is taken.
            assert team.document(sent[0]) is None
            return
        answer = http.client.HTTPResponse(client)
        answer.begin()
        *answers, summary = [orjson.loads(row) for row in answer.read().splitlines()]
    assert summary["complete"] is False
    assert "connection broke" in summary["error"]
    assert 0 < len(answers) == summary["created"] < 300
    assert team.document(answers[-1]["id"]) is not None
    assert post(team, body)[1][-1]["created"] == 300 - len(answers)


@pytest.mark.sqlite
def test_what_is_answered_outlives_a_kill() -> None:
    with Instance("killed") as instance:
        team = steps.create_organization(instance, "team")
        sent = uids(4_000)
        connection = http.client.HTTPConnection(HOST, instance.port, timeout=SECONDS)
        connection.request("POST", PATH, b"".join(line(uid) for uid in sent), headers(team))
        answer = connection.getresponse()
        acknowledged = [orjson.loads(answer.readline())["id"] for _ in range(300)]
        instance.kill()
        instance.start()
        instance.wait_ready()
        kept = steps.ask_database(instance, "print(*Completion.objects.values_list('uid', flat=True))").split()
        assert set(acknowledged) <= set(kept)
        assert len(kept) < 4_000
        body = b"".join(line(uid) for uid in sent)
        assert post(team, body)[1][-1] | {"created": 0, "unchanged": 4_000} == {
            "complete": True,
            "lines": 4_000,
            "created": 0,
            "changed": 0,
            "unchanged": 4_000,
            "refused": 0,
        }
