"""log10-io 0.16.1: what its wrappers log of a fake OpenAI's calls, and every command of `log10` that can come here."""

import ast
import json
import subprocess
from typing import Any

import pytest

from tests.clients.conftest import FEEDBACK_TASK
from tests.clients.documents import ours
from tests.clients.drivers import LOG10IO, Log10Io, Wire, header, path, query
from tests.clients.fake_openai import ANSWER, ARGUMENTS, FAILURE, FakeOpenAI
from tests.e2e.steps import Organization

pytestmark = pytest.mark.e2e

Json = dict[str, Any]

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is Köln?"}]
ASKED: Json = {"model": "gpt-4o", "messages": MESSAGES}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "strict": True, "parameters": {"type": "object", "properties": {}}},
}


def held(organization: Organization, uid: str) -> Json:
    """The stored document."""
    document = organization.document(uid)
    assert document is not None
    return document


def message_of(document: Json) -> Json:
    """The first answer."""
    message: Json = document["response"]["choices"][0]["message"]
    return message


def tagged(organization: Organization, *tags: str) -> str:
    """A completion with these tags; its id."""
    return organization.create({**ours()["chat with logprobs"], "tags": list(tags)})


# The wrapper around the synchronous client -----------------------------------------------------------------------


@pytest.mark.parametrize("blocking", [False, True], ids=["threads", "blocking"])
def test_the_wrapper_logs_a_chat(
    log10io: Log10Io, organization: Organization, providers: FakeOpenAI, wire: Wire, blocking: bool
) -> None:
    request = {**ASKED, "logprobs": True, "top_logprobs": 2, "n": 2, "temperature": 0.0, "seed": 7}
    done = log10io("chat", request=request, tags=["support", "prod"], more_tags=["köln"], blocking=blocking)
    assert done["answer"]["content"] == ANSWER
    assert providers.asked[-1] == ("/v1/chat/completions", request)
    steps = [(path(seen), status) for seen, status in wire.exchanges()]
    assert steps == [("/api/completions", 200)] + [(f"/api/completions/{done['id']}", 200)] * 2

    document = held(organization, done["id"])
    assert document["request"] == request
    assert (document["kind"], document["status"]) == ("chat", "finished")
    assert document["tags"] == ["support", "prod", "köln"]
    assert document["session_id"]
    assert isinstance(document["stacktrace"][0]["lineno"], int)
    assert 0 <= document["duration"] < 60
    response = document["response"]
    assert (len(response["choices"]), response["created"], response["service_tier"]) == (2, 1764200001, "default")
    assert response["choices"][0]["logprobs"]["content"][3]["bytes"] == [0xF0, 0x9F]


def test_the_wrapper_names_where_to_look(log10io: Log10Io, organization: Organization) -> None:
    done = log10io("chat", request=ASKED)
    assert done["url"].endswith(f"/app/{organization.slug}/completions/{done['id']}")


def test_the_wrapper_logs_a_stream(log10io: Log10Io, organization: Organization) -> None:
    done = log10io("chat", request={**ASKED, "stream": True})
    assert done["answer"] == ANSWER
    document = held(organization, done["id"])
    assert document["status"] == "finished"
    # The wrapper puts the pieces together, by a word of its own.
    assert (document["response"]["object"], message_of(document)["content"]) == ("completion", ANSWER)


def test_the_wrapper_logs_a_call_of_a_tool(log10io: Log10Io, organization: Organization) -> None:
    done = log10io("chat", request={**ASKED, "tools": [WEATHER], "tool_choice": "auto"})
    document = held(organization, done["id"])
    assert document["request"]["tools"] == [WEATHER]
    assert message_of(document)["tool_calls"][0]["function"] == {"name": "weather", "arguments": ARGUMENTS}
    assert document["response"]["choices"][0]["finish_reason"] == "tool_calls"


def test_the_wrapper_logs_pictures(log10io: Log10Io, organization: Organization) -> None:
    def picture(characters: int) -> Json:
        start = "data:image/png;base64,"
        return {"type": "image_url", "image_url": {"url": start + "A" * (characters - len(start)), "detail": "low"}}

    parts = [{"type": "text", "text": "What is it?"}, picture(4_000_000), picture(3_000_000), picture(4_000_001)]
    done = log10io("chat", request={**ASKED, "messages": [{"role": "user", "content": parts}]})
    assert done["answer"]["content"] == "3 pictures."
    logged = held(organization, done["id"])["request"]["messages"][0]["content"]
    # The wrapper itself leaves out what is above four million characters.
    assert logged == [*parts[:3], {"type": "text", "text": "Image too large to capture"}]


def test_the_wrapper_logs_a_text_completion(log10io: Log10Io, organization: Organization) -> None:
    done = log10io("text", request={"model": "gpt-3.5-turbo-instruct", "prompt": "Where?"}, tags=["text"])
    assert done["answer"] == ANSWER
    document = held(organization, done["id"])
    assert (document["kind"], document["request"]["prompt"]) == ("prompt", "Where?")
    assert document["response"]["choices"][0]["text"] == ANSWER


@pytest.mark.parametrize(("status", "kind"), [(400, "BadRequestError"), (500, "InternalServerError")])
def test_the_wrapper_logs_a_failure(log10io: Log10Io, organization: Organization, status: int, kind: str) -> None:
    done = log10io("chat", request={**ASKED, "model": f"fails-{status}"})
    assert (done["answer"], done["error"]) == (None, kind)
    document = held(organization, done["id"])
    assert (document["status"], document["failure_kind"]) == ("failed", kind)
    assert FAILURE in document["failure_reason"]
    assert document["request"]["messages"] == MESSAGES
    assert document.get("response") is None


# The hooks of asynchronous clients and of Anthropic's ---------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_hooks_log_many_chats_at_once(
    log10io: Log10Io, organization: Organization, wire: Wire, stream: bool
) -> None:
    request = {**ASKED, "stream": True} if stream else ASKED
    done = log10io("async_chat", request=request, times=5, tags=["async"])
    assert [row["answer"] for row in done] == [ANSWER] * 5
    assert len({row["id"] for row in done}) == 5
    # No id is asked for, and started and finished go out as they will.
    assert sorted(path(seen) for seen, _ in wire.exchanges()) == sorted(
        f"/api/completions/{row['id']}" for row in done for _ in range(2)
    )
    for row in done:
        document = held(organization, row["id"])
        assert (document["status"], document["tags"]) == ("finished", ["async"])
        assert document["request"] == request
        assert message_of(document)["content"] == ANSWER


def test_the_hooks_leave_a_failure_started(log10io: Log10Io, organization: Organization) -> None:
    """They log nothing of an answer of 400 or more: the row stays as it is, and is not offered for review."""
    done = log10io("async_chat", request={**ASKED, "model": "fails-400"})[0]
    assert done["answer"] is None
    assert held(organization, done["id"])["status"] == "started"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_hooks_log_a_message_of_anthropic(log10io: Log10Io, organization: Organization, stream: bool) -> None:
    question = [{"role": "user", "content": "Where is Köln?"}]
    request = {"model": "claude-3-haiku-20240307", "max_tokens": 50, "system": "Be brief.", "messages": question}
    done = log10io("message", request={**request, "stream": stream}, tags=["claude"])
    assert done["answer"] == ANSWER
    document = held(organization, done["id"])
    assert (document["status"], message_of(document)["content"]) == ("finished", ANSWER)
    assert [message["role"] for message in document["request"]["messages"]] == ["system", "user"]
    assert document["response"]["usage"]["total_tokens"] == 30


def test_it_logs_a_completion_that_no_model_made(log10io: Log10Io, organization: Organization, wire: Wire) -> None:
    uid = log10io("mock", model="gpt-4o", messages=MESSAGES, content="By hand.", tags=["mocked"])
    seen, status = wire.last()
    assert (path(seen), status) == (f"/api/v1/completions/{uid}", 200)
    document = held(organization, uid)
    assert message_of(document)["content"] == "By hand."
    assert document["tags"] == ["MOCK_CHAT_COMPLETIONS", "mocked"]


# Feedback and feedback tasks -----------------------------------------------------------------------------------------


def test_the_classes_create_list_and_get(log10io: Log10Io, organization: Organization) -> None:
    uid = tagged(organization, "by-class")
    asked = {"name": "By class", "task_schema": FEEDBACK_TASK["json_schema"], "completion_tags_selector": ["by-class"]}
    task = log10io("create_feedback_task", feedback_task={**asked, "instruction": "Look."})
    assert log10io("get_feedback_task", id=task["id"]) == task
    assert task in log10io("list_feedback_tasks", window={"limit": 50})["data"]

    made = log10io("create_feedback", task_id=task["id"], values={"score": 3}, tags=["by-class"], comment="Fine.")
    assert made["matched_completion_ids"] == [uid]
    assert log10io("get_feedback", id=made["id"]) == made
    listed = log10io("list_feedback", filters={"task_id": task["id"]})
    assert (listed["data"], listed["total"]) == ([made], 1)


def test_refusals_reach_the_log_as_sentences(log10io: Log10Io, organization: Organization) -> None:
    refused = log10io.refused("create_feedback", task_id="none-such", values={}, tags=["x"])
    assert refused["kind"] == "HTTPStatusError"
    assert "There is no feedback task none-such here." in log10io.logged


# The command line ----------------------------------------------------------------------------------------------------


def test_the_command_itself_runs(log10io: Log10Io, organization: Organization) -> None:
    uid = tagged(organization, "whole-command")
    done = subprocess.run(
        [LOG10IO / "log10", "completions", "list", "--limit", "5"],
        cwd=log10io.home,
        env=log10io.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert uid in done.stdout


def test_completions_list(log10io: Log10Io, organization: Organization, wire: Wire) -> None:
    uids = [tagged(organization, "listed-1", "both") for _ in range(3)]
    other = tagged(organization, "both")
    printed = log10io.command("completions", "list", "--tags", "both,listed-1", "--limit", "2")
    assert "Filter with tags: both,listed-1" in printed
    assert [uid in printed for uid in uids] == [False, True, True]
    assert other not in printed
    assert "How big?" not in printed
    assert "Be brief." in printed
    assert "Köln: 4" in printed
    asked = [path(seen) for seen, _ in wire.exchanges()]
    assert asked == ["/api/tags/search", "/api/tags/search", "/api/completions"]
    assert uids[0] in log10io.command("completions", "list", "--tags", "both,listed-1", "--offset", "2")


def test_completions_list_by_date(log10io: Log10Io, organization: Organization, wire: Wire) -> None:
    uid = tagged(organization, "dated")
    words = ("completions", "list", "--tags", "dated")
    assert uid in log10io.command(*words, "--from", "2020-01-01", "--to", "2099-01-01")
    assert json.loads(query(wire.last()[0])["createdFilter"])["from"] == "2020-01-01T08:00:00.000Z"
    assert uid not in log10io.command(*words, "--from", "2020-01-01", "--to", "2020-02-01")


def test_completions_get(log10io: Log10Io, organization: Organization) -> None:
    uid = tagged(organization, "got")
    got = json.loads(log10io.command("completions", "get", "--id", uid))
    assert (got["id"], got["duration"]) == (uid, 1284)
    assert [tag["name"] for tag in got["tagResolved"]] == ["got"]


def test_completions_download(log10io: Log10Io, organization: Organization, wire: Wire) -> None:
    uids = [tagged(organization, "downloaded") for _ in range(12)]
    file = log10io.home / "downloaded.jsonl"
    log10io.command("completions", "download", "--tags", "downloaded", "--limit", "11", "--file", str(file))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    # Pages of ten, newest first, and each completion by itself.
    assert [row["id"] for row in rows] == uids[:0:-1]
    asked = [query(seen).get("limit") for seen, _ in wire.exchanges() if path(seen) == "/api/completions"]
    assert asked == ["10", "1"]


def test_completions_benchmark_models(log10io: Log10Io, organization: Organization, providers: FakeOpenAI) -> None:
    uid = tagged(organization, "compared")
    printed = log10io.command("completions", "benchmark_models", "--ids", uid, "--models", "gpt-4o")
    assert "gpt-4o-2024-08-06 (original model)" in printed
    assert "49 (41/8)" in printed
    assert "1284" in printed
    assert providers.asked[-1][1]["messages"] == ours()["chat with logprobs"]["request"]["messages"]
    file = log10io.home / "compared.csv"
    words = ("--tags", "compared", "--models", "gpt-4o", "--file", str(file))
    log10io.command("completions", "benchmark_models", *words)
    assert "Köln: 4" in file.read_text()


def test_feedback_create_list_get_and_download(log10io: Log10Io, organization: Organization) -> None:
    task = organization.create_feedback_task({**FEEDBACK_TASK, "name": "By command"})
    uid = tagged(organization, "commanded")
    about = ("--task_id", task, "--completion_tags_selector", "commanded")
    made = []
    for score in (1, 2, 3):
        printed = log10io.command(
            "feedback", "create", *about, "--values", json.dumps({"score": score}), "--comment", "ok"
        )
        # It prints Python, not JSON.
        made.append(ast.literal_eval(printed.split("\n", 1)[1]))
    assert [row["matched_completion_ids"] for row in made] == [[uid]] * 3

    printed = log10io.command("feedback", "list", "--task_id", task)
    assert "Total feedback: 3" in printed
    assert all(row["id"] in printed for row in made)
    assert json.loads(log10io.command("feedback", "get", "--id", made[0]["id"])) == made[0]

    file = log10io.home / "feedback.jsonl"
    log10io.command("feedback", "download", "--task_id", task, "--file", str(file))
    assert [json.loads(line) for line in file.read_text().splitlines()] == made[::-1]
    assert made[2]["id"] in log10io.command("feedback", "download", "--task_id", task, "--limit", "1")
    assert "There is no feedback none-such here." in log10io.command("feedback", "get", "--id", "none-such")


def test_feedback_task_create_list_and_get(log10io: Log10Io, organization: Organization) -> None:
    schema = json.dumps(FEEDBACK_TASK["json_schema"])
    words = ("--name", "From the shell", "--task_schema", schema, "--instruction", "Look twice.")
    printed = log10io.command("feedback-task", "create", *words, "--completion_tags_selector", "a,b")
    uid = printed.split("Use this task_id to add feedback: ")[1].strip()
    listed = log10io.command("feedback-task", "list", "--limit", "3")
    row = next(line for line in listed.splitlines() if uid in line)
    assert all(text in row for text in ("From the shell", "score", "Look twice."))
    got = json.loads(log10io.command("feedback-task", "get", "--id", uid))
    assert (got["id"], got["completion_tags_selector"]) == (uid, ["a", "b"])


def test_auto_prompt_is_refused_with_a_sentence(log10io: Log10Io, organization: Organization) -> None:
    """GradeBench has no prompt analyzer. The client logs the status, and dies of having nothing to print."""
    assert log10io("analyze", prompt="Be brief.") is None
    assert "501 Not Implemented" in log10io.logged
    done = log10io("command", words=["auto-prompt", "analyze", "-p", "Be brief."])
    assert (done["code"], done["died"].split(":")[0]) == (1, "AttributeError")
    for step in ("convert", "suggestions", "report"):
        answer = organization.call("POST", f"/api/experimental/autoprompt/{step}", json={"prompt": "x"})
        assert (answer.status_code, list(answer.json())) == (501, ["error"])


def test_what_goes_to_the_graphql_host_does_not_come_here(log10io: Log10Io, wire: Wire) -> None:
    """Its address stands in the client's code; without it the commands print an empty list, or nothing."""
    assert "Total feedback: 0" in log10io.command("feedback", "list", "--filter", "score > 3")
    assert "graphql.log10.io is not on this machine" in log10io.logged
    assert log10io.command("feedback", "autofeedback", "get", "--completion-id", "x") == ""
    assert wire.exchanges() == []


def test_what_it_says_of_itself(log10io: Log10Io, organization: Organization, wire: Wire) -> None:
    """Commands name the organization in header and query; the wrapper in the body alone."""
    log10io.command("completions", "list", "--limit", "1")
    seen, _ = wire.last()
    assert header(seen, "X-Log10-Organization-Id") == organization.external_id
    assert query(seen)["organization_id"] == organization.external_id
    assert header(seen, "X-Log10-Token") == organization.token
