"""What will be sent, shown before it is."""

import pytest

from reviews.models import Completion, Revision
from tests.web.scene import person, scene

pytestmark = pytest.mark.django_db


def test_it_shows_the_leaf_as_it_travels_and_writes_nothing() -> None:
    made = scene()
    item = made.start()
    before = Completion.objects.filter(revision_count=0).count()
    response = made.client.post(f"/reviews/{item}/preview", made.form(item, **{"edit-0": "One \r\n<two>\t"}))
    (leaf,) = response.context["leaves"]
    assert (leaf.pointer, leaf.before, leaf.after) == (
        "/response/choices/0/message/content",
        '"Answer 0."',
        '"One \\n<two>\\t"',
    )
    assert b"&lt;two&gt;" in response.content
    assert Completion.objects.filter(revision_count=0).count() == before
    assert not Revision.objects.exists()


def test_it_shows_nothing_where_nothing_is_changed() -> None:
    made = scene()
    item = made.start()
    assert made.client.post(f"/reviews/{item}/preview", made.form(item)).context["leaves"] == ()


def test_it_does_not_know_the_claim_of_somebody_else() -> None:
    made = scene()
    item = made.start()
    _, other = person("noor", made.organization)
    assert other.post(f"/reviews/{item}/preview", {}).status_code == 404
    assert made.client.get(f"/reviews/{item}/preview").status_code == 405
