"""A review whose document changed while it was written."""

from typing import Any

import orjson
import pytest
from django.db import transaction
from django.utils import timezone

from reviews.models import Completion, Document, Feedback, Queue
from reviews.web.display import ReviewScreen
from reviews.workflow import documents, editing, ingest
from reviews.workflow.audit import Actor
from reviews.workflow.editing import LeafEdit
from tests.web.scene import GOOD, Scene, document, person, scene

pytestmark = pytest.mark.django_db
BASE = "The shop opens at nine and closes at six."
HERS = "The shop opens at eight and closes at six."
NOORS = "The shop opens at nine and closes at five."
BOTH = "The shop opens at eight and closes at five."


def opened(*, pulled: bool = False) -> tuple[Scene, int, dict[str, str]]:
    """A reviewer has an item open, has edited it and chosen a grade, and has not sent it yet."""
    made = scene(items=1, pulled=pulled)
    change(made, BASE)
    Queue.objects.update(reviews_per_completion=2)
    made.completions[0].queue_items.update(reviews_needed=2)
    item = made.start()
    return made, item, made.form(item, **{"edit-0": HERS, "comment": "Keep me.", "v-stars": "4"})


def change(made: Scene, answer: str | None, **members: Any) -> None:
    """The application, or the upstream where there is one, changes the completion."""
    uid, body = made.completions[0].uid, document(answer or "", **members)
    if made.completions[0].upstream_id:
        ingest.take_pulled(made.upstream, uid, body, orjson.dumps(body), asked_at=timezone.now())
    else:
        ingest.receive(made.organization, uid, body)


def late(made: Scene, item: int, posted: dict[str, str]) -> tuple[ReviewScreen, str]:
    """Send the form too late; the screen that comes back, and its text."""
    response = made.client.post(f"/reviews/{item}/submit", posted)
    assert response.status_code == 409
    return response.context["screen"], response.content.decode()


def answer(made: Scene) -> str:
    """The text that stands now."""
    row = Completion.objects.select_related("current").get(pk=made.completions[0].pk)
    text: str = documents.read(row.current)["response"]["choices"][0]["message"]["content"]
    return text


def test_it_shows_what_she_saw_what_stands_there_now_and_what_she_wrote() -> None:
    made, item, posted = opened()
    user, noor = person("noor", made.organization)
    hers = noor.post(f"/queues/{made.queue.pk}/start")["Location"]
    seen = noor.get(hers).context["screen"].document_id
    noor.post(f"{hers}/submit", {"document": str(seen), "v-verdict": GOOD, "edit-0": NOORS})
    screen, text = late(made, item, posted)
    assert screen.errors[0].message.startswith("noor changed this completion while you worked on it.")
    assert screen.errors[0].target == "edit-0"
    met = screen.edits[0].three_way
    assert met is not None
    assert [side.heading.name for side in met.sides] == ["as you opened it", "as it stands now", "your edit"]
    assert met.sides[1].heading.word == "by noor"
    assert "<del>six</del><ins>five</ins>" in text
    assert "<del>nine</del><ins>eight</ins>" in text
    assert screen.edits[0].text == BOTH
    assert Feedback.objects.filter(reviewer=user).exists()
    assert not Feedback.objects.filter(reviewer=made.user).exists()


def test_her_grade_and_comment_are_kept_and_the_next_submit_goes_against_what_stands_now() -> None:
    made, item, posted = opened()
    change(made, NOORS)
    screen, text = late(made, item, posted)
    assert "Keep me." in text
    assert [
        field.value or [choice.label for choice in field.choices if choice.selected] for field in screen.form.fields
    ]
    again = {**posted, "document": str(screen.document_id), "edit-0": screen.edits[0].text}
    assert made.client.post(f"/reviews/{item}/submit", again).status_code == 303
    assert answer(made) == BOTH
    grade = Feedback.objects.get()
    assert (orjson.loads(grade.values_text), grade.comment) == ({"verdict": "good", "stars": 4}, "Keep me.")


def test_it_may_change_once_more() -> None:
    made, item, posted = opened()
    change(made, NOORS)
    screen, _ = late(made, item, posted)
    change(made, NOORS.replace("shop", "store"))
    again = {**posted, "document": str(screen.document_id), "edit-0": screen.edits[0].text}
    screen, _ = late(made, item, again)
    assert screen.edits[0].text == BOTH.replace("shop", "store")


def test_it_names_the_upstream_where_the_change_was_pulled() -> None:
    made, item, posted = opened(pulled=True)
    change(made, NOORS)
    screen, _ = late(made, item, posted)
    assert screen.errors[0].message.startswith("prod changed this completion")


def test_it_says_that_she_changed_it_herself_elsewhere() -> None:
    made, item, posted = opened()
    with transaction.atomic():
        editing.edit(
            made.completions[0].pk,
            [LeafEdit("/response/choices/0/message/content", NOORS)],
            base_id=int(posted["document"]),
            actor=Actor(user=made.user),
        )
    screen, _ = late(made, item, posted)
    assert screen.errors[0].message.startswith("You changed this completion")


def test_without_an_edit_it_shows_what_changed_alone() -> None:
    made, item, posted = opened()
    change(made, NOORS)
    screen, _ = late(made, item, {**posted, "edit-0": BASE})
    met = screen.edits[0].three_way
    assert met is not None
    assert [side.key for side in met.sides] == ["base", "theirs"]
    assert screen.edits[0].text == NOORS
    assert not screen.edits[0].changed


def test_a_change_beside_the_text_leaves_her_edit_as_it_is() -> None:
    made, item, posted = opened()
    change(made, BASE, duration=3)
    screen, _ = late(made, item, posted)
    assert screen.edits[0].three_way is None
    assert screen.edits[0].text == HERS
    assert screen.errors[0].message.endswith("Look at it, then submit again.")


def test_an_edit_whose_place_is_gone_is_shown_for_copying() -> None:
    made, item, posted = opened()
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "refusal": "No."}}
    change(made, None, response={"choices": [choice]})
    screen, text = late(made, item, posted)
    assert screen.lost_edits == (HERS,)
    assert HERS in text
    assert "The answer has no text any more where you edited one" in screen.errors[0].message


@pytest.mark.parametrize("named", ["", "0", "x", "999999", "foreign"])
def test_a_form_that_names_no_document_of_this_completion_keeps_her_text(named: str) -> None:
    made, item, posted = opened()
    other = scene("other", items=1)
    foreign = Document.objects.get(pk=other.completions[0].current_id)
    screen, text = late(made, item, {**posted, "document": str(foreign.pk) if named == "foreign" else named})
    assert screen.errors[0].message.startswith("This completion has changed since you opened it.")
    assert screen.edits[0].text == HERS
    assert "Answer 0." not in text
    assert not Feedback.objects.exists()


def test_a_form_without_a_document_is_refused() -> None:
    made, item, posted = opened()
    del posted["document"]
    screen, _ = late(made, item, posted)
    assert screen.errors[0].message.startswith("This completion has changed since you opened it.")
    assert not Feedback.objects.exists()


def test_somebody_may_be_faster_between_the_look_and_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    made, item, posted = opened()

    def faster(*_: Any) -> tuple[()]:
        monkeypatch.undo()
        change(made, NOORS)
        return ()

    monkeypatch.setattr("reviews.web.edits.changed_leaves", faster)
    screen, _ = late(made, item, posted)
    assert screen.edits[0].text == BOTH
    assert not Feedback.objects.exists()


def test_what_is_wrong_in_the_form_is_said_along_with_it() -> None:
    made, item, posted = opened()
    change(made, NOORS)
    screen, _ = late(made, item, {**posted, "v-verdict": ""})
    assert len(screen.errors) == 2
