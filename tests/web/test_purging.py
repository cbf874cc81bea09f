"""Purging from the completion's page, and what stands in every place where its text was."""

import pytest

from reviews.models import Completion, Draft, QueueItem
from reviews.workflow import purging
from tests.web.scene import Scene, person, scene

pytestmark = pytest.mark.django_db


def graded(role: str = "admin") -> tuple[Scene, int, str]:
    """A completion that was edited and graded, the claim of that, and the completion's address."""
    made = scene(role=role)
    claim = made.start()
    made.client.post(f"/reviews/{claim}/submit", made.form(claim, **{"edit-0": "Answer nought."}))
    return made, claim, f"/completions/{made.completions[0].pk}"


def test_it_asks_first_and_purges_with_a_reason() -> None:
    made, _, page = graded()
    question = made.client.get(f"{page}/purge")
    assert b"This cannot be taken back." in question.content
    assert Completion.objects.filter(purged_at=None).count() == 2
    done = made.client.post(f"{page}/purge", {"reason": "asked for"})
    assert (done.status_code, done["Location"]) == (303, page)
    shown = made.client.get(page)
    assert shown.status_code == 200
    assert shown.context["page"].tombstone.because == "asked for"
    assert shown.context["page"].tombstone.by == made.user.username
    assert b"nought" not in shown.content
    assert made.client.get(f"{page}/purge").status_code == 303


def test_it_wants_a_reason() -> None:
    made, _, page = graded()
    response = made.client.post(f"{page}/purge", {"reason": " \x00"})
    assert response.status_code == 422
    assert b"Say why" in response.content


def test_it_says_why_it_cannot_be() -> None:
    made, _, _ = graded()
    second = made.completions[1].pk
    made.start()
    for response in (
        made.client.get(f"/completions/{second}/purge"),
        made.client.post(f"/completions/{second}/purge", {"reason": "asked for"}),
    ):
        assert b"is reviewing this completion" in response.content
        assert b'name="reason"' not in response.content


@pytest.mark.parametrize(("role", "status"), [("reviewer", 403), ("lead", 403), ("admin", 200)])
def test_only_an_admin_purges_and_sees_the_way_there(role: str, status: int) -> None:
    made, _, page = graded()
    _, client = person("noor", made.organization, role)
    assert client.get(f"{page}/purge").status_code == status
    assert (b"/purge" in client.get(page).content) == (status == 200)
    if status == 403:
        assert client.post(f"{page}/purge", {"reason": "asked for"}).status_code == 403
    _, stranger = person("sam", scene("other").organization, "admin")
    assert stranger.get(f"{page}/purge").status_code == 404
    assert not Completion.objects.exclude(purged_at=None).exists()


def test_every_page_of_it_says_that_it_was_purged() -> None:
    made, claim, page = graded()
    document = Completion.objects.get(pk=made.completions[0].pk).current_id
    purging.purge(made.completions[0].pk, reason="asked for")
    for address in (
        f"/reviews/{claim}/amend",
        f"{page}/media/0",
        f"{page}/uncertain/{document}/0",
    ):
        response = made.client.get(address, follow=True)
        assert response.status_code == 410, address
        assert b"was purged" in response.content
    sentence = made.client.get(f"/reviews/{claim}/amend", headers={"HX-Request": "true"})
    assert (sentence.status_code, sentence["Content-Type"]) == (410, "text/plain; charset=utf-8")
    for address in (page, f"/reviews/{claim}", f"{page}/conflict", f"{page}/back/0", f"{page}/back/1"):
        response = made.client.get(address, follow=True)
        assert response.status_code == 200, address
        assert b"nought" not in response.content
    for address in (
        "/",
        "/sync",
        "/flags",
        f"/queues/{made.queue.pk}/items",
        f"/queues/{made.queue.pk}/items?list=done",
    ):
        assert made.client.get(address).status_code == 200, address


def test_a_grade_that_comes_late_is_refused_in_words() -> None:
    made, claim, _ = graded()
    form = {"document": "1", "v-verdict": '"bad"', "comment": "late"}
    purging.purge(made.completions[0].pk, reason="asked for")
    for path in ("submit", "undo", "amend", "skip"):
        response = made.client.post(f"/reviews/{claim}/{path}", form)
        assert response.status_code in (303, 302, 409, 410, 422), (path, response.status_code)
    made.client.post(f"/reviews/{claim}/draft", form)
    assert not Draft.objects.exists()
    assert QueueItem.objects.get(completion=made.completions[0]).state == "done"


def test_its_neighbours_in_the_session_are_there() -> None:
    made, _, page = graded()
    Completion.objects.update(session_uid="s")
    purging.purge(made.completions[0].pk, reason="asked for")
    assert f"/completions/{made.completions[1].pk}" in made.client.get(page).content.decode()
    assert page in made.client.get(f"/completions/{made.completions[1].pk}").content.decode()
