"""Feedback tasks: making, revising, taking over."""

from typing import Any

import pytest

from reviews.models import (
    AssignmentState,
    AuditEvent,
    FeedbackTask,
    ItemState,
    Queue,
    QueueItem,
    Tag,
    Upstream,
)
from reviews.workflow import feedback_tasks
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.feedback_tasks import Content, ContentRefused, Match
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
    matched = feedback_tasks.matching(completion.organization_id, set(found.values_list("pk", flat=True)))
    return set(Queue.objects.filter(pk__in=[queue.pk for queue in matched]).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("tags", "matching"), [("", ""), ("a", "a"), ("b", ""), ("ab", "a a+b"), ("abc", "a a+b c"), ("c", "c")]
)
def test_it_matches_when_every_tag_is_there(tags: str, matching: str) -> None:
    assert _matching(*tags) == set(matching.split())


def test_it_matches_completions_of_its_own_organization_alone() -> None:
    factories.feedback_task(factories.organization(), selector=["review"])
    completion = factories.completion(factories.organization(), tags=["review"])
    assert not completion.queue_items.exists()


# Two at once, names, archive -------------------------------------------------------------------------------------


def test_the_second_of_two_leads_is_told_and_nothing_is_overwritten() -> None:
    made = factories.feedback_task(factories.organization(), name="Tone", selector=["a"])
    seen = feedback_tasks.standing(made)
    feedback_tasks.revise(made, factories.content(name="Tone", selector=["b"]), seen=seen)
    with pytest.raises(feedback_tasks.Overtaken):
        feedback_tasks.revise(made, factories.content(name="Other", selector=["a"]), seen=seen)
    made.refresh_from_db()
    assert (made.name, feedback_tasks.selector_names(made)) == ("Tone", ["b"])
    assert feedback_tasks.revise(made, factories.content(name="Other"), seen=feedback_tasks.standing(made))


def test_a_queue_that_was_named_keeps_its_name() -> None:
    made = factories.feedback_task(factories.organization(), name="Tone")
    Queue.objects.update(name="Monday round")
    feedback_tasks.revise(made, factories.content(name="Voice"))
    assert Queue.objects.get().name == "Monday round"


def test_an_archived_one_asks_nobody_and_comes_back_with_what_has_come_since() -> None:
    made = factories.feedback_task(factories.organization(), selector=["review"])
    for _ in range(2):
        factories.completion(made.organization)
    claim = factories.assignment(made)
    actor = Actor(user=factories.member(made.organization, role="lead").user)
    assert feedback_tasks.archive(made, actor=actor) == 2
    assert feedback_tasks.archive(made, actor=actor) == 0
    claim.refresh_from_db()
    assert claim.state == AssignmentState.RELEASED
    factories.completion(made.organization)
    assert QueueItem.objects.filter(state=ItemState.WITHDRAWN, places_taken=0).count() == QueueItem.objects.count() == 2
    assert not Queue.objects.visible_to(claim.reviewer).exists()
    assert feedback_tasks.restore(made, actor=actor) == 2
    assert feedback_tasks.restore(made, actor=actor) == 0
    assert QueueItem.objects.open().count() == 3
    actions = ("feedback_task.archive", "feedback_task.restore")
    assert AuditEvent.objects.filter(action__in=actions, user=actor.user).count() == 2


def test_an_archived_one_that_is_revised_offers_nothing() -> None:
    made = factories.feedback_task(factories.organization(), selector=["a"])
    factories.completion(made.organization)
    feedback_tasks.archive(made, actor=SYSTEM)
    feedback_tasks.revise(made, factories.content(name=made.name, selector=["review"]))
    assert not QueueItem.objects.open().exists()


# What a person writes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "line 1, column 2"),
        ('{"type": "object", "type": "object"}', "two members of the same name"),
        ("[]", "must be a JSON object"),
        ('{"type": "string"}', "must describe an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"maximum": ' + "9" * 5_000 + "}", "too large"),
        ('{"maximum": NaN}', "."),
        ('{"title": "\\ud800"}', "."),
    ],
)
def test_it_says_what_is_wrong_with_a_schema(text: str, sentence: str) -> None:
    with pytest.raises(SchemaRefused, match=sentence):
        feedback_tasks.read_schema(text)


def test_it_keeps_the_order_of_what_was_written() -> None:
    text = '{"type": "object", "properties": {"b": {}, "a": {}}}'
    assert list(feedback_tasks.read_schema(text)["properties"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"name": "x" * 256}, "name"),
        ({"instruction": "x" * 20_001}, "instruction"),
        ({"selector": ["x" * 256]}, "selector"),
        ({"selector": [str(number) for number in range(101)]}, "selector"),
    ],
)
def test_it_refuses_what_is_too_long(changed: dict[str, Any], part: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        feedback_tasks.check_content(factories.content(**changed))
    assert refused.value.name == part


def test_it_counts_what_a_selector_matches_no_further_than_asked() -> None:
    organization = factories.organization()
    for _ in range(4):
        factories.completion(organization, tags=("a", "b"))
    factories.completion(organization, tags=("a",))
    factories.completion(organization, tags=("a", "b"), status="started")
    factories.completion(factories.organization(), tags=("a", "b"))
    assert feedback_tasks.match(organization, ["a", "b"], most=10).count == 4
    assert feedback_tasks.match(organization, ["a", "b"], most=2).count == 3
    assert feedback_tasks.match(organization, ["a", "c", "a"], most=2) == Match(0, ("c",))
    assert feedback_tasks.match(organization, [], most=2) == Match(0)
