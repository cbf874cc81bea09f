"""Marks: a short word of its own in every edit, grade and change, by which it is known again wherever it turns up."""

import itertools
import re
from typing import Any

MARK = re.compile(r"\[([a-z]+-[0-9a-z]+-[0-9]+)\]")


class Marks:
    """Makes marks, none of them twice: `edit-7-12` is the twelfth of the run with the seed 7."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = itertools.count(1)

    def make(self, kind: str) -> str:
        """A new one; `kind` is a word in small letters."""
        return f"{kind}-{self._seed}-{next(self._numbers)}"


def with_mark(text: str, mark: str) -> str:
    """The text with a mark at its end. Those it has stay: they tell on what an edit was made."""
    return f"{text} [{mark}]".lstrip()


def marks_in(text: str | bytes) -> tuple[str, ...]:
    """The marks of a text or of a JSON, in order, each once."""
    readable = text.decode(errors="replace") if isinstance(text, bytes) else text
    return tuple(dict.fromkeys(MARK.findall(readable)))


def add_to_answer(document: dict[str, Any], mark: str) -> dict[str, Any]:
    """The document with a mark at the end of its first answer; the one given is left as it is."""
    response = document["response"]
    first, *others = response["choices"]
    message = {**first["message"], "content": with_mark(first["message"]["content"], mark)}
    return {**document, "response": {**response, "choices": [{**first, "message": message}, *others]}}
