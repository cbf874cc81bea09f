"""The completion page."""

import pytest

from reviews.models import Push, PushState, Queue
from tests.web.scene import Scene, person, scene

pytestmark = pytest.mark.django_db


def _reviewed(*, role: str = "reviewer", pulled: bool = True) -> Scene:
    made = scene(role=role, pulled=pulled)
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first, **{"edit-0": "Answer nought.", "v-stars": "4"}))
    return made


def test_it_shows_the_edit_the_grade_and_where_they_stand() -> None:
    made = _reviewed()
    page = made.client.get(f"/completions/{made.completions[0].pk}").context["page"]
    assert [change.after for change in page.revisions[0].changes] == ["Answer nought."]
    assert page.feedback[0].values == (("verdict", "good"), ("stars", "4"))
    assert page.sync.state == "waiting"
    assert page.feedback[0].sync.state == "waiting"


def test_it_says_what_the_upstream_said_when_a_push_needs_attention() -> None:
    made = _reviewed()
    Push.objects.filter(kind="update").update(state=PushState.ATTENTION, last_error="The upstream answered 404: gone")
    response = made.client.get(f"/completions/{made.completions[0].pk}")
    assert response.context["page"].sync.state == "attention"
    assert b"The upstream answered 404: gone" in response.content


def test_a_blind_queue_hides_the_grades_of_others_until_the_last_review() -> None:
    made = scene()
    Queue.objects.update(reviews_per_completion=2)
    made.completions[0].queue_items.update(reviews_needed=2)
    first = made.start()
    made.client.post(f"/reviews/{first}/submit", made.form(first))
    _, reviewer = person("noor", made.organization)
    _, lead = person("lea", made.organization, "lead")
    address = f"/completions/{made.completions[0].pk}"
    assert len(reviewer.get(address).context["page"].feedback) == 0
    assert len(lead.get(address).context["page"].feedback) == 1
    assert len(made.client.get(address).context["page"].feedback) == 1


def test_it_does_not_know_a_completion_of_another_organization() -> None:
    made, other = scene("acme"), scene("other")
    assert made.client.get(f"/completions/{other.completions[0].pk}").status_code == 404
    assert made.client.get("/completions/999999").status_code == 404


def test_a_completion_without_upstream_says_nothing_of_a_push() -> None:
    made = _reviewed(pulled=False)
    page = made.client.get(f"/completions/{made.completions[0].pk}").context["page"]
    assert page.sync is None
    assert not Push.objects.exists()


def test_the_history_of_a_blind_queue_shows_edits_and_no_grade() -> None:
    made = scene()
    Queue.objects.update(reviews_per_completion=2)
    made.completions[0].queue_items.update(reviews_needed=2)
    first = made.start()
    posted = made.form(first, **{"edit-0": "Answer nought.", "comment": "Too short.", "v-stars": "4"})
    made.client.post(f"/reviews/{first}/submit", posted)
    _, reviewer = person("noor", made.organization)
    content = reviewer.get(f"/completions/{made.completions[0].pk}").content.decode()
    assert "<del>" in content
    assert "Too short." not in content
    assert "stars" not in content
