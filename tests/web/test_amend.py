"""Undo, back and amend."""

from typing import Any

import orjson
import pytest

from reviews.models import Assignment, Completion, Feedback, Push, PushState
from reviews.workflow import documents, feedback_tasks, grading, ingest
from reviews.workflow.feedback_tasks import Content
from tests.web.scene import GOOD, Scene, document, person, scene

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
BAD = '"bad"'


@pytest.fixture(autouse=True)
def _window(settings: Any) -> None:
    """Time enough for a slow machine."""
    settings.UNDO_SECONDS = 600


def _graded(made: Scene, **posted: str) -> int:
    """The id of an assignment that she has submitted."""
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first, **posted))
    return first


def _values() -> list[Any]:
    return [orjson.loads(row.values_text) for row in Feedback.objects.order_by("pk")]


# Undo ------------------------------------------------------------------------------------------------------------


def test_the_next_screen_offers_to_undo() -> None:
    made = scene()
    first = _graded(made, **{"v-stars": "4"})
    page = made.client.get(f"/reviews/{made.start()}")
    undo = page.context["screen"].undo
    assert (undo.assignment_id, undo.grade) == (first, "good, 4")
    assert b"Graded: <b>good, 4</b>" in page.content


def test_without_a_submit_there_is_nothing_to_undo() -> None:
    made = scene()
    assert made.client.get(f"/reviews/{made.start()}").context["screen"].undo is None


def test_it_brings_everything_back() -> None:
    made = scene(pulled=True)
    first = _graded(made, **{"v-stars": "4", "comment": "Fine.", "edit-0": "Answer nought."})
    made.start()
    answer = made.client.post(f"/reviews/{first}/undo", headers=HTMX)
    assert answer.status_code == 200
    screen = answer.context["screen"]
    chosen = [choice.value for field in screen.form.fields for choice in field.choices if choice.selected]
    assert (chosen, screen.comment, screen.edits[0].text) == ([GOOD, "4"], "Fine.", "Answer nought.")
    assert screen.edits[0].original == "Answer 0."
    assert not Push.objects.filter(state=PushState.WAITING).exists()
    again = made.client.get(f"/reviews/{screen.assignment_id}").context["screen"]
    assert (again.comment, again.undo) == ("Fine.", None)


def test_without_a_script_it_leads_to_the_item() -> None:
    made = scene()
    first = _graded(made)
    second = made.start()
    answer = made.client.post(f"/reviews/{first}/undo")
    assert answer.status_code == 303
    held = Assignment.objects.get(state="held", prefetched=False)
    assert answer["Location"] == f"/reviews/{held.pk}"
    assert held.item.completion == made.completions[0]
    assert Assignment.objects.get(pk=second).prefetched


def test_too_late_it_says_so_and_offers_to_amend(settings: Any) -> None:
    made = scene()
    first = _graded(made)
    made.start()
    settings.UNDO_SECONDS = 0
    answer = made.client.post(f"/reviews/{first}/undo", headers=HTMX)
    assert answer.status_code == 409
    assert answer["HX-Retarget"] == "#undo"
    assert f'href="/reviews/{first}/amend"'.encode() in answer.content
    page = made.client.post(f"/reviews/{first}/undo", follow=True)
    assert b"amend it instead" in page.content
    assert _values() == [{"verdict": "good"}]


def test_only_she_may_undo_and_only_by_post() -> None:
    made = scene()
    first = _graded(made)
    _, other = person("noor", made.organization)
    assert other.post(f"/reviews/{first}/undo").status_code == 404
    assert made.client.get(f"/reviews/{first}/undo").status_code == 405


VERDICT = {"verdict": {"enum": ["good", "bad"]}}


@pytest.mark.parametrize(
    ("properties", "one_key"),
    [
        (VERDICT, "v-verdict"),
        ({**VERDICT, "note": {"type": "string"}}, "v-verdict"),
        # Its key would come too late.
        ({**VERDICT, "severity": {"enum": ["slight", "grave"]}}, ""),
        ({**VERDICT, "about": {"type": "object", "properties": {"sure": {"type": "boolean"}}}}, ""),
    ],
)
def test_one_key_may_grade_where_one_choice_is_all_that_keys_answer(properties: dict[str, Any], one_key: str) -> None:
    made = scene()
    schema = {"type": "object", "properties": properties, "required": ["verdict"]}
    feedback_tasks.revise(made.feedback_task, Content("Support answers", "", schema, ("support",)))
    page = made.client.get(f"/reviews/{made.start()}")
    assert (page.context["screen"].one_key, page.context["screen"].begun) == (one_key, False)
    assert (b"a key grades and goes on" in page.content) == bool(one_key)


def test_the_history_says_what_was_taken_back() -> None:
    made = scene()
    first = _graded(made)
    page = f"/completions/{made.completions[0].pk}"
    assert b"taken back" not in made.client.get(page).content
    made.client.post(f"/reviews/{first}/undo")
    assert b"taken back" in made.client.get(page).content


# Back and amend --------------------------------------------------------------------------------------------------


def test_back_leads_to_what_she_graded_last_and_further() -> None:
    made = scene(items=3)
    first, second = _graded(made), _graded(made)
    back = f"/queues/{made.queue.pk}/back"
    assert made.client.get(back)["Location"] == f"/reviews/{second}/amend"
    assert made.client.get(f"{back}?before={second}")["Location"] == f"/reviews/{first}/amend"
    assert made.client.get(f"{back}?before={first}")["Location"] == f"/reviews/{first}/amend"


def test_back_says_when_there_is_nothing_yet() -> None:
    made = scene()
    made.start()
    page = made.client.get(f"/queues/{made.queue.pk}/back", follow=True)
    assert b"You have not graded anything in this queue yet." in page.content


def test_it_shows_her_grade() -> None:
    made = scene(pulled=True)
    first = _graded(made, **{"v-stars": "4", "comment": "Fine."})
    page = made.client.get(f"/reviews/{first}/amend")
    screen = page.context["screen"]
    chosen = [choice.value for field in screen.form.fields for choice in field.choices if choice.selected]
    assert (chosen, screen.comment, screen.one_key) == ([GOOD, "4"], "Fine.", "")
    assert b"Your grade has not been sent." in page.content
    assert b"Back to where I was" in page.content


def test_it_says_when_the_first_cannot_be_withdrawn() -> None:
    made = scene(pulled=True)
    first = _graded(made)
    Push.objects.update(state=PushState.DELIVERED, delivered_at=made.completions[0].received_at)
    assert b"cannot be withdrawn" in made.client.get(f"/reviews/{first}/amend").content


def _amend(made: Scene, assignment_id: int, **posted: str) -> Any:
    screen = made.client.get(f"/reviews/{assignment_id}/amend").context["screen"]
    form = {"document": str(screen.document_id), "amends": str(screen.amended.feedback_id), "v-verdict": GOOD}
    form |= {box.name: box.text for box in screen.edits}
    return made.client.post(f"/reviews/{assignment_id}/amend", {**form, **posted})


def test_it_amends_and_leads_back_to_where_she_was() -> None:
    made = scene(pulled=True)
    first = _graded(made)
    second = made.start()
    answer = _amend(made, first, **{"v-verdict": BAD, "comment": "No.", "edit-0": "Answer nought."})
    assert answer.status_code == 303
    page = made.client.get(answer["Location"], follow=True)
    assert page.redirect_chain[-1][0] == f"/reviews/{second}"
    assert b"Amended." in page.content
    assert _values() == [{"verdict": "good"}, {"verdict": "bad"}]
    assert "Answer nought." in str(documents.read(Completion.objects.get(pk=made.completions[0].pk).current))
    assert [push.state for push in Push.objects.filter(kind="feedback").order_by("pk")] == ["discarded", "waiting"]


def test_it_keeps_what_she_wrote_when_it_is_refused() -> None:
    made = scene()
    first = _graded(made)
    answer = _amend(made, first, **{"v-verdict": "", "comment": "Keep me."})
    assert answer.status_code == 422
    assert b"Keep me." in answer.content
    assert f'action="/reviews/{first}/amend"'.encode() in answer.content
    assert Feedback.objects.count() == 1


def test_it_holds_a_late_amendment_against_what_came_between() -> None:
    made = scene()
    first = _graded(made)
    seen = made.completions[0].current_id
    ingest.receive(made.organization, made.completions[0].uid, document("Theirs."))
    answer = _amend(made, first, **{"document": str(seen), "edit-0": "Mine."})
    assert answer.status_code == 409
    assert answer.context["screen"].edits[0].three_way is not None
    assert Feedback.objects.count() == 1


def test_what_she_began_to_amend_is_a_draft_of_its_own() -> None:
    made = scene()
    first = _graded(made)
    screen = made.client.get(f"/reviews/{first}/amend").context["screen"]
    form = {"document": str(screen.document_id), "v-verdict": BAD, "comment": "Half a sen"}
    amends = str(screen.amended.feedback_id)
    assert made.client.post(f"/reviews/{first}/draft", {**form, "amends": amends}).status_code == 200
    assert made.client.post(f"/reviews/{first}/draft", form).status_code == 204
    assert made.client.get(f"/reviews/{first}/amend").context["screen"].comment == "Half a sen"


def test_it_knows_nothing_of_what_is_not_graded_or_not_hers() -> None:
    made = scene()
    first = made.start()
    assert made.client.get(f"/reviews/{first}/amend").status_code == 404
    made.client.post(f"/reviews/{first}/submit", made.form(first))
    _, other = person("noor", made.organization)
    assert other.get(f"/reviews/{first}/amend").status_code == 404


def test_what_was_taken_back_cannot_be_amended() -> None:
    made = scene()
    first = _graded(made)
    made.client.post(f"/reviews/{first}/undo")
    assert made.client.get(f"/reviews/{first}/amend").status_code == 404
    assert grading.values_of(Feedback.objects.get()) == {"verdict": "good"}
