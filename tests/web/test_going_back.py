"""Taking an answer back to what it said earlier."""

import pytest
from django.db import transaction

from reviews.models import Completion, Push, Revision
from reviews.workflow import documents, editing
from reviews.workflow.audit import Actor
from reviews.workflow.editing import LeafEdit
from tests.web.scene import Scene, person, scene

pytestmark = pytest.mark.django_db
ANSWER = "/response/choices/0/message/content"


def edited(*texts: str, pulled: bool = False) -> tuple[Scene, str]:
    """A completion whose answer was edited to one text after the other by its reviewer, and its page."""
    made = scene(items=1, pulled=pulled)
    for text in texts:
        edit(made, text)
    return made, f"/completions/{made.completions[0].pk}"


def edit(made: Scene, text: str) -> None:
    base_id = Completion.objects.get().current_id
    with transaction.atomic():
        editing.edit(made.completions[0].pk, [LeafEdit(ANSWER, text)], base_id=base_id, actor=Actor(user=made.user))


def answer() -> str:
    text: str = documents.at(documents.read(Completion.objects.get().current), ANSWER)
    return text


def form(made: Scene, address: str) -> dict[str, str]:
    """What the page's form posts."""
    return {"document": str(made.client.get(address).context["page"].document_id)}


def test_it_shows_what_would_change_and_changes_it_on_confirmation() -> None:
    made, page = edited("First  words.\r\n", "Second words.")
    response = made.client.get(f"{page}/back/1")
    assert b"<del>Second" in response.content
    assert answer() == "Second words."
    response = made.client.post(f"{page}/back/1", form(made, f"{page}/back/1"))
    assert (response.status_code, response["Location"]) == (303, page)
    assert answer() == "First  words.\r\n"
    newest = Revision.objects.latest("number")
    assert (newest.number, newest.origin, newest.author) == (3, "edit", made.user)


def test_it_goes_back_to_what_was_received_and_is_pushed_like_every_edit() -> None:
    made, page = edited("First.", pulled=True)
    made.client.post(f"{page}/back/0", form(made, f"{page}/back/0"))
    assert answer() == "Answer 0."
    assert list(Push.objects.order_by("pk").values_list("revision__number", "state")) == [
        (1, "superseded"),
        (2, "waiting"),
    ]


def test_the_history_leads_there_for_whoever_may() -> None:
    made, page = edited("First.", "Second.")
    _, other = person("noor", made.organization)
    _, lead = person("lea", made.organization, "lead")
    for client, links in ((made.client, 2), (lead, 2), (other, 0)):
        content = client.get(page).content.decode()
        assert content.count(f'href="{page}/back/') == links
    assert other.get(f"{page}/back/1").status_code == 403
    assert other.post(f"{page}/back/1", form(made, f"{page}/back/1")).status_code == 403
    assert lead.post(f"{page}/back/1", form(made, f"{page}/back/1")).status_code == 303


def test_it_writes_nothing_over_a_text_that_it_did_not_show() -> None:
    made, page = edited("First.", "Second.")
    seen = form(made, f"{page}/back/1")
    edit(made, "Third.")
    response = made.client.post(f"{page}/back/1", seen)
    assert response.status_code == 409
    assert b"has changed since you opened it" in response.content
    assert answer() == "Third."


def test_it_waits_until_a_conflict_is_decided() -> None:
    made, page = edited("First.", pulled=True)
    Completion.objects.update(conflict_document_id=Completion.objects.get().received_id)
    assert b"decided first" in made.client.get(f"{page}/back/0").content
    assert made.client.post(f"{page}/back/0", form(made, f"{page}/back/0")).status_code == 409
    assert answer() == "First."


def test_it_says_when_there_is_nothing_to_change() -> None:
    made, page = edited("First.", "Answer 0.")
    assert b"says that already" in made.client.get(f"{page}/back/0").content
    made.client.post(f"{page}/back/0", form(made, f"{page}/back/0"))
    assert Revision.objects.count() == 2


def test_it_does_not_know_other_revisions_and_other_organizations() -> None:
    made, page = edited("First.")
    stranger = scene("other", items=1)
    assert made.client.get(f"{page}/back/9").status_code == 404
    assert stranger.client.get(f"{page}/back/0").status_code == 404
