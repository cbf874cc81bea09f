"""What an answer of 4,000 tokens with probabilities costs: `python -m tests.bench.tokens`.

Two documents are measured, each of 4,000 tokens with five recorded words for every place (the chosen one among them)
and made from a seed, so that every run reads the same. Prose: words of two to nine letters, a token each, the
probabilities spread so that three in ten places are under 70 %, as in an answer of a small model. JSON: a list of
objects with a text, a number and a flag each, cut into tokens of a few characters.

Printed for each: the milliseconds that the server takes from the stored bytes to the HTML of the answer (reading with
decompression, and drawing), median and 95th percentile of 40; those of the whole review page inside the web process
(tests/bench/page.py), of 40, and over HTTP with the client's own, median of 15;
the bytes of that page as they are and gzipped; and the milliseconds in Chromium from the swap of the review screen
until it is painted, median of 10, scripts included. The budget is 50 ms on the server and 100 ms to paint.
"""

import gzip
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gradebench.settings")

import orjson
import zstandard
from django.template.loader import render_to_string

import gradebench.wsgi  # noqa: F401 - sets Django up, and the collection of garbage as every web server has it
from reviews.web import conversation, edits
from reviews.web.display import pair
from reviews.workflow.documents import LEVEL
from tests.browser import Contexts, running_chromium
from tests.e2e import answers, steps
from tests.instances import ROOT, Instance

TOKENS, WORDS = 4_000, 5
SEED = 5
LETTERS = "abcdefghiklmnoprstuvwz"

SWAP = """async () => {
  const answer = await fetch(location.href);
  const html = await answer.text();
  const page = new DOMParser().parseFromString(html, "text/html").getElementById("review").outerHTML;
  const began = performance.now();
  // As swap.js does, which listens for answers to requests.
  document.querySelector("#review .reading").remove();
  htmx.swap("#review", page, { swapStyle: "outerHTML", settleDelay: 0, swapDelay: 0 });
  await new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  }));
  return performance.now() - began;
}"""


def documents() -> dict[str, dict[str, Any]]:
    """The two choices that are measured, by name."""
    return {"prose": _choice(_prose(random.Random(SEED))), "json": _choice(_json(random.Random(SEED)))}


def _prose(chance: random.Random) -> list[str]:
    words = [_word(chance) for _ in range(TOKENS)]
    return [(" " if at else "") + word + ("." if at % 17 == 16 else "") for at, word in enumerate(words)]


def _json(chance: random.Random) -> list[str]:
    rows = [
        {"text": f"{_word(chance)} “{_word(chance)}”\n", "price": at * 0.35, "gift": at % 3 == 0}
        for at in range(TOKENS)
    ]
    text = json.dumps(rows, ensure_ascii=False)
    cut: list[str] = []
    at = 0
    while len(cut) < TOKENS - 1:
        size = chance.randint(1, 6)
        cut.append(text[at : at + size])
        at += size
    # The last token closes the list after the object in which the cut fell.
    end = text.index("}", at) + 1
    return [*cut, text[at:end] + "]"]


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(LETTERS, k=chance.randint(2, 9)))


def _choice(texts: list[str]) -> dict[str, Any]:
    chance = random.Random(SEED + 1)
    return answers.choice([(text, *_odds(text, chance)) for text in texts])


def _odds(text: str, chance: random.Random) -> tuple[float, dict[str, float]]:
    """A probability for a token, and four words that share what it leaves."""
    certain = chance.random() < 0.7
    probability = chance.uniform(0.7, 0.999) if certain else chance.uniform(0.05, 0.7)
    others = {(" " if text[:1] == " " else "") + _word(chance): (1 - probability) / 2**at for at in range(1, WORDS)}
    return probability, others


def _drawn(choice: dict[str, Any]) -> Iterator[float]:
    """Milliseconds from stored bytes to HTML."""
    document = {"kind": "chat", "request": {"messages": []}, "response": {"choices": [choice]}}
    stored = zstandard.ZstdCompressor(level=LEVEL).compress(orjson.dumps(document))
    for _ in range(43):
        began = time.perf_counter()
        read = conversation.read(orjson.loads(zstandard.ZstdDecompressor().decompress(stored)), "/list/{}".format)
        shown = pair(read.choices, edits.edit_boxes(read))
        render_to_string("reviews/_conversation.html", {"conversation": read, "answers": shown})
        yield (time.perf_counter() - began) * 1000


def _inside(instance: Instance, path: str) -> list[float]:
    """Milliseconds of the page inside a web process of its own."""
    env = {**os.environ, **instance.env}
    asked = [sys.executable, "-m", "tests.bench.page", "alice", path]
    done = subprocess.run(asked, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return [float(line) for line in done.stdout.split()]


def _middle(figures: list[float]) -> str:
    return f"{statistics.median(figures):.1f} ms (p95 {sorted(figures)[math.ceil(len(figures) * 0.95) - 1]:.1f})"


def _timed(what: Callable[[], object], times: int) -> list[float]:
    figures = []
    for _ in range(times):
        began = time.perf_counter()
        what()
        figures.append((time.perf_counter() - began) * 1000)
    return figures


def main() -> None:
    """Measure both and print the figures."""
    made = documents()
    for name, choice in made.items():
        print(f"{name}: read and drawn in {_middle(list(_drawn(choice))[3:])}", flush=True)
    with Instance("bench") as instance, running_chromium() as browser:
        team = steps.create_organization(instance, "team")
        steps.add_member(team, "alice")
        contexts = Contexts(browser)
        for name, choice in made.items():
            answers.add(team, name, choice)
            page = contexts.new().new_page()
            answers.review(page, team, name)
            painted = [page.evaluate(SWAP) for _ in range(12)][2:]
            reviewer = steps.Reviewer(instance, "alice")
            address = page.url.removeprefix(instance.url)
            served = _timed(lambda at=address, by=reviewer: by.get(at), 17)[2:]  # type: ignore[misc]
            body = reviewer.page.encode()
            print(f"{name}: whole page in the web process {_middle(_inside(instance, address))}")
            print(f"{name}: whole page served in {_middle(served)}, painted after {_middle(painted)}")
            print(f"{name}: {len(body):,} bytes, {len(gzip.compress(body)):,} gzipped", flush=True)
        contexts.close()


if __name__ == "__main__":
    main()
