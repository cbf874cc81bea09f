"""Pages in another language: one that puts «» around every text, so that what has no marks is not translated."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.utils import translation
from django.utils.translation import trans_real

from reviews.web.tokens import percent, visible
from reviews.workflow import accounts
from tests.web.page_text import tags_of, text_of
from tests.web.scene import scene
from tests.web.sync_scene import pushed

pytestmark = pytest.mark.django_db

# What documents, schemas, people and addresses are called here; members of documents; zones, keys and ourselves.
TEXTS = """
GradeBench acme other mira prod http Support answers support Read the policy Which colour has sky user gpt Answer model
kind chat status finished Verdict good bad Stars UTC Ctrl Esc ingest read feedback
"""
THEIRS = frozenset(TEXTS.split())
SHOWN = ("alt", "aria-description", "aria-label", "aria-roledescription", "label", "placeholder", "title")
WORD = re.compile(r"[^\W\d_]{2,}")


class Marks:
    """A catalogue that knows every text."""

    def gettext(self, text: str) -> str:
        """The text within marks, without the context that may stand before it."""
        return "«" + text.rpartition("\x04")[2] + "»"

    def ngettext(self, one: str, many: str, count: int) -> str:
        """As in English."""
        return self.gettext(one if count == 1 else many)

    def to_language(self) -> str:
        """The code of no language."""
        return "xx"


@pytest.fixture(autouse=True)
def _other_language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(vars(trans_real)["_translations"], "xx", Marks())
    with translation.override("xx"):
        yield


def untranslated(html: str) -> list[str]:
    """The texts of a page that have no marks around them, in its order."""
    seen = [value or "" for _tag, attributes in tags_of(html) for name, value in attributes.items() if name in SHOWN]
    found = []
    for text in (*seen, text_of(html)):
        before = ""
        while before != text:
            before, text = text, re.sub("«[^«»]*»", " ", text)
        found += WORD.findall(text)
    return found


def test_no_page_has_words_of_its_own_that_pass_by_the_catalogue() -> None:
    led, plain = pushed(reviews=2, role="lead"), scene("other", role="lead")
    review = f"/reviews/{plain.start()}"
    completion, queue = f"/completions/{plain.completions[0].pk}", f"/queues/{plain.queue.pk}"
    pages = [(led, "/"), (led, "/sync"), (led, "/sync/refusals")]
    pages += [(plain, address) for address in (review, completion, f"{queue}/items", f"{queue}/settings")]
    pages += [(plain, address) for address in ("/flags", "/feedback-tasks")]
    admin = scene("prod", role="admin")
    accounts.create_token(admin.organization, name="support")
    pages += [(admin, "/audit?what=credentials"), (admin, "/audit?person=nobody")]
    for made, address in pages:
        page = made.client.get(address)
        assert page.status_code == 200, address
        assert "«" in page.content.decode(), address
        assert set(untranslated(page.content.decode())) <= THEIRS, address


@pytest.mark.parametrize(
    ("words", "said"),
    [(lambda: percent(None), "«unknown»"), (lambda: visible(""), "«(empty)»")],
    ids=["chance", "text"],
)
def test_the_words_of_probabilities_follow_the_language(words: Callable[[], str], said: str) -> None:
    assert words() == said
    with translation.override("en"):
        assert words() == said.strip("«»")
