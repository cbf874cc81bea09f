"""R16: two reviewers on one completion, the same form sent twice, the back button, two tabs: by real parallel HTTP."""

import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e import steps
from tests.faults.driver import Person, query
from tests.faults.marks import Marks, marks_in, with_mark
from tests.faults.scenario import Scenario, chat, feedback_task
from tests.faults.upstream import FaultyUpstream
from tests.faults.verdict import Edit
from tests.instances import Instance

pytestmark = pytest.mark.e2e

RACES = 100
TWICE = 10
ALONE = "Rubric 2"


def test_nobody_overwrites_in_silence_and_nobody_grades_twice(
    instances: Callable[..., Instance], record_property: Callable[[str, object], None]
) -> None:
    instance = instances("races", env={"GRADEBENCH_UNDO_SECONDS": "0"})
    with FaultyUpstream(seed=16) as upstream:
        scenario = Scenario(instance, upstream, seed=16)
        # A queue beside, for what one reviewer does to herself.
        upstream.feedback_tasks.append(feedback_task(2, "alone"))
        for number in range(2 * TWICE):
            upstream.add(chat(f"alone-{number:02}", "alone"))
        scenario.set_up(completions=RACES, reviewers=2, tasks=2, pull_seconds=30)
        steps.wait_for("All is here", lambda: scenario.pulled() == RACES + 2 * TWICE)
        rivals = [Rival(instance, name, number) for number, name in enumerate(scenario.names)]
        race = Race(rivals, scenario)
        race.run(RACES)
        alone = Alone(instance, scenario.names[0])
        sent_twice = [alone.submit_twice_at_once() for _ in range(TWICE)]
        sent_again = [alone.submit_and_go_back() for _ in range(TWICE)]
        scenario.calm()
        verdict = scenario.verdict("R16")

    record_property("verdict", str(verdict).splitlines()[0])
    assert verdict.clean, str(verdict)
    assert race.answers == Counter({200: RACES, 409: RACES})
    # The same submit once more is no second one: it leads on, and counts once.
    assert [sorted(pair) for pair in sent_twice] == [[200, 200]] * TWICE
    assert sent_again == [200] * TWICE
    assert steps.statuses([*(rival.person for rival in rivals), *alone.tabs]) == []
    for uid, marks in race.marks.items():
        assert set(marks) <= set(marks_in(upstream.completions[uid])), f"An edit of {uid} was overwritten in silence."
    grades = query(instance, "SELECT assignment_id, count(*) FROM reviews_feedback GROUP BY assignment_id")
    assert [count for _, count in grades] == [1] * (2 * RACES + 2 * TWICE)
    grades_there = Counter((row["task_id"], row["completion_ids"][0]) for row in upstream.feedback)
    assert set(grades_there.values()) == {1}
    assert len(grades_there) == 2 * RACES + 2 * TWICE


def start(person: Person, name: str) -> None:
    """Start the queue of that name."""
    person.get("/")
    found = re.search(rf'id="queue-(\d+)">{name}<', person.page)
    path = f"/queues/{found.group(1)}/start" if found else ""
    if path in person.forms:
        person.post(path, person.forms[path].fields)


class Rival:
    """A reviewer in a queue of her own, in which the same completions come in the same order."""

    def __init__(self, instance: Instance, username: str, queue: int) -> None:
        self.person = Person(instance, username)
        self.person.sign_in(username)
        start(self.person, f"Rubric {queue}")
        assert self.person.is_reviewing, self.person.page

    def submit(self, mark: str) -> int:
        """Submit the form that is open, the mark added to the text that it has."""
        return self.person.submit(lambda text: with_mark(text, mark))


class Race:
    """Both open one completion and submit at one instant: one is first, the other is told and shown both texts."""

    def __init__(self, rivals: list[Rival], scenario: Scenario) -> None:
        self.rivals = rivals
        self.scenario = scenario
        self.answers: Counter[int] = Counter()
        self.marks: dict[str, list[str]] = {}
        self._marks = Marks(16)
        self._together = threading.Barrier(len(rivals), timeout=60)

    def run(self, count: int) -> None:
        """So many races."""
        with ThreadPoolExecutor(len(self.rivals)) as pool:
            for _ in range(count):
                (uid,) = {rival.person.shown for rival in self.rivals}
                edits = [Edit(uid, self._marks.make("edit"), self.scenario.upstream.clock()) for _ in self.rivals]
                self.marks[uid] = [edit.mark for edit in edits]
                done = [pool.submit(self._submit, rival, edit) for rival, edit in zip(self.rivals, edits, strict=True)]
                for each in done:
                    each.result()

    def _submit(self, rival: Rival, edit: Edit) -> None:
        path = rival.person.path
        self._together.wait()
        status = rival.submit(edit.mark)
        self.answers[status] += 1
        if status == 409:
            standing = marks_in(rival.person.page)
            assert set(self.marks[edit.uid]) <= set(standing), "She is not shown both texts."
            rival.person.get(path)
            edit.asked_at = self.scenario.upstream.clock()
            assert rival.submit(edit.mark) == 200, rival.person.page
        edit.acknowledged = True
        self.scenario.ledger.edits.append(edit)


class Alone:
    """One reviewer with two tabs and a back button."""

    def __init__(self, instance: Instance, username: str) -> None:
        self.tabs = [Person(instance, username), Person(instance, username)]
        first, second = self.tabs
        first.sign_in(username)
        second.session.cookies.update(first.session.cookies)
        start(first, ALONE)
        assert first.is_reviewing, first.page

    def submit_twice_at_once(self) -> list[int]:
        """The same form in two tabs, sent at one instant; both statuses."""
        first, second = self.tabs
        second.get(first.path)
        together = threading.Barrier(2, timeout=60)

        def submit(person: Person) -> int:
            together.wait()
            return person.submit()

        with ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(submit, self.tabs))
        self._go_on()
        return statuses

    def submit_and_go_back(self) -> int:
        """Submit, go back to the form that was sent, and send it again; what that says."""
        first = self.tabs[0]
        form = first.forms["grade"]
        values = {**form.fields, **{name: choices[0] for name, choices in form.choices.items()}}
        assert first.submit() == 200
        status = first.post(form.action, values)
        self._go_on()
        return status

    def _go_on(self) -> None:
        """To the next item, if there is one."""
        start(self.tabs[0], ALONE)
