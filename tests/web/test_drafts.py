"""Drafts on the review screen: kept by a request, put back when it opens, offered where the text has changed."""

from typing import Any

import pytest
from django.test import Client

from reviews.models import Draft
from reviews.workflow import ingest
from tests.web.scene import Scene, document, person, scene

pytestmark = pytest.mark.django_db


def _save(made: Scene, assignment_id: int, **posted: str) -> Any:
    return made.client.post(f"/reviews/{assignment_id}/draft", made.form(assignment_id, **posted))


def _screen(made: Scene, assignment_id: int, query: str = "") -> Any:
    return made.client.get(f"/reviews/{assignment_id}{query}").context["screen"]


def test_it_says_when_it_was_saved_and_until_when_the_item_is_hers() -> None:
    made = scene()
    answer = _save(made, made.start(), comment="Half a sen")
    assert answer.status_code == 200
    assert set(answer.json()) == {"saved_at", "held_until"}
    assert answer.json()["saved_at"] == Draft.objects.get().saved_at.isoformat()


def test_the_screen_opens_with_it() -> None:
    made = scene()
    first = made.start()
    _save(made, first, **{"comment": "Half a sen", "v-verdict": '"bad"', "v-stars": "4", "edit-0": "Answer nought."})
    screen = _screen(made, first)
    chosen = [choice.value for field in screen.form.fields for choice in field.choices if choice.selected]
    assert chosen == ['"bad"', "4"]
    assert (screen.comment, screen.edits[0].text, screen.begun) == ("Half a sen", "Answer nought.", True)
    assert screen.progress.saved_at == Draft.objects.get().saved_at
    assert screen.errors == ()


def test_it_opens_without_a_word_about_what_is_missing() -> None:
    made = scene()
    first = made.start()
    _save(made, first, **{"v-verdict": "", "comment": "Not yet."})
    screen = _screen(made, first)
    assert screen.form.error == ""
    assert [field.error for field in screen.form.fields] == ["", ""]


def test_it_opens_with_it_on_another_machine_and_after_the_claim_ran_out_and_was_taken_again() -> None:
    made = scene(items=1)
    first = made.start()
    _save(made, first, comment="Half a sen")
    made.client.post(f"/reviews/{first}/skip")
    elsewhere = Client()
    elsewhere.force_login(made.user)
    assert b"Half a sen" in elsewhere.get(f"/reviews/{first}").content


def test_it_ends_with_the_submit() -> None:
    made = scene()
    first = made.start()
    _save(made, first)
    made.client.post(f"/reviews/{first}/submit", made.form(first))
    assert not Draft.objects.exists()
    late = made.client.post(f"/reviews/{first}/draft", {"document": str(made.completions[0].current_id)})
    assert late.status_code == 204
    assert not Draft.objects.exists()


def test_of_another_text_it_is_offered_and_not_applied() -> None:
    made = scene()
    first = made.start()
    _save(made, first, **{"comment": "Half a sen", "edit-0": "Answer nought."})
    ingest.receive(made.organization, made.completions[0].uid, document("Another answer."))
    page = made.client.get(f"/reviews/{first}")
    screen = page.context["screen"]
    assert (screen.comment, screen.edits[0].text) == ("", "Another answer.")
    assert screen.offered is not None
    assert b"You wrote something before the text changed" in page.content
    used = _screen(made, first, f"?draft={screen.offered.id}")
    assert used.comment == "Half a sen"
    assert used.edits[0].three_way is not None
    assert Draft.objects.count() == 1


def test_it_is_thrown_away_when_she_says_so() -> None:
    made = scene()
    first = made.start()
    _save(made, first)
    ingest.receive(made.organization, made.completions[0].uid, document("Another answer."))
    draft = Draft.objects.get()
    assert made.client.get(f"/reviews/{first}/draft/drop").status_code == 405
    assert made.client.post(f"/reviews/{first}/draft/drop", {"draft": str(draft.pk)}).status_code == 303
    assert not Draft.objects.exists()


def test_it_refuses_what_is_too_long_in_a_sentence(settings: Any) -> None:
    settings.DRAFT_MAX_BYTES = 4096
    made = scene()
    answer = _save(made, made.start(), comment="a" * 5000)
    assert answer.status_code == 413
    assert "4 KB" in answer.json()["error"]


def test_it_refuses_a_draft_of_a_text_that_the_completion_never_had() -> None:
    made = scene()
    first = made.start()
    assert _save(made, first, document=str(made.completions[1].current_id)).status_code == 422
    assert _save(made, first, document="").status_code == 422


def test_it_tells_whoever_is_signed_out() -> None:
    made = scene()
    first = made.start()
    assert Client().post(f"/reviews/{first}/draft").status_code == 401


def test_it_does_not_know_the_draft_of_somebody_else() -> None:
    made = scene()
    first = made.start()
    _save(made, first, comment="Mine.")
    draft = Draft.objects.get()
    _, other = person("noor", made.organization)
    for path in ("draft", "draft/drop"):
        assert other.post(f"/reviews/{first}/{path}", {"draft": str(draft.pk)}).status_code == 404
    second = int(other.post(f"/queues/{made.queue.pk}/start")["Location"].rsplit("/", 1)[1])
    assert b"Mine." not in other.get(f"/reviews/{second}?draft={draft.pk}").content
    assert Draft.objects.count() == 1


@pytest.mark.parametrize("named", ["x", "-1", "9" * 30, "٣"])
def test_an_address_that_names_no_draft_is_the_screen_as_it_is(named: str) -> None:
    made = scene()
    first = made.start()
    assert made.client.get(f"/reviews/{first}?draft={named}").status_code == 200
