"""Eight reviewers at once on one queue of 200 items: each item goes to one of them, once."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest

from tests.e2e import steps
from tests.instances import Instance

pytestmark = pytest.mark.e2e

REVIEWERS = 8
ITEMS = 200


def test_eight_reviewers_share_two_hundred_items(
    instances: Callable[..., Instance], record_property: Callable[[str, object], None]
) -> None:
    instance = instances("reviewers")
    team = steps.create_organization(instance, "team")
    names = [f"reviewer{number}" for number in range(REVIEWERS)]
    for name in names:
        steps.add_member(team, name, "reviewer")
    file = instance.folder / "completions.jsonl"
    documents = [steps.chat(f"Question {n}?", f"Answer {n}.", organization_id="team") for n in range(ITEMS)]
    file.write_text("".join(f"{json.dumps(document)}\n" for document in documents))
    assert f"{ITEMS} created" in instance.manage("import_completions", str(file), "--organization", "team")
    team.create_feedback_task(steps.FEEDBACK_TASK)
    assert len(team.ungraded()) == ITEMS
    people = [steps.Reviewer(instance, name) for name in names]
    (start,) = people[0].startable()

    began = time.monotonic()
    with ThreadPoolExecutor(REVIEWERS) as pool:
        handed = list(pool.map(lambda person: review_all(person, start), people))
    seconds = time.monotonic() - began

    assert steps.statuses(people) == []
    assert [uid for uid, count in Counter(uid for mine in handed for uid in mine).items() if count > 1] == []
    graded = [uid for row in team.feedback() for uid in row["matched_completion_ids"]]
    assert len(graded) == len(set(graded)) == ITEMS
    assert team.ungraded() == []
    submits = sorted(took for person in people for took, what in person.seconds if "/submit" in what)
    shares = sorted(len(mine) for mine in handed)
    print(
        f"\n{ITEMS} reviews by {REVIEWERS} in {seconds:.1f} s ({ITEMS / seconds:.0f} per s), "
        f"submit p50 {median(submits) * 1000:.0f} ms, max {submits[-1] * 1000:.0f} ms; shares {shares}"
    )
    record_property("reviews_per_second", round(ITEMS / seconds))


def review_all(person: steps.Reviewer, start: str) -> list[str]:
    """Review until nothing is left for her; the ids she was handed, in order."""
    handed = []
    person.get("/")
    forms = person.forms
    # Others may have taken everything before she came.
    if start in forms:
        person.post(start, forms[start].fields)
    while person.is_reviewing:
        handed.append(person.shown)
        assert person.submit() == 200, person.page
    # Whoever is told that nothing is left for her is told the truth: the rest is with the others.
    assert person.path.endswith("/done"), person.path
    found = re.search(r"([0-9]+) of [0-9]+ are done", person.page)
    assert found, person.page
    assert int(found.group(1)) > ITEMS - REVIEWERS, found.group()
    return handed
