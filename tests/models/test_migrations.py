"""Migrations can be undone with rows in the tables, and done again."""

from collections.abc import Iterator
from datetime import UTC

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet
from django.utils import timezone

from reviews.models import Assignment, AssignmentState, Completion, GradeValue, Push, PushState, QueueItem
from reviews.workflow import finding, purging
from reviews.workflow.finding import Wanted
from tests import factories
from tests.models import rows

FIRST = [("reviews", "0001_the_nouns")]


def migrate(targets: list[tuple[str, str]]) -> None:
    """Bring the test database there."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)


@pytest.fixture
def latest() -> Iterator[list[tuple[str, str]]]:
    """The newest migrations, to which the database is brought back whatever happens."""
    targets = [key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] == "reviews"]
    yield targets
    migrate(targets)


@pytest.mark.django_db(transaction=True)
def test_the_way_back_folds_what_the_former_version_does_not_know(latest: list[tuple[str, str]]) -> None:
    absent, discarded = rows.push(), rows.push()
    rows.change(absent, state=PushState.ABSENT)
    rows.change(discarded, state=PushState.DISCARDED)
    done = Assignment.objects.get(revisions__push=absent)
    rows.change(done, requeued_at=timezone.now())
    item = QueueItem.objects.get(pk=done.item_id)
    rows.change(item, reviews_needed=2)

    migrate(FIRST)
    migrate(latest)

    assert Push.objects.get(pk=absent.pk).state == PushState.ATTENTION
    assert Push.objects.get(pk=discarded.pk).state == PushState.SUPERSEDED
    assert Assignment.objects.get(pk=done.pk).state == AssignmentState.SKIPPED
    item.refresh_from_db()
    assert (item.places_taken, item.reviews_done, item.reviews_needed) == (0, 0, 1)


@pytest.mark.django_db(transaction=True)
def test_the_words_and_the_answers_of_what_is_there_are_filled_in(latest: list[tuple[str, str]]) -> None:
    task = factories.feedback_task(factories.organization())
    kept, purged = (factories.completion(task.organization, answer="Findable.") for _ in range(2))
    factories.submit(factories.assignment(task))
    purging.purge(purged.pk, reason="asked for")

    migrate([("reviews", "0009_jobs_saved_views_and_grade_values")])
    # As the version before this one has it.
    Completion.objects.filter(pk=kept.pk).update(search_text="What is it?\nFindable.")
    QuerySet[GradeValue](GradeValue).delete()
    migrate(latest)

    assert Completion.objects.get(pk=kept.pk).search_text == " findable what is it"
    assert Completion.objects.get(pk=purged.pk).search_text == ""
    assert [*GradeValue.objects.values_list("name", "value")] == [("score", "4")]
    wanted = Wanted.read("q=findable", zone=UTC)
    assert [row.pk for row in finding.completions(task.organization, wanted, viewer=None)] == [kept.pk]
