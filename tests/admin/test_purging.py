"""Purging chosen completions from their list in the admin."""

import pytest

from reviews.models import AuditEvent, Completion, Organization
from tests import factories
from tests.admin.people import site_staff

pytestmark = pytest.mark.django_db
LIST = "/admin/reviews/completion/"


def test_it_asks_and_purges_and_says_what_it_could_not() -> None:
    task = factories.feedback_task(factories.organization())
    held, free = (factories.completion(task.organization) for _ in range(2))
    factories.assignment(task)
    client = site_staff()
    chosen = {"action": "purge", "_selected_action": [held.pk, free.pk]}
    question = client.post(LIST, chosen).content.decode()
    assert "This cannot be taken back." in question
    assert free.uid in question
    assert "Say why" in client.post(LIST, {**chosen, "confirmed": "yes", "reason": " "}).content.decode()
    assert not Completion.objects.exclude(purged_at=None).exists()
    done = client.post(LIST, {**chosen, "confirmed": "yes", "reason": "asked for"}, follow=True).content.decode()
    assert "Purged, for good: 1." in done
    assert "is reviewing this completion" in done
    assert list(Completion.objects.exclude(purged_at=None)) == [free]
    assert AuditEvent.objects.get(action="completion.purge").user is not None
    assert "was purged" in client.get(f"{LIST}{free.pk}/change/").content.decode()


def test_it_takes_no_more_than_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.admin.purging.MOST", 1)
    team = factories.organization()
    chosen = [factories.completion(team).pk for _ in range(2)]
    form = {"action": "purge", "_selected_action": chosen, "confirmed": "yes", "reason": "asked for"}
    assert "Choose at most 1" in site_staff().post(LIST, form, follow=True).content.decode()
    assert not Completion.objects.exclude(purged_at=None).exists()


def test_the_retention_is_set_with_the_organization_and_audited() -> None:
    team = factories.organization()
    address = f"/admin/reviews/organization/{team.pk}/change/"
    form = {"slug": team.slug, "name": team.name, "external_id": team.external_id}
    assert site_staff().post(address, {**form, "retention_days": "0"}).status_code == 200
    assert site_staff().post(address, {**form, "retention_days": "90"}).status_code == 302
    assert Organization.objects.get().retention_days == 90
    assert AuditEvent.objects.get(action="organization.change").details == "retention_days"
