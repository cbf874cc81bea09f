"""What the validator says, at the fields it speaks of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from reviews.web.schema_form.reading import Reader
from reviews.workflow.schema import Problem, ValuesRefused, validate
from reviews.workflow.schema_parts import problems_of

_CHOOSING = ("oneOf", "anyOf")

Json = Any
Steps = tuple[str, ...]


def add_problems(schema: Mapping[str, Json], values: Json, reader: Reader) -> str:
    """Add the first problem of each field to the reader's errors; return the first that belongs to none."""
    try:
        validate(schema, values)
    except ValuesRefused as refused:
        return _Verdict(schema, values, reader).told(refused.errors)
    return ""


class _Verdict:
    def __init__(self, schema: Mapping[str, Json], values: Json, reader: Reader) -> None:
        self._draft = schema.get("$schema")
        self._values = values
        self._reader = reader
        # A count of members, say, is wrong merely because a field could not be read.
        self._has_unreadable = bool(reader.errors)

    def told(self, problems: Sequence[Problem]) -> str:
        overall = ""
        for steps, problem in self._in_detail((), problems, set()):
            place = self._place(steps)
            if place:
                self._reader.errors.setdefault(self._reader.places[place], _told(steps[len(place) :], problem.message))
            elif not self._has_unreadable:
                overall = overall or _told(steps, problem.message)
        return overall

    def _place(self, steps: Steps) -> Steps:
        """The innermost place on the way that has a field; the root has none, unless it is a choice."""
        for length in range(len(steps), 0, -1):
            if steps[:length] in self._reader.places:
                return steps[:length]
        return ()

    def _in_detail(
        self, start: Steps, problems: Sequence[Problem], seen: set[Steps]
    ) -> Iterator[tuple[Steps, Problem]]:
        """The problems, and for each choice among alternatives those of the branch that was chosen."""
        for problem in problems:
            steps = (*start, *steps_of(problem.pointer))
            if problem.keyword not in _CHOOSING or not self._reader.chosen.get(steps):
                yield steps, problem
            elif steps not in seen:
                seen.add(steps)
                yield from self._of_choice(steps, problem, seen)

    def _of_choice(self, steps: Steps, problem: Problem, seen: set[Steps]) -> Iterator[tuple[Steps, Problem]]:
        found = False
        for choice in self._reader.chosen[steps]:
            if not choice.picked:
                self._reader.errors.setdefault(choice.html_name, _("Pick one of the choices."))
                found = True
                continue
            inner = problems_of(choice.branch, _at(self._values, steps), draft=self._draft)
            for detail in self._in_detail(steps, inner, seen):
                found = True
                yield detail
        if not found:
            yield steps, problem


def steps_of(pointer: str) -> Steps:
    """The steps of a JSON pointer."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _at(value: Json, steps: Steps) -> Json:
    for step in steps:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _told(steps: Sequence[str], message: str) -> str:
    return f"{'.'.join(steps)}: {message}." if steps else f"{message[:1].upper()}{message[1:]}."
