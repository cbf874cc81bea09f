"""Runs in the log10-io virtual environment: reads a call as JSON from each line of standard input and makes it.

In: {"do": name, …}. Out, for each line: {"result": …} or {"raised": {"kind", "text", "body"}}, beside "logged", what
the client's logger said. The client reads LOG10_URL, LOG10_TOKEN and LOG10_ORG_ID when it is imported, so a process
speaks to one organization of one server. No name but those of this machine is resolved: nothing leaves it.
"""

import asyncio
import contextlib
import io
import json
import logging
import os
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

_resolve = socket.getaddrinfo


def _resolve_here(host: Any, *args: Any, **options: Any) -> Any:
    """Providers are told apart by their host names, so `openai.localhost` and `anthropic.localhost` must lead here."""
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.endswith(".localhost"):
        return _resolve("127.0.0.1", *args, **options)
    if name not in ("127.0.0.1", "localhost"):
        raise socket.gaierror(f"{name} is not on this machine.")
    return _resolve(host, *args, **options)


socket.getaddrinfo = _resolve_here

import anthropic  # noqa: E402
import openai  # noqa: E402
from log10._httpx_utils import finalize  # noqa: E402
from log10.cli.cli_commands import cli  # noqa: E402
from log10.completions.completions import Completions  # noqa: E402
from log10.feedback.feedback import Feedback  # noqa: E402
from log10.feedback.feedback_task import FeedbackTask  # noqa: E402
from log10.llm import LLM, Kind, Log10Config  # noqa: E402
from log10.load import log10, log10_session, log10_tags  # noqa: E402
from log10.prompt_analyzer import PromptAnalyzer  # noqa: E402

Call = dict[str, Any]


def _wrap(call: Call) -> None:
    """Wrap the modules, by a thread or blocking; a second time only the way of posting changes."""
    log10(openai, USE_ASYNC_=not call.get("blocking", False))
    log10(anthropic, USE_ASYNC_=not call.get("blocking", False))


def _openai() -> Any:
    return openai.OpenAI(max_retries=0)


def _logged(session: Any, answer: Any, error: Exception | None = None) -> dict[str, Any]:
    """What the application got, and what the wrapper says of the logged row."""
    return {
        "answer": answer,
        "error": type(error).__name__ if error else None,
        "id": session.last_completion_id(),
        "url": session.last_completion_url(),
    }


def chat(call: Call) -> Any:
    """A chat completion through the wrapped OpenAI client, in a session; streamed where the request says so."""
    _wrap(call)
    with log10_session(tags=call.get("tags")) as session, log10_tags(call.get("more_tags", [])):
        try:
            answer = _openai().chat.completions.create(**call["request"])
        except openai.OpenAIError as error:
            return _logged(session, None, error)
        if answer is None:
            return _logged(session, None)
        if call["request"].get("stream"):
            return _logged(session, "".join(chunk.choices[0].delta.content or "" for chunk in answer))
        return _logged(session, answer.choices[0].message.model_dump(exclude_none=True))


def text(call: Call) -> Any:
    """A text completion through the wrapped OpenAI client."""
    _wrap(call)
    with log10_session(tags=call.get("tags")) as session:
        answer = _openai().completions.create(**call["request"])
        return _logged(session, answer.choices[0].text)


def async_chat(call: Call) -> Any:
    """Chat completions through the hooks of one AsyncOpenAI each, all at once; their answers and ids."""
    _wrap(call)

    async def one() -> Any:
        with log10_session(tags=call.get("tags")) as session:
            client = openai.AsyncOpenAI(max_retries=0)
            try:
                answer = await client.chat.completions.create(**call["request"])
            except openai.OpenAIError as error:
                return _logged(session, None, error)
            if call["request"].get("stream"):
                said = "".join([chunk.choices[0].delta.content or "" async for chunk in answer])
                return _logged(session, said)
            return _logged(session, answer.choices[0].message.content)

    async def several() -> Any:
        done = await asyncio.gather(*(one() for _ in range(call.get("times", 1))))
        await finalize()
        return done

    return asyncio.run(several())


def message(call: Call) -> Any:
    """A message through the hooks of Anthropic's client; streamed where the request says so."""
    _wrap(call)
    with log10_session(tags=call.get("tags")) as session:
        client = anthropic.Anthropic(max_retries=0)
        answer = client.messages.create(**call["request"])
        if call["request"].get("stream"):
            texts = [event.delta.text for event in answer if event.type == "content_block_delta"]
            return _logged(session, "".join(texts))
        return _logged(session, answer.content[0].text)


def mock(call: Call) -> Any:
    """Log a chat completion that no model made; the id that the client chose."""
    made = Completions().mock_chat_completions(
        model=call["model"], messages=call["messages"], response_content=call["content"], tags=call["tags"]
    )
    return None if made is None else made.id.removeprefix("chatcmpl-")


def llm(call: Call) -> Any:
    """The class under LangChain and litellm: it opens a session, and refuses to log to other hosts than log10.io."""
    model = LLM({}, Log10Config())
    try:
        model.log_start({"messages": []}, Kind.chat)
    except ValueError as error:
        return {"session": model.session_id, "refused": str(error)}
    return {"session": model.session_id, "refused": None}


def create_feedback(call: Call) -> Any:
    """Feedback by the class."""
    return Feedback().create(call["task_id"], call["values"], call["tags"], call.get("comment")).json()


def list_feedback(call: Call) -> Any:
    """Feedback by the class."""
    return Feedback().list(**call["filters"]).json()


def get_feedback(call: Call) -> Any:
    """Feedback by the class."""
    return Feedback().get(call["id"]).json()


def create_feedback_task(call: Call) -> Any:
    """A feedback task by the class."""
    return FeedbackTask().create(**call["feedback_task"]).json()


def list_feedback_tasks(call: Call) -> Any:
    """Feedback tasks by the class."""
    return FeedbackTask().list(**call.get("window", {})).json()


def get_feedback_task(call: Call) -> Any:
    """A feedback task by the class."""
    return FeedbackTask().get(call["id"]).json()


def analyze(call: Call) -> Any:
    """The prompt analyzer; None where the server has none."""
    return PromptAnalyzer().analyze(call["prompt"])


def command(call: Call) -> Any:
    """The `log10` command with its arguments: exit code, what it printed, and the exception it would have died of."""
    printed = io.StringIO()
    code: Any = 0
    died = None
    with contextlib.redirect_stdout(printed):
        try:
            cli.main(call["words"], prog_name="log10")
        except SystemExit as error:
            # A text is printed and means 1, as the interpreter does it.
            code = error.code if isinstance(error.code, int) else 1
            print(error.code if isinstance(error.code, str) else "", end="")
        except Exception as error:  # noqa: BLE001
            code, died = 1, f"{type(error).__name__}: {error}"
    return {"code": code, "printed": printed.getvalue(), "died": died}


def run(call: Call) -> Any:
    """Run a piece of the guide to clients as a program of its own; what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(call["source"], "docs/clients.md", "exec"), {"__name__": "__main__"})  # noqa: S102
    return printed.getvalue()


CALLS: dict[str, Callable[[Call], Any]] = {
    call.__name__: call
    for call in (
        chat,
        text,
        async_chat,
        message,
        mock,
        llm,
        create_feedback,
        list_feedback,
        get_feedback,
        create_feedback_task,
        list_feedback_tasks,
        get_feedback_task,
        analyze,
        command,
        run,
    )
}


def _raised(error: Exception) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return {
        "kind": type(error).__name__,
        "text": str(error),
        "body": getattr(response, "text", None),
        "where": traceback.format_exc(),
    }


def main() -> None:
    """Make the calls, in order. What the client prints by itself is no answer."""
    answers, sys.stdout = sys.stdout, sys.stderr
    said = io.StringIO()
    logging.getLogger("LOG10").addHandler(logging.StreamHandler(said))
    print(json.dumps({"ready": os.environ["LOG10_URL"]}), file=answers, flush=True)
    for line in sys.stdin:
        call = json.loads(line)
        said.seek(0)
        said.truncate()
        try:
            outcome: dict[str, Any] = {"result": CALLS[call["do"]](call)}
        except Exception as error:  # noqa: BLE001
            outcome = {"raised": _raised(error)}
        print(json.dumps({**outcome, "logged": said.getvalue()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
