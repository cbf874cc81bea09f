"""manage.py purge."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from reviews.models import Completion, Organization
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Organization:
    """With an old completion, a young one, and an old one that waits in a queue."""
    task = factories.feedback_task(factories.organization("acme"))
    for uid, days, tags in (("old", 31, ()), ("young", 29, ()), ("queued", 31, ("review",))):
        made = factories.completion(task.organization, uid=uid, tags=tags)
        Completion.objects.filter(pk=made.pk).update(received_at=timezone.now() - timedelta(days=days))
    return task.organization


def purge(*words: str) -> str:
    """What the command prints."""
    printed = io.StringIO()
    call_command("purge", "--organization", "acme", *words, stdout=printed)
    return printed.getvalue()


def purged() -> list[str]:
    return list(Completion.objects.exclude(purged_at=None).values_list("uid", flat=True))


@pytest.mark.usefixtures("team")
def test_it_purges_one() -> None:
    assert purge("--completion", "queued", "--reason", "asked for") == "queued: purged.\n"
    assert purged() == ["queued"]
    with pytest.raises(CommandError, match="purged already"):
        purge("--completion", "queued")


@pytest.mark.usefixtures("team")
def test_it_purges_what_is_old_and_in_no_queue() -> None:
    assert purge("--older-than", "30") == "1 purged.\n"
    assert purged() == ["old"]


@pytest.mark.usefixtures("team")
def test_a_dry_run_changes_nothing() -> None:
    assert purge("--older-than", "30", "--dry-run") == "1 would be purged.\n"
    assert purge("--completion", "young", "--dry-run") == "young: would be purged.\n"
    assert purged() == []


def test_it_refuses_what_it_cannot_do(team: Organization) -> None:
    factories.completion(factories.organization(), uid="elsewhere")
    with pytest.raises(CommandError, match="There is no completion “elsewhere” in acme"):
        purge("--completion", "elsewhere")
    for words in (("--older-than", "0"), ("--older-than", "x"), ()):
        with pytest.raises(CommandError):
            purge(*words)
    factories.assignment(team.queues.get().feedback_task)
    with pytest.raises(CommandError, match="is reviewing"):
        purge("--completion", "queued")
