"""The uncertain words of a long answer stand on a page of their own; those of a short one below it."""

import re
from typing import Any

import pytest

from reviews.models import Completion
from reviews.web.conversation import MOST_LISTED
from reviews.workflow import ingest
from tests.e2e import answers
from tests.web.scene import Scene, document, scene

pytestmark = pytest.mark.django_db


def hold(made: Scene, *choices: dict[str, Any], uid: str = "doubtful") -> Completion:
    """A completion with these choices."""
    body = document(response={"model": "m", "choices": list(choices)})
    return ingest.receive(made.organization, uid, body).completion


def doubtful(words: int) -> dict[str, Any]:
    """A choice of so many words, every one uncertain."""
    return answers.choice([(f" w{number}", 0.4, {f" v{number}": 0.3}) for number in range(words)])


def page_of(made: Scene, completion: Completion) -> str:
    return made.client.get(f"/completions/{completion.pk}").content.decode()


def test_few_words_are_listed_below_the_answer() -> None:
    made = scene()
    page = page_of(made, hold(made, doubtful(MOST_LISTED)))
    assert page.count("<li data-s>") == MOST_LISTED
    assert 'href="#u0-0"' in page


def test_more_have_a_page_of_their_own_that_every_word_leads_to() -> None:
    made = scene()
    completion = hold(made, answers.choice(["Yes."]), doubtful(MOST_LISTED + 1))
    page = page_of(made, completion)
    assert "<li data-s>" not in page
    address = f"/completions/{completion.pk}/uncertain/{completion.current_id}/1"
    links = re.findall(r'<a class="t t2" href="([^"#]*)#(u1-[0-9]+)" name="(u1-[0-9]+)">', page)
    assert len(links) == MOST_LISTED + 1
    assert {link[0] for link in links} == {address}
    assert all(leads == named for _, leads, named in links)
    listed = made.client.get(address).content.decode()
    assert listed.count("<li data-s>") == MOST_LISTED + 1
    assert all(f'<a name="{leads}">' in listed for _, leads, _ in links)
    assert "Answer 2 of 2." in listed


def test_members_beyond_the_first_are_on_that_page_too() -> None:
    made = scene()
    tokens: list[answers.Token] = ["["]
    for number in range(MOST_LISTED + 1):
        tokens += [(str(number), 0.4, {}), ","]
    completion = hold(made, answers.choice([*tokens, "7]"]))
    page = page_of(made, completion)
    assert page.count("data-member=") == 104
    address = f"/completions/{completion.pk}/uncertain/{completion.current_id}/0"
    assert f'<a href="{address}#members">All {MOST_LISTED + 2} members</a>' in page
    listed = made.client.get(address).content.decode()
    assert listed.count('<span class="w') == MOST_LISTED + 2
    # The last one is certain, and has no row to lead to.
    assert f"<b>{MOST_LISTED + 1}</b>" in listed


def test_it_still_lists_the_words_of_a_document_that_was_replaced() -> None:
    made = scene()
    completion = hold(made, doubtful(MOST_LISTED + 1))
    before = completion.current_id
    changed = document(response={"model": "m", "choices": [answers.choice(["No."])]})
    ingest.receive(made.organization, completion.uid, changed)
    assert made.client.get(f"/completions/{completion.pk}/uncertain/{before}/0").status_code == 200


def test_what_is_not_hers_or_not_there_is_not_found() -> None:
    made, others = scene(), scene("elsewhere")
    mine, another, theirs = (
        hold(made, doubtful(3)),
        hold(made, doubtful(3), uid="2"),
        hold(others, doubtful(3), uid="3"),
    )
    for address in (
        f"{theirs.pk}/uncertain/{theirs.current_id}/0",
        f"{mine.pk}/uncertain/{another.current_id}/0",
        f"{mine.pk}/uncertain/{mine.current_id}/1",
        f"{mine.pk}/uncertain/999999/0",
    ):
        assert made.client.get(f"/completions/{address}").status_code == 404, address
