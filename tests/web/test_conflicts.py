"""The conflict page."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from reviews.models import Assignment, AuditEvent, Completion, Document, Feedback, Push, PushState, Queue, Revision
from reviews.web.display_conflicts import ConflictPage
from reviews.workflow import conflicts, documents, ingest
from tests.web.scene import Scene, document, person, scene

pytestmark = pytest.mark.django_db
BASE = "The shop opens at nine and closes at six."
OURS = "The shop opens at eight and closes at six."
THEIRS = "The shop opens at nine and closes at five."
BOTH = "The shop opens at eight and closes at five."
CLASHING = "The shop opens at ten and closes at six."
TEXT = "text/response/choices/0/message/content"


class Case:
    """An edit of a reviewer that met something, the reviewer who made it, and a lead."""

    def __init__(self, made: Scene) -> None:
        self.scene = made
        self.author = made.client
        _, self.lead = person(f"lea-{made.organization.slug}", made.organization, "lead")
        self.pk = made.completions[0].pk

    @property
    def completion(self) -> Completion:
        """As it stands now."""
        return Completion.objects.select_related("current").get(pk=self.pk)

    @property
    def answer(self) -> str:
        """The text that stands now."""
        text: str = documents.read(self.completion.current)["response"]["choices"][0]["message"]["content"]
        return text

    @property
    def edit(self) -> Push:
        """The newest push of an edit."""
        return Push.objects.filter(completion=self.pk, kind="update").latest("pk")

    @property
    def grade(self) -> Push:
        """The push of the reviewer's grade."""
        return Push.objects.filter(completion=self.pk, kind="feedback").latest("pk")

    @property
    def address(self) -> str:
        """Where it is decided."""
        return f"/completions/{self.pk}/conflict"

    def page(self, client: Client | None = None) -> ConflictPage:
        """What the page shows to the lead, or to somebody else."""
        shown: ConflictPage = (client or self.lead).get(self.address).context["page"]
        return shown

    def decide(
        self,
        choice: str,
        posted: dict[str, str] | None = None,
        *,
        by: Client | None = None,
        page: ConflictPage | None = None,
    ) -> Any:
        """Send the form of a page, the one that stands now unless given, with `posted` on top."""
        page = page or self.page(by)
        ids = {"theirs": str(page.theirs_id), "ours": str(page.ours_id)}
        boxes = {box.name: box.text for box in page.boxes if box.editable}
        return (by or self.lead).post(self.address, {"choice": choice, **ids, **boxes, **(posted or {})})

    def they_say(self, text: str | None, **members: Any) -> None:
        """The upstream lists the completion with another answer."""
        body = document(text or "", **members)
        uid, upstream = self.completion.uid, self.scene.upstream
        ingest.take_pulled(upstream, uid, body, orjson.dumps(body), asked_at=timezone.now())


def edited(slug: str = "acme", *, text: str = OURS, comment: str = "") -> Case:
    """A completion that a reviewer edited and graded; nothing has left yet."""
    made = scene(slug, pulled=True, items=1)
    case = Case(made)
    case.they_say(BASE)
    item = made.start()
    made.client.post(f"/reviews/{item}/submit", made.form(item, **{"edit-0": text, "comment": comment}))
    return case


def changed(slug: str = "acme", *, theirs: str = THEIRS) -> Case:
    """The upstream changed what she edited."""
    case = edited(slug, comment="They open at eight.")
    case.they_say(theirs)
    return case


def refused() -> Case:
    """The upstream refused the edit for good."""
    case = edited()
    said = "The upstream answered 422: no edits on Sundays."
    Push.objects.filter(pk=case.edit.pk).update(state=PushState.ATTENTION, last_error=said, attempts=1)
    return case


def absent() -> Case:
    """The upstream no longer lists the completion."""
    case = edited()
    Push.objects.filter(pk=case.edit.pk).update(state=PushState.ABSENT, last_error="It is no longer listed.")
    return case


def dropped() -> Case:
    """The upstream said that it had the edit, and lists the text from before it."""
    case = edited()
    past = timezone.now() - timedelta(minutes=5)
    Push.objects.filter(pk=case.edit.pk).update(state=PushState.DELIVERED, delivered_at=past)
    Completion.objects.filter(pk=case.pk).update(upstream_document=case.completion.current_id)
    case.they_say(BASE)
    return case


# What it shows ---------------------------------------------------------------------------------------------------


def test_it_shows_three_texts_with_the_changed_words_marked() -> None:
    case = changed()
    response = case.lead.get(case.address)
    assert response.status_code == 200
    for words in (b"as we pulled it", b"prod now", b"mira-acme&#x27;s edit", b"<del>six</del><ins>five</ins>"):
        assert words in response.content
    assert b"<del>nine</del><ins>eight</ins>" in response.content


def test_it_prefills_the_merge_and_makes_it_the_one_filled_button_when_it_is_clean() -> None:
    page = changed().page()
    assert [box.text for box in page.boxes] == [BOTH]
    assert [(choice.value, choice.primary) for choice in page.choices] == [
        ("merged", True),
        ("ours", False),
        ("theirs", False),
    ]


def test_it_says_how_many_places_clash_and_where() -> None:
    page = changed(theirs=CLASHING).page()
    (clash,) = page.boxes[0].three_way.clashes
    assert (clash.before, clash.theirs, clash.ours, clash.after) == (
        "The shop opens at",
        "ten",
        "eight",
        "and closes at six.",
    )
    assert page.boxes[0].text == OURS
    assert not any(choice.primary for choice in page.choices)
    assert "1 place in it clashes" in page.choices[0].words


def test_it_lists_what_the_upstream_changed_beside_the_text() -> None:
    case = edited()
    answer = {"index": 0, "message": {"role": "assistant", "content": THEIRS}}
    case.they_say(None, response={"choices": [answer], "model": "newer"})
    page = case.page()
    assert [(row.pointer, row.before, row.after) for row in page.their_changes] == [("/response/model", "", "newer")]
    assert "also in 1 place beside the text" in page.choices[1].words


def test_it_calls_her_own_edit_hers() -> None:
    case = changed()
    assert case.page(case.author).title == "prod changed this answer after your edit"


def test_it_asks_whether_the_grade_that_waits_still_stands() -> None:
    (grade,) = changed().page().grades
    assert (grade.by, grade.values, grade.comment) == ("mira-acme", (("verdict", "good"),), "They open at eight.")
    assert not grade.withdrawn


# The choices -----------------------------------------------------------------------------------------------------


def test_the_merge_goes_out_after_the_time_in_which_it_may_be_undone() -> None:
    case = changed()
    response = case.decide("merged")
    assert (response.status_code, response["Location"]) == (303, f"/completions/{case.pk}")
    assert case.answer == BOTH
    assert case.edit.state == PushState.WAITING
    assert case.edit.not_before > timezone.now()
    assert b"The merge leaves for prod in" in case.lead.get(response["Location"]).content


def test_a_merge_made_by_hand_goes_out_as_it_was_written() -> None:
    case = changed()
    case.decide("merged", {TEXT: "Eight\r\nto five."})
    assert case.answer == "Eight\nto five."


def test_ours_goes_out_over_their_change() -> None:
    case = changed()
    case.decide("ours")
    assert case.answer == OURS
    assert case.edit.state == PushState.WAITING
    assert case.completion.conflict_document is None


def test_theirs_stands_and_nothing_is_sent() -> None:
    case = changed()
    case.decide("theirs")
    assert case.answer == THEIRS
    assert not Push.objects.filter(kind="update").undecided().exists()
    assert case.grade.state == PushState.WAITING


@pytest.mark.parametrize("choice", ["merged", "theirs"])
def test_a_withdrawn_grade_is_not_sent_and_the_completion_is_offered_again(choice: str) -> None:
    case = changed()
    (grade,) = case.page().grades
    response = case.decide(choice, {grade.name: "withdrawn"})
    assert case.grade.state == PushState.DISCARDED
    assert Assignment.objects.get().requeued_at is not None
    page = case.lead.get(response["Location"])
    assert b"1 grade is withdrawn" in page.content
    assert b"Not sent. The grade was withdrawn" in page.content


def test_with_ours_every_grade_stands() -> None:
    case = changed()
    (grade,) = case.page().grades
    case.decide("ours", {grade.name: "withdrawn"})
    assert case.grade.state == PushState.WAITING


def test_the_author_of_the_edit_decides_too() -> None:
    case = changed()
    assert case.decide("theirs", by=case.author).status_code == 303
    assert case.answer == THEIRS
    assert AuditEvent.objects.get(action="conflict.resolve").user == case.scene.user


def test_it_goes_on_to_the_next_conflict_and_says_how_many_there_are() -> None:
    first = changed()
    upstream, made = first.scene.upstream, first.scene
    body = document(BASE)
    ingest.take_pulled(upstream, "second", body, orjson.dumps(body), asked_at=timezone.now())
    item = made.start()
    made.client.post(f"/reviews/{item}/submit", made.form(item, **{"edit-0": OURS}))
    body = document(THEIRS)
    second = ingest.take_pulled(upstream, "second", body, orjson.dumps(body), asked_at=timezone.now()).completion
    assert first.page().more == 1
    response = first.decide("merged")
    assert response["Location"] == f"/completions/{second.pk}/conflict"
    assert b"1 more to decide." in first.lead.get(response["Location"]).content


# Other reasons ---------------------------------------------------------------------------------------------------


def test_a_refused_edit_shows_the_words_of_the_upstream_and_is_pushed_again() -> None:
    case = refused()
    page = case.page()
    assert page.words == "The upstream answered 422: no edits on Sundays."
    assert [choice.label for choice in page.choices] == ["Push again", "Send the text in the box", "Give it up"]
    case.decide("ours")
    assert (case.edit.state, case.answer, Revision.objects.filter(origin="resolution").count()) == ("waiting", OURS, 0)


def test_a_refused_edit_can_be_changed_or_given_up() -> None:
    case = refused()
    case.decide("merged", {TEXT: "Eight to six."})
    assert (case.answer, case.edit.state) == ("Eight to six.", PushState.WAITING)
    Push.objects.filter(pk=case.edit.pk).update(state=PushState.ATTENTION)
    case.decide("theirs")
    assert case.answer == BASE
    assert not Push.objects.filter(kind="update").undecided().exists()


def test_an_edit_of_a_completion_that_is_no_longer_listed_is_sent_anyway_or_given_up() -> None:
    case = absent()
    page = case.page()
    assert [choice.label for choice in page.choices] == ["Send ours anyway", "Give it up"]
    assert [side.key for side in page.boxes[0].three_way.sides] == ["theirs", "ours"]
    assert case.decide("merged").status_code == 422
    case.decide("ours")
    assert case.edit.state == PushState.WAITING
    Push.objects.filter(pk=case.edit.pk).update(state=PushState.ABSENT)
    case.decide("theirs")
    assert case.answer == BASE


def test_an_edit_that_was_lost_there_is_sent_again() -> None:
    case = dropped()
    page = case.page()
    assert page.title == "prod lost mira-acme's edit"
    assert [choice.label for choice in page.choices if choice.primary] == ["Send ours again"]
    case.decide("ours")
    assert (case.answer, case.edit.state) == (OURS, PushState.WAITING)


def test_it_can_be_decided_where_they_have_no_text_any_more() -> None:
    case = edited()
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer = {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [call]}}
    case.they_say(None, response={"choices": [answer]})
    page = case.page()
    assert page.boxes[0].three_way.sides[1].missing == "prod has no text at this place any more."
    assert [choice.value for choice in page.choices] == ["ours", "theirs"]
    assert case.decide("merged").status_code == 422
    assert case.decide("ours").status_code == 303


# Too late, not allowed, odd --------------------------------------------------------------------------------------


def test_it_writes_nothing_when_the_upstream_moved_again_and_keeps_what_was_written() -> None:
    case = changed()
    page = case.page()
    case.they_say("Closed on Sundays.")
    response = case.decide("merged", {TEXT: "Mine, by hand."}, page=page)
    assert response.status_code == 409
    assert b"Closed on Sundays." in response.content.replace(b"<ins>", b"").replace(b"</ins>", b"")
    assert b"Mine, by hand." in response.content
    assert b"What you wrote is still in the box." in response.content
    assert case.answer == OURS
    assert case.edit.state == PushState.CONFLICT
    now = response.context["page"]
    assert case.decide("merged", {TEXT: "Mine, by hand."}, page=now).status_code == 303
    assert case.answer == "Mine, by hand."


def test_somebody_else_may_have_decided_meanwhile() -> None:
    case = changed()
    page = case.page(case.author)
    case.decide("theirs")
    late = case.decide("ours", by=case.author, page=page)
    assert (late.status_code, late["Location"]) == (303, f"/completions/{case.pk}")
    assert case.answer == THEIRS
    # A text that was made by hand is shown once more.
    late = case.decide("merged", {TEXT: "Mine, by hand."}, by=case.author, page=page)
    assert late.status_code == 409
    assert b"Mine, by hand." in late.content


def test_somebody_may_push_again_between_the_look_and_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    case = refused()
    resolve = conflicts.resolve

    def second(*args: Any, **named: Any) -> Any:
        monkeypatch.undo()
        case.decide("ours", by=case.author)
        return resolve(*args, **named)

    page = case.page()
    monkeypatch.setattr(conflicts, "resolve", second)
    response = case.decide("theirs", page=page)
    assert (response.status_code, response["Location"]) == (303, f"/completions/{case.pk}")
    assert (case.answer, case.edit.state) == (OURS, PushState.WAITING)


def test_nothing_to_decide_leads_to_the_completion() -> None:
    case = edited()
    response = case.lead.get(case.address)
    assert (response.status_code, response["Location"]) == (303, f"/completions/{case.pk}")
    assert b"Nothing is left to decide here." in case.lead.get(response["Location"]).content


def test_somebody_who_may_only_read_it_is_told_so() -> None:
    case = changed()
    _, reader = person("noor", case.scene.organization)
    for response in (reader.get(case.address), reader.post(case.address, {"choice": "theirs"})):
        assert response.status_code == 403
        assert b"Only a lead, or whoever made the edit, decides about it." in response.content
    assert case.answer == OURS
    assert case.completion.conflict_document is not None


def test_it_does_not_know_a_conflict_of_another_organization() -> None:
    case, other = changed(), changed("other")
    assert case.lead.get(other.address).status_code == 404
    assert case.lead.post(other.address, {"choice": "theirs"}).status_code == 404
    assert case.lead.get("/completions/999999/conflict").status_code == 404


def test_a_visitor_signs_in_first() -> None:
    case = changed()
    assert Client().get(case.address)["Location"].startswith("/sign-in")


def test_other_methods_are_refused() -> None:
    case = changed()
    assert case.lead.put(case.address).status_code == 405
    assert case.lead.delete(case.address).status_code == 405


def test_a_form_without_a_choice_is_shown_again() -> None:
    case = changed()
    response = case.decide("everything", {TEXT: "Mine, by hand."})
    assert response.status_code == 422
    assert b"Mine, by hand." in response.content
    assert case.edit.state == PushState.CONFLICT


def test_a_text_that_cannot_be_taken_is_shown_again_with_the_reason() -> None:
    case = changed()
    response = case.decide("merged", {TEXT: "x" * 4_000_001})
    assert response.status_code == 422, response.status_code
    assert b"The text is longer than 4,000,000 characters." in response.content
    assert case.edit.state == PushState.CONFLICT


def test_documents_that_were_purged_are_answered_with_a_sentence() -> None:
    case = changed()
    QuerySet(Document).filter(pk=case.completion.current_id).update(encoding="purged", data=b"")
    response = case.lead.get(case.address)
    assert response.status_code == 200
    assert b"The text of this completion was purged." in response.content
    assert response.context["page"].choices == ()


def test_a_blind_queue_hides_the_grades_of_others_from_the_author_of_the_edit() -> None:
    made = scene(pulled=True, items=1)
    Queue.objects.update(reviews_per_completion=3)
    made.completions[0].queue_items.update(reviews_needed=3)
    case = Case(made)
    _, noor = person("noor", made.organization)
    item = int(noor.post(f"/queues/{made.queue.pk}/start")["Location"].rsplit("/", 1)[1])
    noor.post(f"/reviews/{item}/submit", {**_fields(noor, item), "v-verdict": '"bad"', "comment": "Secret."})
    item = made.start()
    made.client.post(f"/reviews/{item}/submit", made.form(item, **{"edit-0": OURS}))
    case.they_say(THEIRS)
    page, hers = case.page(case.author), Feedback.objects.get(comment="Secret.")
    assert ([grade.by for grade in page.grades], page.hidden_grades) == (["mira-acme"], 1)
    assert b"Secret." not in case.author.get(case.address).content
    assert len(case.page().grades) == 2
    # What she cannot see she cannot withdraw.
    case.decide("theirs", {f"grade-{hers.pk}": "withdrawn"}, by=case.author)
    assert Push.objects.get(feedback=hers).state == PushState.WAITING


def _fields(client: Client, item: int) -> dict[str, str]:
    screen = client.get(f"/reviews/{item}").context["screen"]
    return {"document": str(screen.document_id), "edit-0": screen.edits[0].text}


# Where it is seen ------------------------------------------------------------------------------------------------


def test_the_completion_and_its_history_lead_to_the_decision_those_who_may_take_it() -> None:
    case = changed()
    _, reader = person("noor", case.scene.organization)
    page = f"/completions/{case.pk}"
    assert case.lead.get(page).content.count(f'href="{case.address}"'.encode()) == 2
    assert case.address.encode() in case.author.get(page).content
    content = reader.get(page).content
    assert case.address.encode() not in content
    assert b"Conflict: prod changed this completion after we pulled it. Nothing was sent." in content


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (absent, b"Waits for a decision: prod no longer lists it."),
        (refused, b"Needs attention: The upstream answered 422: no edits on Sundays."),
        (dropped, b"Conflict: prod no longer lists the text that it was sent."),
    ],
)
def test_the_completion_says_what_it_waits_for(make: Any, words: bytes) -> None:
    case = make()
    content = case.lead.get(f"/completions/{case.pk}").content
    assert words in content
    assert case.address.encode() in content


@pytest.mark.parametrize(
    ("choice", "deed"),
    [
        ("ours", "kept ours over prod's change"),
        ("theirs", "took prod's text"),
        ("merged", "merged ours into prod's text"),
    ],
)
def test_the_history_says_what_was_decided(choice: str, deed: str) -> None:
    case = changed()
    case.decide(choice)
    page = case.lead.get(f"/completions/{case.pk}").context["page"]
    newest = page.revisions[0]
    assert (newest.by, newest.deed) == ("lea-acme", deed)
    assert [row.deed for row in page.revisions[1:]] == ["edit", "pull"]
