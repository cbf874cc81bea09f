"""Feedback tasks for leads: the list, making, changing, preview, archive."""

import json
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reviews.models import FeedbackTask, Queue, QueueItem
from reviews.workflow import feedback_tasks
from tests import factories
from tests.web.scene import SCHEMA, Scene, document, person, scene

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def _said(response: Any) -> list[str]:
    """The last sentence; earlier ones wait until a page shows them."""
    return [str(message) for message in get_messages(response.wsgi_request)][-1:]


def _path(made: Scene, rest: str = "") -> str:
    return f"/feedback-tasks/{made.feedback_task.pk}{rest}"


def _form(made: Scene, **posted: Any) -> dict[str, Any]:
    """What the browser posts for a feedback task as it stands, with `posted` on top."""
    form = made.client.get(_path(made)).context["page"].form
    said = {"name": form.name, "instruction": form.instruction, "schema": form.schema}
    return {**said, "seen": form.seen, "tag": [*form.tags, "", ""], **posted}


# The list --------------------------------------------------------------------------------------------------------


def test_it_lists_what_there_is() -> None:
    made = scene(items=2, role="lead")
    (row,) = made.client.get("/feedback-tasks").context["page"].rows
    assert (row.name, row.origin, row.tags, row.items, row.revision) == (
        "Support answers",
        "made here",
        ("support",),
        2,
        1,
    )


def test_it_says_what_a_feedback_task_is_when_there_is_none() -> None:
    _, lead = person("lena", factories.organization(), "lead")
    assert b"No feedback tasks yet" in lead.get("/feedback-tasks").content


def test_it_asks_the_same_number_of_questions_for_many(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    made = scene(role="lead")
    for _ in range(5):
        factories.feedback_task(made.organization)
    with django_assert_max_num_queries(9):
        made.client.get("/feedback-tasks")


# Making and changing ---------------------------------------------------------------------------------------------


def test_it_makes_one_and_goes_on_to_its_queue() -> None:
    made = scene(items=2, role="lead")
    posted = {
        "name": " Tone ",
        "instruction": "Read.\r\nThen grade.",
        "schema": json.dumps(SCHEMA),
        "tag": [" support ", "support", ""],
    }
    response = made.client.post("/feedback-tasks/new", posted)
    task = FeedbackTask.objects.get(name="Tone")
    assert response["Location"] == f"/queues/{task.queue.pk}/settings"
    assert task.current_revision is not None
    assert (task.current_revision.instruction, task.current_revision.created_by) == ("Read.\nThen grade.", made.user)
    assert feedback_tasks.selector_names(task) == ["support"]
    assert QueueItem.objects.filter(queue=task.queue).count() == 2


def test_a_new_one_begins_with_a_schema_that_works() -> None:
    made = scene(role="lead")
    page = made.client.get("/feedback-tasks/new").context["page"]
    assert feedback_tasks.read_schema(page.form.schema)
    assert page.preview.form.fields[0].label == "Verdict"


@pytest.mark.parametrize("example", ["yes-no", "scale", "choice"])
def test_an_example_takes_the_place_of_the_schema_alone(example: str) -> None:
    made = scene(role="lead")
    posted = {"name": "Mine", "instruction": "Kept.", "schema": "{", "tag": ["support"], "example": example}
    page = made.client.post("/feedback-tasks/new/preview", posted).context["page"]
    assert (page.form.name, page.form.instruction, page.form.tags) == ("Mine", "Kept.", ("support",))
    assert page.preview.form is not None
    assert page.form.errors == {}
    assert FeedbackTask.objects.count() == 1


def test_it_changes_one_in_a_new_revision() -> None:
    made = scene(items=1, role="lead")
    claim = made.start()
    made.client.post(f"/reviews/{claim}/submit", made.form(claim))
    response = made.client.post(_path(made), _form(made, name="Support", tag=["other"]))
    assert _said(response) == ["Saved as revision 2."]
    page = made.client.get(_path(made)).context["page"]
    assert [(line.number, line.grades) for line in page.revisions] == [(2, 0), (1, 1)]
    assert page.form.tags == ("other",)


def test_nothing_is_a_revision_when_nothing_changes() -> None:
    made = scene(role="lead")
    assert _said(made.client.post(_path(made), _form(made))) == ["Nothing was changed."]
    assert made.feedback_task.revisions.count() == 1


@pytest.mark.parametrize(
    ("changed", "part", "sentence"),
    [
        ({"schema": "{"}, "schema", "The schema is not valid JSON"),
        ({"schema": '{"type": "string"}'}, "schema", "The schema must describe an object"),
        ({"name": " \x00"}, "name", "Give it a name"),
        ({"instruction": "x" * 20_001}, "instruction", "At most 20,000"),
        ({"tag": ["x" * 256]}, "selector", "At most 100 tags"),
    ],
)
def test_it_says_what_cannot_be_and_keeps_what_was_written(changed: dict[str, Any], part: str, sentence: str) -> None:
    made = scene(role="lead")
    response = made.client.post(_path(made), _form(made, **changed))
    page = response.context["page"]
    assert response.status_code == 422
    assert list(page.form.errors) == [part]
    assert page.form.errors[part].startswith(sentence)
    assert page.form.schema == changed.get("schema", page.form.schema)
    assert made.feedback_task.revisions.count() == 1


def test_the_second_of_two_leads_sees_both_and_loses_nothing() -> None:
    made = scene(role="lead")
    _, other = person("lena", made.organization, "lead")
    hers = _form(made, instruction="Hers.")
    other.post(_path(made), _form(made, instruction="Theirs.", name="Renamed"))
    response = made.client.post(_path(made), hers)
    form = response.context["page"].form
    assert response.status_code == 409
    assert (form.instruction, form.theirs.by, form.theirs.instruction) == ("Hers.", "lena", "Theirs.")
    assert b"lena saved another version while you wrote." in response.content
    assert made.client.post(_path(made), {**hers, "seen": form.seen}).status_code == 303
    assert [row.instruction for row in made.feedback_task.revisions.order_by("number")] == [
        "Read the policy.",
        "Theirs.",
        "Hers.",
    ]


def test_a_tag_with_spaces_around_it_is_left_as_it_is() -> None:
    made = scene(role="lead")
    feedback_tasks.revise(made.feedback_task, factories.content(name="Support answers", selector=[" spaced "]))
    made.client.post(_path(made), _form(made, instruction="Other."))
    assert feedback_tasks.selector_names(made.feedback_task) == [" spaced "]


def test_a_pulled_one_is_read_only() -> None:
    made = scene(role="lead", pulled=True)
    response = made.client.get(_path(made))
    assert b"read-only here" in response.content
    assert b"<textarea" not in response.content.split(b'id="preview"')[0]
    assert made.client.post(_path(made), {"name": "x"}).status_code == 403
    assert made.feedback_task.revisions.count() == 1


def test_it_says_how_far_its_backlog_is() -> None:
    made = scene(items=3, role="lead")
    first = made.completions[0].pk
    FeedbackTask.objects.update(routed_through=first)
    assert b"1 of 3 offered so far" in made.client.get(_path(made)).content
    assert made.client.get("/feedback-tasks").context["page"].rows[0].offering


# The preview -----------------------------------------------------------------------------------------------------


def _preview(made: Scene, **posted: Any) -> Any:
    said = {"name": "Tone", "instruction": "", "schema": json.dumps(SCHEMA), "tag": ["support"], **posted}
    return made.client.post(_path(made, "/preview"), said, headers=HTMX)


def test_the_preview_is_the_form_that_reviewers_get() -> None:
    made = scene(items=1, role="lead")
    shown = made.client.get(f"/reviews/{made.start()}").context["screen"].form
    response = _preview(made)
    assert response.context["preview"].form == shown
    assert b"It selects 1 completion now." in response.content
    assert b"<html" not in response.content
    assert made.feedback_task.revisions.count() == 1


def test_the_preview_says_what_is_wrong_beside_the_schema() -> None:
    made = scene(role="lead")
    response = _preview(made, schema="{")
    assert (
        b'id="schema-said" class="error" role="status" hx-swap-oob="true">The schema is not valid JSON'
        in response.content
    )
    assert b"No form yet" in response.content


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ([""], "No tags, so it selects nothing."),
        (["support", "unheard"], "No completion has had the tag unheard so far"),
        (["support"], "It selects more than 2 completions now."),
    ],
)
def test_the_preview_counts_what_the_tags_match(
    tags: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.web.feedback_tasks.MOST_MATCHED", 2)
    made = scene(items=3, role="lead")
    assert sentence in _preview(made, tag=tags).content.decode()


def test_without_a_script_the_preview_is_the_page_as_it_is_written() -> None:
    made = scene(role="lead")
    page = made.client.post(_path(made, "/preview"), _form(made, name="Not saved")).context["page"]
    assert (page.form.name, page.preview.name, page.name) == ("Not saved", "Not saved", "Support answers")


# Archive ---------------------------------------------------------------------------------------------------------


def test_it_is_archived_and_brought_back() -> None:
    made = scene(items=2, role="lead")
    claim = made.start()
    assert b"1 reviewer holds one now and is told." in made.client.get(_path(made)).content
    assert _said(made.client.post(_path(made, "/archive"))) == ["Archived. 2 open items were withdrawn."]
    assert (
        b"This item left the queue: its feedback task was archived."
        in made.client.get(f"/reviews/{claim}/claim").content
    )
    assert made.client.get("/").context["queues"] == []
    page = made.client.get("/feedback-tasks").context["page"]
    assert (page.rows, len(page.archived)) == ((), 1)
    assert _said(made.client.post(_path(made, "/restore"))) == ["Brought back. 2 items are open again."]
    assert made.start()


# Who may ---------------------------------------------------------------------------------------------------------


def test_neither_a_reviewer_nor_another_organization_may() -> None:
    made = scene(items=1)
    other = scene("other", role="lead")
    assert made.client.get("/feedback-tasks").status_code == 403
    assert made.client.get("/feedback-tasks/new").status_code == 403
    assert made.client.post("/feedback-tasks/new/preview").status_code == 403
    for client in (made.client, other.client):
        assert client.get(_path(made)).status_code == 404
        for rest in ("", "/preview", "/archive", "/restore"):
            assert client.post(_path(made, rest), {"name": "x"}).status_code == 404
    assert Client().get("/feedback-tasks")["Location"].startswith("/sign-in")
    _, lead = person("lena", made.organization, "lead")
    for rest in ("/preview", "/archive", "/restore"):
        assert lead.get(_path(made, rest)).status_code == 405


def test_one_is_made_where_she_leads_alone() -> None:
    made, other = scene(role="lead"), scene("other", role="lead")
    posted = {"name": "Tone", "schema": json.dumps(SCHEMA), "organization": str(other.organization.pk)}
    made.client.post("/feedback-tasks/new", posted)
    assert FeedbackTask.objects.get(name="Tone").organization == made.organization


def test_a_lead_of_two_chooses_where() -> None:
    made, second = scene(role="lead"), factories.organization()
    second.members.create(user=made.user, role="admin")
    page = made.client.get("/feedback-tasks/new").context["page"]
    assert len(page.form.organizations) == 2
    posted = {"name": "Tone", "schema": json.dumps(SCHEMA), "organization": str(second.pk)}
    made.client.post("/feedback-tasks/new", posted)
    assert FeedbackTask.objects.get(name="Tone").organization == second


def test_tags_of_others_are_not_offered() -> None:
    made, other = scene(role="lead"), scene("other")
    factories.completion(other.organization, **document(tags=["secret"]))
    form = made.client.get(_path(made)).context["page"].form
    assert form.known_tags == ("support",)
    assert Queue.objects.count() == 2
