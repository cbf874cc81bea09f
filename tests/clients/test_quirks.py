"""What the real clients do that nobody would expect, one test for each: a server that does not know it loses data."""

import json
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.clients.conftest import FEEDBACK_TASK
from tests.clients.documents import DOT, ours
from tests.clients.drivers import Log10Io, Log10Py, Wire, header, path, query
from tests.clients.fake_openai import ANSWER, FakeOpenAI
from tests.e2e.steps import Organization
from tests.services import free_port

pytestmark = pytest.mark.e2e

ASKED: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Where is Köln?"}]}
NEEDED_AS_NULL = ("logit_bias", "top_logprobs", "max_tokens", "seed", "stream_options")
PATHS = (
    "/api/v1/completions",
    "/api/v1/completions/ungraded",
    "/api/v1/sessions",
    "/api/v1/feedback",
    "/api/v1/feedback_task",
    "/api/sessions",
    "/api/completions",
    "/api/tags/search",
    "/api/experimental/autoprompt/convert",
)


def chat(organization: Organization, *tags: str, **members: Any) -> dict[str, Any]:
    """A document of that organization with these tags."""
    document = {"organization_id": organization.external_id, **ours()["chat with logprobs"], "tags": list(tags)}
    return {**document, **members}


def test_quirk_01_log10py_cannot_read_what_it_sent_without_five_nulls(
    log10py: Log10Py, organization: Organization, feedback_task: str
) -> None:
    """It leaves five members of a request out, and raises on an answer that has them not: they are there as null, for
    the generated SDKs alone.
    """
    document = chat(organization, "clients", request=ASKED)
    uid = log10py("create", completion=document)["id"]
    assert log10py("update", id=uid, completion=document)["id"] == uid
    assert uid in log10py("list_ungraded")
    held = organization.document(uid)
    assert held is not None
    assert held["request"] == ASKED
    sdk = {"User-Agent": "speakeasy-sdk/python 0.1.0 2.373.2 1.0.0 log10py"}
    shown = organization.call("POST", f"/api/v1/completions/{uid}", json=document, headers=sdk).json()
    assert all(shown["request"][name] is None for name in NEEDED_AS_NULL)


def test_quirk_02_a_selector_that_is_a_list_would_break_log10py(log10py: Log10Py, organization: Organization) -> None:
    """It raises for the whole list of feedback tasks; everybody else wants the list of tags."""
    uid = organization.create_feedback_task({**FEEDBACK_TASK, "completion_tags_selector": ["a", "b"]})
    assert uid in log10py("list_feedback_tasks")
    assert log10py("get_feedback_task", id=uid)["completion_tags_selector"] == {}
    raw = organization.call("GET", f"/api/v1/feedback_task/{uid}").json()
    assert raw["completion_tags_selector"] == ["a", "b"]
    ts = {"User-Agent": "speakeasy-sdk/typescript 0.4.2 2.373.2 1.0.0 log10ts"}
    listed = organization.call("GET", "/api/v1/feedback_task", headers=ts).json()
    assert ["a", "b"] in [task["completion_tags_selector"] for task in listed]


def test_quirk_03_each_operation_has_one_status_that_log10py_takes(
    log10py: Log10Py, organization: Organization, wire: Wire
) -> None:
    """A session is made with 201, and everything else with 200; the other of the two raises."""
    log10py("create_session")
    uid = log10py("create", completion=chat(organization, "statuses"))["id"]
    log10py("update", id=uid, completion=chat(organization, "statuses"))
    task = log10py("create_feedback_task", feedback_task={**FEEDBACK_TASK, "completion_tags_selector": []})
    about = {"organization_id": organization.external_id, "task_id": task, "json_values": {"score": 1}}
    log10py("upload_feedback", feedback={**about, "completion_ids": [uid]})
    assert [status for _, status in wire.exchanges()] == [201, 200, 200, 200, 200]


def test_quirk_04_the_filters_of_log10py_are_the_body_of_a_get(
    log10py: Log10Py, organization: Organization, wire: Wire
) -> None:
    """A body on GET is sent with its length, and must be read: without it every feedback would be listed."""
    tasks = [organization.create_feedback_task(FEEDBACK_TASK) for _ in range(2)]
    uid = organization.create(chat(organization, "filtered"))
    for task in tasks:
        values = {"task_id": task, "json_values": {"score": 1}, "completion_ids": [uid]}
        organization.call("POST", "/api/v1/feedback", json=values).raise_for_status()
    rows = log10py("list_feedback", filters={"task_id": tasks[0], "limit": 5})
    seen, _ = wire.last()
    assert (seen.method, query(seen), seen.json) == ("GET", {}, {"task_id": tasks[0], "limit": 5})
    assert header(seen, "Content-Type") == "application/json"
    assert [row["task_id"] for row in rows] == [tasks[0]]


def test_quirk_05_log10py_names_no_organization_for_feedback_tasks(
    log10py: Log10Py, organization: Organization, other: Organization, wire: Wire
) -> None:
    """The organization is the token's, so it lists those of this one."""
    theirs = other.create_feedback_task(FEEDBACK_TASK)
    uid = log10py("create_feedback_task", feedback_task={**FEEDBACK_TASK, "completion_tags_selector": []})
    listed = log10py("list_feedback_tasks")
    log10py("get_feedback_task", id=uid)
    for seen, _ in wire.exchanges():
        assert header(seen, "X-Log10-Organization") is None
        assert organization.external_id not in f"{seen.path} {seen.body.decode()}"
    assert uid in listed
    assert theirs not in listed


def test_quirk_06_the_wrapper_names_its_organization_in_the_body_alone(
    log10io: Log10Io, organization: Organization, wire: Wire
) -> None:
    """No header says it, and one that is not the token's is refused in the body too."""
    done = log10io("chat", request=ASKED)
    for seen, _ in wire.exchanges():
        assert header(seen, "X-Log10-Organization") is None
        assert header(seen, "X-Log10-Organization-Id") is None
        assert seen.json["organization_id"] == organization.external_id
    assert organization.document(done["id"])
    answer = organization.call("POST", "/api/completions", json={"organization_id": "somebody-else"})
    assert answer.status_code in (403, 404)


def test_quirk_07_ids_that_a_client_made_are_new_to_the_server(
    log10io: Log10Io, organization: Organization, wire: Wire
) -> None:
    """mock_chat_completions posts to the v1 path of its own id, AsyncOpenAI to the older path: both are stored."""
    mocked = log10io("mock", model="m", messages=ASKED["messages"], content="Here.", tags=[])
    hooked = log10io("async_chat", request=ASKED)[0]["id"]
    assert {path(seen) for seen, _ in wire.exchanges()} == {
        f"/api/v1/completions/{mocked}",
        f"/api/completions/{hooked}",
    }
    for uid in (mocked, hooked):
        assert (organization.document(uid) or {})["status"] == "finished"


def test_quirk_08_created_at_without_offset_would_break_the_list(log10io: Log10Io, organization: Organization) -> None:
    """So would a null response and a first message in parts: `completions list` dies of each, with all its rows."""
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": DOT}}]
    pieces = [{"type": "text", "text": "A dot,"}, {"type": "text", "text": "I think."}]
    answered = ours()["chat with logprobs"]["response"]
    said = {**answered["choices"][0], "message": {"role": "assistant", "content": pieces}}
    tag = "breaks-the-list"
    odd: dict[str, dict[str, Any]] = {
        "started": {"status": "started", "response": None},
        "parts": {"request": {**ASKED, "messages": [{"role": "user", "content": parts}]}},
        "null content": {"request": {**ASKED, "messages": [{"role": "assistant", "content": None}]}},
        "answer in parts": {"response": {**answered, "choices": [said]}},
        "no messages": {"request": {"model": "m"}},
        "no choices": {"response": {**answered, "choices": []}},
        "prompt": {"kind": "prompt", "request": {"model": "m", "prompt": "Where?"}},
        "word of its own": {"status": "cancelled", "kind": "speech"},
    }
    uids = {what: organization.create(chat(organization, tag, **members)) for what, members in odd.items()}
    printed = log10io.command("completions", "list", "--tags", tag)
    assert [what for what, uid in uids.items() if uid not in printed] == []
    assert "What is it?" in printed
    assert "A dot," in printed
    assert "Unknown completion kind" not in printed

    asked = {"organization_id": organization.external_id, "limit": 25}
    rows = organization.call("GET", "/api/completions", params=asked).json()["data"]
    assert all(row["created_at"].endswith("+00:00") for row in rows)


def test_quirk_09_a_schema_without_required_would_break_the_list_of_feedback_tasks(
    log10io: Log10Io, organization: Organization
) -> None:
    """`feedback-task list` looks into json_schema.required of every row."""
    schema = {"type": "object", "properties": {"note": {"type": "string"}}}
    uid = organization.create_feedback_task({**FEEDBACK_TASK, "json_schema": schema})
    assert uid in log10io.command("feedback-task", "list")
    held = organization.call("GET", f"/api/v1/feedback_task/{uid}").json()
    assert held["json_schema"]["required"] == []


def test_quirk_10_a_total_of_the_whole_set_would_make_feedback_ask_for_ever(
    log10io: Log10Io, organization: Organization, wire: Wire
) -> None:
    """It asks until it has fetched `total` rows, from whatever offset it began: `total` counts from the offset on."""
    task = organization.create_feedback_task(FEEDBACK_TASK)
    uid = organization.create(chat(organization, "offset"))
    for score in range(1, 5):
        values = {"task_id": task, "json_values": {"score": score}, "completion_ids": [uid]}
        organization.call("POST", "/api/v1/feedback", json=values).raise_for_status()
    expected = {"0": 4, "1": 3, "3": 1, "4": 0, "9": 0}
    for offset, count in expected.items():
        wire.exchanges()
        printed = log10io.command("feedback", "list", "--task_id", task, "--offset", offset)
        assert f"Total feedback: {count}" in printed
        assert len(wire.exchanges()) == 1
    file = log10io.home / "offset.jsonl"
    log10io.command("feedback", "download", "--task_id", task, "--offset", "1", "--limit", "0", "--file", str(file))
    assert len(file.read_text().splitlines()) == 3
    assert len(wire.exchanges()) == 1


def test_quirk_11_a_single_hit_of_a_tag_is_taken_whatever_its_name(
    log10io: Log10Io, organization: Organization
) -> None:
    """So only the tag of exactly that name is found, and a part of a name finds none."""
    uid = organization.create(chat(organization, "very-particular"))
    assert uid in log10io.command("completions", "list", "--tags", "very-particular")
    done = log10io("command", words=["completions", "list", "--tags", "very"])
    assert (done["code"], done["printed"]) == (1, "Cannot found tag: very.")


def test_quirk_11_the_name_of_a_tag_is_not_encoded(log10io: Log10Io, organization: Organization) -> None:
    """`A & B+C` goes into the query as it is."""
    uid = organization.create(chat(organization, "A & B+C"))
    assert uid in log10io.command("completions", "list", "--tags", "A & B+C")


def test_quirk_12_an_error_without_a_sentence_would_break_the_way_clients_fail(
    log10io: Log10Io, organization: Organization
) -> None:
    """FeedbackTask looks for `error` in the body of whatever failed, and dies of its absence: every error has one."""
    bad = {"task_schema": {"type": "no such type"}, "name": "x", "completion_tags_selector": []}
    refused = log10io.refused("create_feedback_task", feedback_task=bad)
    assert refused["kind"] == "HTTPStatusError"
    assert json.loads(refused["body"])["error"] in log10io.logged

    wrong = {"X-Log10-Token": "gb_wrong"}
    failures = [
        *(organization.call("DELETE", where) for where in PATHS),
        *(organization.call("GET", where, headers=wrong) for where in PATHS),
        *(organization.call("POST", where, data=b"{", headers={"Content-Type": "application/json"}) for where in PATHS),
        *(organization.call("POST", where, data=b"a=1", headers={"Content-Type": "text/csv"}) for where in PATHS),
        organization.call("GET", "/api/none-such"),
        organization.call("GET", "/api/v1/feedback/none-such"),
    ]
    for answer in failures:
        assert 400 <= answer.status_code < 500, answer.url
        assert answer.headers["Content-Type"].startswith("application/json")
        assert isinstance(answer.json()["error"], str)


def test_quirk_13_the_llm_class_refuses_every_other_host(log10io: Log10Io, organization: Organization) -> None:
    """LangChain's callback and litellm's log by it. It opens its session here, and then refuses to send."""
    done = log10io("llm")
    assert done["session"]
    assert done["refused"].startswith("Invalid URL: http://127.0.0.1")


def test_quirk_14_the_blocking_wrapper_gives_the_application_nothing_when_it_cannot_log(
    log10io: Log10Io, organization: Organization, providers: FakeOpenAI
) -> None:
    """The call is made and its answer thrown away. Here the wrapper gets what it waits for, and passes it on."""
    assert log10io("chat", request=ASKED, blocking=True)["answer"]["content"] == ANSWER
    away = Log10Io(f"http://127.0.0.1:{free_port()}", organization, providers=providers.port)
    with away:
        away.answer()
        called = len(providers.asked)
        assert away("chat", request=ASKED, blocking=True)["answer"] is None
        assert len(providers.asked) == called + 1
        assert away("chat", request=ASKED)["answer"]["content"] == ANSWER


def test_quirk_15_an_unknown_id_is_404_for_reads_and_for_what_is_no_uuid(
    organization: Organization, other: Organization
) -> None:
    """A post to an unknown uuid makes the completion; one that another organization has is like one that nobody has."""
    theirs = other.create(chat(other, "theirs"))
    for where in ("/api/v1/completions", "/api/completions"):
        uid = str(uuid4())
        assert organization.call("GET", f"/api/completions/{uid}").status_code == 404
        body = {"organization_id": organization.external_id, "status": "started"}
        assert organization.call("POST", f"{where}/{uid}", json=body).status_code == 200
        assert (organization.document(uid) or {})["status"] == "started"
        assert organization.call("POST", f"{where}/no-uuid", json=body).status_code == 404
        refused = organization.call("POST", f"{where}/{theirs}", json=body)
        assert (refused.status_code, theirs in refused.json()["error"]) == (404, True)
    assert (other.document(theirs) or {})["status"] == "finished"


def test_quirk_16_typed_values_of_log10py_are_empty(
    log10py: Log10Py, organization: Organization, feedback_task: str, wire: Wire
) -> None:
    """JSONValues() holds nothing, so it sends `{}`: refused with what is missing. A plain dict goes through."""
    uid = organization.create(chat(organization, "typed"))
    about = {"organization_id": organization.external_id, "task_id": feedback_task, "completion_ids": [uid]}
    refused = log10py("upload_feedback", feedback={**about, "json_values": None}, typed=True, refused=True)
    assert wire.last()[0].json["json_values"] == {}
    assert refused["status"] == 400
    assert "score" in json.loads(refused["body"])["error"]
    assert log10py("upload_feedback", feedback={**about, "json_values": {"score": 1}})["completions"] == [uid]


def test_quirk_17_a_token_may_be_a_function_or_nothing_at_all(log10py: Log10Py, wire: Wire) -> None:
    """Without one no header is sent: 401, with a sentence."""
    assert log10py("create_session", sdk={"callable": True})
    refused = log10py("create_session", sdk={"token": None}, refused=True)
    assert header(wire.last()[0], "X-Log10-Token") is None
    assert refused["status"] == 401
    assert "X-Log10-Token" in json.loads(refused["body"])["error"]
    wrong = log10py("create_session", sdk={"token": "gb_wrong"}, refused=True)
    assert (wrong["status"], "not valid" in wrong["body"]) == (401, True)


def test_quirk_18_a_call_may_name_another_organization_than_its_client(
    log10py: Log10Py, organization: Organization, other: Organization, wire: Wire
) -> None:
    """It replaces the constructor's. What it names must be the token's, by external id or slug."""
    assert log10py("create_session", organization=organization.slug)
    assert header(wire.last()[0], "X-Log10-Organization") == organization.slug
    assert log10py("create_session", sdk={"organization": other.external_id}, organization=organization.external_id)
    for call in ("create_session", "list_ungraded", "list_feedback"):
        refused = log10py(call, organization=other.external_id, filters={}, refused=True)
        assert 400 <= refused["status"] < 500
        assert json.loads(refused["body"])["error"]


def test_quirk_19_a_redirect_would_lose_data_in_silence(organization: Organization, log10py: Log10Py) -> None:
    """log10py follows 301 and 302 with an empty GET and reports success: nothing under /api is ever redirected."""
    for where in PATHS:
        for method in ("GET", "POST"):
            answer = organization.call(method, f"{where}/", json={"organization_id": organization.external_id})
            assert not 300 <= answer.status_code < 400, answer.url
            assert answer.status_code in (404, 405), answer.url
            assert answer.json()["error"]
    url = organization.instance.url
    answer = requests.post(f"{url}//api/v1/sessions", timeout=10, allow_redirects=False)
    assert 400 <= answer.status_code < 500
    # One slash after the server's address is taken away by the client.
    assert log10py("create_session", sdk={"url": f"{url}/"})


def test_quirk_20_text_completions_of_log10io_would_break_log10py(
    log10io: Log10Io, log10py: Log10Py, organization: Organization, feedback_task: str
) -> None:
    """It knows neither their kind nor their object, and asks for a message: it gets one, made of the text."""
    request = {"model": "gpt-3.5-turbo-instruct", "prompt": "Where?"}
    uid = log10io("text", request=request, tags=["clients"])["id"]
    row = next(row for row in log10py("list_ungraded", whole=True) if row["id"] == uid)
    assert (row["kind"], row["response"]["object"]) == ("prompt", "chat.completion")
    assert row["response"]["choices"][0]["message"]["content"] == ANSWER
    held = organization.document(uid)
    assert held is not None
    assert held["response"]["object"] == "text_completion"
