"""The neighbours of a completion in its session: one key away, and a way back to the review."""

from typing import Any

import pytest

from reviews.models import Completion
from reviews.web.sessions import place_in_session
from reviews.workflow import ingest
from tests.web.scene import Scene, document, person, scene

pytestmark = pytest.mark.django_db


def session(made: Scene, count: int, name: str = "s-1") -> list[Completion]:
    """Completions of one session, nobody's to review, oldest first."""
    bodies = (document(f"Said {number}.", tags=[], session_id=name) for number in range(count))
    uid = f"{made.organization.slug}-{name}"
    return [ingest.receive(made.organization, f"{uid}-{at}", body).completion for at, body in enumerate(bodies)]


def place(completion: Completion, **given: Any) -> tuple[int, int, int | None, int | None] | None:
    found = place_in_session(completion, **given)
    return (found.position, found.total, found.previous_id, found.next_id) if found else None


def test_it_finds_the_neighbours() -> None:
    first, second, third = session(scene(), 3)
    assert place(first) == (1, 3, None, second.pk)
    assert place(second) == (2, 3, first.pk, third.pk)
    assert place(third) == (3, 3, second.pk, None)


def test_one_that_is_alone_has_none() -> None:
    made = scene()
    (alone,) = session(made, 1)
    assert place(alone) is None
    assert place(made.completions[0]) is None


def test_it_keeps_organizations_apart() -> None:
    (ours,), theirs = session(scene("acme"), 1), session(scene("other"), 2)
    assert place(ours) is None
    assert place(theirs[0]) == (1, 2, None, theirs[1].pk)


def test_the_page_says_where_it_stands_and_leads_on_and_back() -> None:
    made = scene()
    first, second, _third = session(made, 3)
    review = made.start()
    page = made.client.get(f"/completions/{second.pk}?review={review}").content.decode()
    assert "2 of 3 in this session" in page
    assert f'href="/completions/{first.pk}?review={review}"' in page
    assert f'href="/reviews/{review}"' in page
    assert "Back to the item under review" not in made.client.get(f"/completions/{second.pk}").content.decode()


def test_the_review_screen_leads_to_the_neighbours() -> None:
    made = scene(items=0)
    body = document("Under review.", session_id="s-2")
    under_review = ingest.receive(made.organization, "r", body).completion
    (before,) = session(made, 1, "s-2")
    review = made.start()
    page = made.client.get(f"/reviews/{review}").content.decode()
    assert "1 of 2 in this session" in page
    assert f'data-goto="l"\n           href="/completions/{before.pk}?review={review}"' in page
    assert under_review.pk < before.pk


def test_nobody_goes_back_to_a_review_that_is_not_hers() -> None:
    made = scene()
    _, other = person("noor", made.organization)
    (alone,) = session(made, 1)
    review = made.start()
    assert other.get(f"/completions/{alone.pk}?review={review}").status_code == 404
    assert other.get(f"/completions/{alone.pk}?review=nonsense").status_code == 200
