"""Completions in the admin: a list that reads no document and counts nothing, and a page that shows one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reviews.admin.completions import Completions
from tests import factories
from tests.admin.people import page, site_staff

pytestmark = pytest.mark.django_db
# The session, the user, the organizations, which rows, the rows, their tags and their grades; and the menu.
MOST_QUERIES = 10


def test_it_lists_with_few_queries_however_many_there_are() -> None:
    organization, client = factories.organization(), site_staff()
    seen = []
    for _ in range(2):
        for _ in range(3):
            factories.completion(organization)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(client, "reviews/completion/")
        seen.append(len(queries))
        statements = " ".join(query["sql"] for query in queries)
        assert "reviews_document" not in statements
        assert "search_text" not in statements
        assert "COUNT(" not in statements
    assert seen[0] == seen[1] <= MOST_QUERIES


def test_it_turns_pages_without_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Completions, "list_per_page", 2)
    organization, client = factories.organization(), site_staff()
    made = [factories.completion(organization).uid for _ in range(5)]
    pages = [page(client, f"reviews/completion/?p={number}") for number in (1, 2, 3)]
    shown = [[uid for uid in made if uid in html] for html in pages]
    assert shown == [made[3:], made[1:3], made[:1]]
    assert ["Older" in html for html in pages] == [True, True, False]
    assert ["Newer" in html for html in pages] == [False, True, True]
    assert "5 to 5" in pages[2]


@pytest.mark.parametrize("number", ["0", "-1", "x", "²", "9" * 40, "4"])
def test_it_answers_a_page_that_is_not_there(number: str) -> None:
    factories.completion(factories.organization())
    assert site_staff().get(f"/admin/reviews/completion/?p={number}", follow=True).status_code == 200


def test_it_never_shows_all() -> None:
    assert "Show all" not in page(site_staff(), "reviews/completion/")


def test_it_finds_by_the_whole_id() -> None:
    organization = factories.organization()
    one, other = factories.completion(organization), factories.completion(organization)
    html = page(site_staff(), f"reviews/completion/?q={one.uid}")
    assert one.uid in html
    assert other.uid not in html


def test_it_shows_the_current_document_and_lets_nothing_of_it_act() -> None:
    made = factories.completion(factories.organization(), answer="<script>alert(1)</script> ünïcode")
    html = page(site_staff(), f"reviews/completion/{made.pk}/change/")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ünïcode" in html
    assert "<script>alert" not in html
    assert "&quot;kind&quot;: &quot;chat&quot;" in html


def test_it_says_where_it_cut_a_long_document() -> None:
    made = factories.completion(factories.organization(), answer="long " * 60_000)
    html = page(site_staff(), f"reviews/completion/{made.pk}/change/")
    assert "The first 200,000 of" in html
    assert len(html) < 250_000
