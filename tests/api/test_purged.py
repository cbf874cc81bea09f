"""A completion that was purged, as applications meet it: gone, with a sentence, and in no list."""

import pytest

from reviews.models import Completion, Feedback, KeyedRequest
from reviews.workflow import purging
from tests.api.conftest import Api
from tests.api.log10io import HEADERS, logged
from tests.api.samples import CORPUS, UID, document

pytestmark = pytest.mark.django_db


@pytest.fixture
def purged(api: Api) -> Completion:
    """One under UID."""
    api.create(document(id=UID))
    return purging.purge(Completion.objects.get().pk, reason="asked for")


@pytest.mark.usefixtures("purged")
@pytest.mark.parametrize("headers", [{}, HEADERS])
def test_it_is_gone_to_whoever_asks_for_it(api: Api, headers: dict[str, str]) -> None:
    assert "was purged here" in api.get(f"/api/completions/{UID}", headers=headers).refusal(410)


@pytest.mark.usefixtures("purged")
def test_nothing_is_logged_to_it(api: Api) -> None:
    for path, body in (
        ("/api/v1/completions", document(id=UID)),
        (f"/api/v1/completions/{UID}", document()),
        (f"/api/completions/{UID}", logged(CORPUS["prompt"])),
    ):
        assert UID in api.post(path, body).refusal(410)
    assert Completion.objects.get().search_text == ""


@pytest.mark.usefixtures("purged")
def test_it_is_not_graded_any_more(api: Api) -> None:
    about = {"task_id": api.feedback_task("any").uid, "json_values": {"score": 3}, "completion_ids": [UID]}
    assert UID in api.post("/api/v1/feedback", about).refusal(410)
    assert not Feedback.objects.exists()


def test_no_list_has_it_and_selectors_do_not_find_it(api: Api, purged: Completion) -> None:
    assert api.get("/api/completions").json == {"data": []}
    assert api.get("/api/v1/completions/ungraded").json == {"completions": []}
    assert not Completion.objects.having_tags(set(purged.tags.values_list("pk", flat=True))).exists()


def test_the_answer_that_was_kept_under_a_key_goes_with_it(api: Api) -> None:
    key = {"Idempotency-Key": "once"}
    uid = api.post("/api/v1/completions", document(), headers=key).json["id"]
    assert KeyedRequest.objects.get().about == uid
    purging.purge(Completion.objects.get().pk, reason="asked for")
    assert not KeyedRequest.objects.exists()
