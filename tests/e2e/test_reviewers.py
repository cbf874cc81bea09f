"""Eight reviewers at once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e.sides import SCHEMA, Reviewer, add_reviewer, completion, open_api
from tests.instances import Instance

pytestmark = pytest.mark.e2e
ITEMS, REVIEWERS = 200, 8


def test_eight_reviewers_grade_a_queue_of_200_and_none_is_handed_to_two(
    instances: Callable[..., Instance], record_property: Callable[..., None]
) -> None:
    instance = instances("gradebench")
    api = open_api(instance, "team")
    feedback_task = {"name": "Answers", "json_schema": SCHEMA, "completion_tags_selector": ["support"]}
    assert api.post("/api/v1/feedback_task", feedback_task).status_code == 200
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(lambda n: api.post("/api/v1/completions", completion(f"Answer {n}.")), range(ITEMS))
        assert {response.status_code for response in made} == {200}
    names = [f"reviewer{number}" for number in range(REVIEWERS)]
    for name in names:
        add_reviewer(instance, "team", name)

    reviewers = [Reviewer(instance.url, name) for name in names]
    with ThreadPoolExecutor(REVIEWERS) as pool:
        done = list(pool.map(_work, reviewers))
    seconds = sorted(second for _, each in done for second in each)
    record_property("reviews", sum(count for count, _ in done))
    record_property("submit_p50_ms", round(1000 * seconds[len(seconds) // 2]))
    record_property("submit_p95_ms", round(1000 * seconds[len(seconds) * 95 // 100]))

    rows = api.get("/api/v1/feedback", limit="1000").json()["feedback"]
    graded = Counter(row["matched_completion_ids"][0] for row in rows)
    assert len(rows) == ITEMS
    assert set(graded.values()) == {1}
    held = instance.manage("shell", "-v", "0", "-c", _HANDED_OUT).split()
    assert held == [str(ITEMS), "1"], "no item was ever claimed by two"


_HANDED_OUT = (
    "from collections import Counter; from reviews.models import Assignment; "
    "claims = Counter(Assignment.objects.values_list('item_id', flat=True)); "
    "print(len(claims), max(claims.values()))"
)


def _work(reviewer: Reviewer) -> tuple[int, list[float]]:
    """Review until nothing is left; how many, and the seconds of each submit."""
    shown, count, seconds = reviewer.start(), 0, []
    while shown is not None and "/reviews/" in shown.url:
        shown = reviewer.submit(shown)
        assert shown.status_code == requests.codes.ok, shown.text[:2000]
        seconds.append(sum(each.elapsed.total_seconds() for each in [*shown.history, shown]))
        count += 1
    return count, seconds
