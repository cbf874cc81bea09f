"""The pages of jobs: what the list says of each, and what comes first on the page of one."""

import json
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import Job, JobKind, JobState
from tests import factories
from tests.web.page_text import text_of
from tests.web.scene import Scene, scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Scene:
    """An organization with a lead and a queue."""
    return scene(role="lead")


def job(
    made: Scene,
    kind: JobKind,
    state: JobState,
    outcome: dict[str, int],
    *,
    query: str = "",
    **more: Any,
) -> Job:
    """One in that state."""
    now = timezone.now()
    return Job.objects.create(
        organization=made.organization,
        kind=kind,
        state=state,
        asked_text=json.dumps({"query": query, "format": "jsonl", "form": "auto"}),
        outcome_text=json.dumps(outcome),
        created_at=now,
        not_before=now,
        ended_at=now if state in (JobState.DONE, JobState.FAILED) else None,
        **more,
    )


def listed(made: Scene) -> str:
    return " ".join(text_of(made.client.get("/jobs").content.decode()).split())


def test_the_list_says_what_came_of_each(made: Scene) -> None:
    job(made, JobKind.IMPORT, JobState.DONE, {"created": 1, "unchanged": 12, "refused": 3_099})
    text = listed(made)
    assert "1 new · 3,099 refused" in text
    assert "12 unchanged" not in text


def test_what_came_of_nothing_is_said_too(made: Scene) -> None:
    job(made, JobKind.EXPORT, JobState.DONE, {})
    assert "0 written" in listed(made)


def test_of_one_that_waits_nothing_is_counted(made: Scene) -> None:
    waiting = job(made, JobKind.EXPORT, JobState.WAITING, {})
    assert "Waiting GradeBench" in listed(made)
    Job.objects.filter(pk=waiting.pk).update(total=9, done=3)
    assert "3 of 9" in listed(made)


def test_filters_are_told_in_words(made: Scene) -> None:
    query = f"q=refund&queue={made.queue.pk}&task=999"
    job(made, JobKind.EXPORT, JobState.DONE, {}, query=query)
    assert f"of those with words: refund, queue: {made.queue.name}, feedback task: 999" in listed(made)


def test_no_name_of_another_organization_is_told(made: Scene) -> None:
    other = factories.feedback_task(factories.organization()).queue
    other.name = "Their secret queue"
    other.save()
    job(made, JobKind.EXPORT, JobState.DONE, {}, query=f"queue={other.pk}")
    assert f"queue: {other.pk}" in listed(made)
    assert "Their secret queue" not in listed(made)


def test_why_it_failed_comes_before_its_figures(made: Scene) -> None:
    failed = job(made, JobKind.EXPORT, JobState.FAILED, {"exported": 4}, error="The disk is full.")
    text = text_of(made.client.get(f"/jobs/{failed.pk}").content.decode())
    assert text.index("Failed") < text.index("The disk is full.") < text.index("written")
    assert text.count("The disk is full.") == 1


def test_a_lead_without_completions_is_led_to_the_import(made: Scene) -> None:
    empty = factories.organization("empty")
    made.client.force_login(factories.member(empty, role="lead").user)
    assert 'href="/imports/new"' in made.client.get("/completions").content.decode()
    made.client.force_login(factories.member(empty).user)
    assert 'href="/imports/new"' not in made.client.get("/completions").content.decode()
