"""Feedback tasks: making, revising, taking over."""

from typing import Any

import pytest

from reviews.models import AuditEvent, FeedbackTask, Tag, Upstream
from reviews.workflow import feedback_tasks
from reviews.workflow.feedback_tasks import Content
from reviews.workflow.schema import SchemaRefused
from tests import factories

pytestmark = pytest.mark.django_db

OTHER: dict[str, Any] = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "boolean"}}}


def _taken(upstream: Upstream, content: Content, uid: str = "there") -> tuple[FeedbackTask, bool]:
    return feedback_tasks.take_over(upstream, uid, content)


def test_it_is_made_with_a_revision_a_selector_and_a_queue() -> None:
    content = factories.content(name="Tone", schema=OTHER, selector=["b", "a", "b"])
    made = feedback_tasks.create(factories.organization(), content)
    made.refresh_from_db()
    assert made.current_revision is not None
    assert (made.current_revision.number, made.current_revision.name, made.queue.name) == (1, "Tone", "Tone")
    assert list(feedback_tasks.schema_of(made.current_revision)["properties"]) == ["b", "a"]
    assert feedback_tasks.selector_names(made) == ["a", "b"]
    assert not made.pulled


def test_it_is_not_made_with_a_schema_that_cannot_be_used() -> None:
    with pytest.raises(SchemaRefused):
        feedback_tasks.create(factories.organization(), factories.content(schema={"type": "array"}))
    assert not FeedbackTask.objects.exists()


@pytest.mark.parametrize("changed", [{"name": "New"}, {"instruction": "New."}, {"schema": OTHER}])
def test_it_says_something_new_in_a_new_revision(changed: dict[str, Any]) -> None:
    made = factories.feedback_task(factories.organization(), name="Tone")
    assert feedback_tasks.revise(made, factories.content(**{"name": "Tone", **changed}))
    made.refresh_from_db()
    assert [revision.number for revision in made.revisions.all()] == [1, 2]
    assert made.current_revision == made.revisions.last()
    assert made.queue.name == made.name == changed.get("name", "Tone")


def test_it_has_no_new_revision_when_it_says_the_same() -> None:
    made = factories.feedback_task(factories.organization(), name="Tone", selector=["a", "b"])
    assert not feedback_tasks.revise(made, factories.content(name="Tone", selector=["b", "a"]))
    assert made.revisions.count() == 1
    assert not AuditEvent.objects.filter(action="feedback_task.revise").exists()


def test_it_may_change_its_selector_alone() -> None:
    made = factories.feedback_task(factories.organization(), name="Tone", selector=["a"])
    assert feedback_tasks.revise(made, factories.content(name="Tone", selector=["b"]))
    assert feedback_tasks.selector_names(made) == ["b"]
    assert made.revisions.count() == 1


def test_it_stays_as_it_was_when_the_new_schema_cannot_be_used() -> None:
    made = factories.feedback_task(factories.organization(), selector=["a"])
    with pytest.raises(SchemaRefused):
        feedback_tasks.revise(made, factories.content(schema={"type": "array"}, selector=["b"]))
    assert feedback_tasks.selector_names(made) == ["a"]


# Those of an upstream --------------------------------------------------------------------------------------------


def test_it_is_taken_over_once() -> None:
    upstream, content = factories.upstream(factories.organization()), factories.content()
    made, changed = _taken(upstream, content)
    assert changed
    assert (made.upstream, made.upstream_uid, made.pulled) == (upstream, "there", True)
    assert _taken(upstream, content) == (made, False)


def test_it_is_revised_when_the_upstream_says_something_new() -> None:
    upstream = factories.upstream(factories.organization())
    made, _ = _taken(upstream, factories.content(selector=["a"]))
    assert _taken(upstream, factories.content(name="New", selector=["b"])) == (made, True)
    made.refresh_from_db()
    assert (made.name, feedback_tasks.selector_names(made)) == ("New", ["b"])


def test_it_links_one_of_ours_that_says_the_same() -> None:
    organization = factories.organization()
    ours = factories.feedback_task(organization, name="Tone", schema=OTHER)
    sorted_members = {"properties": {"a": {"type": "boolean"}, "b": {"type": "string"}}, "type": "object"}
    linked, changed = _taken(factories.upstream(organization), factories.content(name="Tone", schema=sorted_members))
    linked.refresh_from_db()
    assert (linked, changed, linked.upstream_uid, linked.pulled) == (ours, True, "there", False)
    assert FeedbackTask.objects.count() == 1


def test_it_leaves_a_linked_one_of_ours_to_us() -> None:
    organization = factories.organization()
    factories.feedback_task(organization, name="Tone")
    upstream = factories.upstream(organization)
    _taken(upstream, factories.content(name="Tone"))
    linked, changed = _taken(upstream, factories.content(name="Renamed over there"))
    assert (linked.name, changed) == ("Tone", False)


@pytest.mark.parametrize("differs", [{"name": "Other"}, {"schema": OTHER}])
def test_it_does_not_link_one_that_says_something_else(differs: dict[str, Any]) -> None:
    organization = factories.organization()
    ours = factories.feedback_task(organization, name="Tone")
    made, _ = _taken(factories.upstream(organization), factories.content(**{"name": "Tone", **differs}))
    assert made != ours
    assert made.pulled


def test_it_does_not_link_one_of_another_organization() -> None:
    factories.feedback_task(factories.organization(), name="Tone")
    made, _ = _taken(factories.upstream(factories.organization()), factories.content(name="Tone"))
    assert made.pulled


# Which completions it wants --------------------------------------------------------------------------------------


def _matching(*tags: str) -> set[str]:
    completion = factories.completion(factories.organization())
    wanted = [["a"], ["a", "b"], ["c"], []]
    for selector in wanted:
        factories.feedback_task(completion.organization, name="+".join(selector) or "none", selector=selector)
    found = Tag.objects.filter(organization=completion.organization, name__in=tags)
    return {match.name for match in feedback_tasks.matching(completion, found.values_list("pk", flat=True))}


@pytest.mark.parametrize(
    ("tags", "matching"), [("", ""), ("a", "a"), ("b", ""), ("ab", "a a+b"), ("abc", "a a+b c"), ("c", "c")]
)
def test_it_matches_when_every_tag_is_there(tags: str, matching: str) -> None:
    assert _matching(*tags) == set(matching.split())


def test_it_matches_completions_of_its_own_organization_alone() -> None:
    factories.feedback_task(factories.organization(), selector=["review"])
    completion = factories.completion(factories.organization(), tags=["review"])
    assert not completion.queue_items.exists()
