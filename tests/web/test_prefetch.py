"""The next item, fetched while this one is read."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from reviews.models import Assignment, Draft, Feedback
from reviews.workflow import ingest
from tests.web.scene import Scene, document, person, scene

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def _fetch(made: Scene, **posted: str) -> Any:
    return made.client.post(f"/queues/{made.queue.pk}/prefetch", posted)


def _submit(made: Scene, assignment_id: int, **posted: str) -> Any:
    return made.client.post(f"/reviews/{assignment_id}/submit", made.form(assignment_id, **posted), headers=HTMX)


def _ready(answer: Any) -> str:
    ready: str = answer.context["screen"].ready
    return ready


def test_it_answers_with_the_fragment_of_the_item_behind() -> None:
    made = scene()
    made.start()
    answer = _fetch(made)
    assert answer.status_code == 200
    assert b"Answer 1." in answer.content
    assert b"<html" not in answer.content
    assert b"hx-swap-oob" not in answer.content
    assert Assignment.objects.get(prefetched=True).item.completion == made.completions[1]


def test_a_page_that_has_it_only_renews_it() -> None:
    made = scene()
    made.start()
    assert _fetch(made, have=_ready(_fetch(made))).status_code == 204
    assert Assignment.objects.held().count() == 2


def test_it_has_nothing_when_nothing_is_free_or_nothing_on_the_screen() -> None:
    made = scene(items=1)
    assert _fetch(made).status_code == 204
    made.start()
    assert _fetch(made).status_code == 204


def test_a_submit_of_a_page_that_has_it_is_answered_in_few_words() -> None:
    made = scene()
    first = made.start()
    ready = _ready(_fetch(made))
    answer = _submit(made, first, ready=ready)
    assert answer.status_code == 200
    assert answer["X-Ready"] == ready
    assert answer["HX-Push-Url"] == f"/reviews/{Assignment.objects.get(state='held').pk}"
    assert b"Answer 1." not in answer.content
    assert b'id="progress"' in answer.content
    assert b"Undo" in answer.content
    assert Feedback.objects.count() == 1


def test_neither_asks_for_more_than_it_shows() -> None:
    made = scene(items=4)
    first = made.start()
    behind = _fetch(made)
    form = made.form(first, ready=_ready(behind))
    with CaptureQueriesContext(connection) as graded:
        assert made.client.post(f"/reviews/{first}/submit", form, headers=HTMX)["X-Ready"] == form["ready"]
    with CaptureQueriesContext(connection) as fetched:
        assert _fetch(made).status_code == 200
    assert (_asked(graded), _asked(fetched)) == (19, 11)


def _asked(captured: CaptureQueriesContext) -> int:
    """How many statements, those that only begin and end something left out."""
    return sum(query["sql"].startswith(("SELECT", "INSERT", "UPDATE", "DELETE")) for query in captured)


def test_a_skip_too() -> None:
    made = scene()
    first = made.start()
    ready = _ready(_fetch(made))
    assert made.client.post(f"/reviews/{first}/skip", {"ready": ready}, headers=HTMX)["X-Ready"] == ready


def test_without_a_script_it_leads_to_the_item_all_the_same() -> None:
    made = scene()
    first = made.start()
    _fetch(made)
    answer = made.client.post(f"/reviews/{first}/submit", made.form(first))
    assert answer["Location"] == f"/reviews/{Assignment.objects.get(state='held').pk}"


def _text_changes(made: Scene) -> None:
    ingest.receive(made.organization, made.completions[1].uid, document("Another answer."))


def _another_took_it(made: Scene) -> None:
    _, other = person("noor", made.organization)
    other.post(f"/queues/{made.queue.pk}/start")


def _a_draft_came(made: Scene) -> None:
    behind = Assignment.objects.get(prefetched=True)
    form = {"document": str(made.completions[1].current_id), "comment": "From another machine."}
    made.client.post(f"/reviews/{behind.pk}/draft", form)
    assert Draft.objects.exists()


@pytest.mark.parametrize("happens", [_text_changes, _another_took_it, _a_draft_came])
def test_what_is_no_longer_so_comes_anew(happens: Any) -> None:
    made = scene(items=3)
    first = made.start()
    ready = _ready(_fetch(made))
    if happens is _another_took_it:
        # Nothing else is free, so what waits behind her screen is given up.
        made.completions[2].queue_items.update(places_taken=1)
    happens(made)
    answer = _submit(made, first, ready=ready)
    assert "X-Ready" not in answer
    if happens is _text_changes:
        assert b"Another answer." in answer.content
    if happens is _a_draft_came:
        assert b"From another machine." in answer.content


def test_it_tells_whoever_is_signed_out_and_knows_no_queue_of_others() -> None:
    made, other = scene("acme"), scene("other")
    assert Client().post(f"/queues/{made.queue.pk}/prefetch").status_code == 401
    assert made.client.post(f"/queues/{other.queue.pk}/prefetch").status_code == 404
    assert made.client.get(f"/queues/{made.queue.pk}/prefetch").status_code == 405


def test_the_end_of_the_queue_says_that_others_hold_the_rest() -> None:
    made = scene(items=1)
    made.start()
    _, other = person("noor", made.organization)
    page = other.get(other.post(f"/queues/{made.queue.pk}/start")["Location"])
    assert b"1 is with other reviewers" in page.content
