"""The list of completions: what it shows, search and filters, paging, saved views, and what a lead does with all."""

from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import set_urlconf
from pytest_django import DjangoAssertNumQueries

from reviews.models import Completion, SavedView
from reviews.web import found as view
from reviews.web import found_filter
from reviews.web.display_found import FoundPage
from reviews.workflow import accounts
from tests import factories
from tests.web.page_text import text_of
from tests.web.scene import Scene, person, scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Scene:
    """An organization with a lead."""
    return scene(role="lead", items=3)


def _page(client: Client, query: str = "", *, status: int = 200) -> FoundPage:
    response = client.get(f"/completions?{query}")
    assert response.status_code == status
    page: FoundPage = response.context["page"]
    return page


def _ids(page: FoundPage) -> list[int]:
    return [row.id for row in page.rows]


# What it shows ---------------------------------------------------------------------------------------------------


def test_it_lists_what_there_is_with_what_became_of_it(made: Scene) -> None:
    made.client.post(f"/reviews/{(claim := made.start())}/submit", made.form(claim))
    page = _page(made.client)
    assert len(page.rows) == len(made.completions)
    assert [row.marks for row in page.rows].count(("graded",)) == 1
    assert page.rows[0].tags == ("support",)
    assert page.rows[0].preview == "Which colour has the sky?"
    assert page.count is not None
    assert page.count.text == str(len(made.completions))


def test_a_reviewer_sees_it_without_the_lead_s_form(made: Scene) -> None:
    _, client = person("rita", made.organization)
    page = _page(client)
    assert page.rows
    assert (page.act, page.queues, page.leads) == ("", (), False)
    assert 'href="/completions"' in client.get("/").content.decode()


def test_it_says_what_would_fill_an_empty_list(made: Scene) -> None:
    empty = factories.organization("empty")
    member = factories.member(empty)
    client = Client()
    client.force_login(member.user)
    assert "No completions yet." in text_of(client.get("/completions").content.decode())
    member.delete()
    assert "You are in no organization." in text_of(client.get("/completions").content.decode())


def test_it_says_that_nothing_matches_and_leads_back(made: Scene) -> None:
    response = made.client.get("/completions?q=unwritten")
    assert "Nothing matches." in text_of(response.content.decode())
    assert response.context["page"].start == "/completions"


def test_of_several_organizations_it_shows_the_one_that_is_named(made: Scene) -> None:
    other = factories.organization("zz-other")
    accounts.add_member(made.user.username, organization=other, role="reviewer")
    row = factories.completion(other)
    assert _ids(_page(made.client, "organization=zz-other")) == [row.pk]
    page = _page(made.client, "q=sky")
    assert row.pk not in _ids(page)
    assert page.query == f"organization={made.organization.slug}&q=sky"
    assert made.client.get("/completions?organization=unheard-of").status_code == 404


# Search and filters ----------------------------------------------------------------------------------------------


def test_each_filter_is_a_chip_with_the_way_to_be_without_it(made: Scene) -> None:
    query = f"q=sky&tag=support&tag=x&status=finished&queue={made.queue.pk}&edited=no&low=5&from=2026-01-02"
    page = _page(made.client, query)
    assert [(chip.label, chip.words) for chip in page.chips] == [
        ("words", "sky"),
        ("tag", "support"),
        ("tag", "x"),
        ("status", "finished"),
        ("from", "2026-01-02"),
        ("least probable token", "at most 5 %"),
        ("edited", "no"),
        ("queue", made.queue.name),
    ]
    without = page.chips[2].without
    assert "tag=support" in without
    assert "tag=x" not in without


def test_a_filter_that_cannot_be_read_says_so_at_its_field_and_lists_nothing(made: Scene) -> None:
    for query, words in (
        ("low=much", "“much” is no percentage."),
        ("q=%3F", "“?” has no letter and no digit"),
        ("grade=stars:4", "Choose the feedback task"),
        ("unheard=of", "There is no filter called “unheard”."),
        ("&".join(["a=b"] * 200), "This address says more than can be read."),
    ):
        response = made.client.get(f"/completions?{query}")
        assert response.status_code == 422
        assert words in text_of(response.content.decode())
        assert response.context["page"].rows == ()


def test_what_is_offered_are_names_of_its_own(made: Scene) -> None:
    factories.feedback_task(factories.organization(), name="Foreign")
    text = made.client.get("/completions").content.decode()
    assert "Foreign" not in text
    for offered in ("verdict:good", "stars:5", made.queue.name, "support", made.user.username):
        assert offered in text


def test_a_reviewer_is_offered_no_other_reviewer(made: Scene) -> None:
    user, client = person("rita", made.organization)
    field = next(field for field in _page(client).fields if field.name == "reviewer")
    assert [option.value for option in getattr(field, "options", ())] == [user.username]


def test_a_completion_leads_back_to_the_list_where_it_was_found(made: Scene) -> None:
    row = _page(made.client, "q=sky&tag=support").rows[0]
    response = made.client.get(row.address)
    assert 'href="/completions?q=sky&amp;tag=support"' in response.content.decode()
    hostile = urlencode({"found": 'javascript:"><script>&organization=//x'})
    assert "<script>&" not in made.client.get(f"/completions/{row.id}?{hostile}").content.decode()


def test_it_is_walked_there_and_back(made: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "PAGE", 2)
    monkeypatch.setattr(view, "MOST_COUNTED", 2)
    first = _page(made.client, "q=sky")
    assert "more than 2" in text_of(made.client.get("/completions?q=sky").content.decode())
    older = made.client.get(first.older).context["page"]
    assert set(_ids(first)).isdisjoint(_ids(older))
    assert _ids(made.client.get(older.newer).context["page"]) == _ids(first)
    assert older.query == "q=sky"


def test_the_number_of_questions_does_not_grow_and_none_reads_a_document(
    made: Scene, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    made.client.get("/completions")
    with CaptureQueriesContext(
        connection,
    ) as few:
        made.client.get("/completions?q=sky&tag=support&graded=no")
    for _ in range(20):
        factories.completion(made.organization, question="The sky?", tags=["support", "b"])
    with django_assert_max_num_queries(len(few)) as asked:
        made.client.get("/completions?q=sky&tag=support&graded=no")
    assert len(few) <= 11
    statements = " ".join(query["sql"] for query in asked.captured_queries)
    assert "reviews_document" not in statements.replace('"document_id"', "")
    # Nor its words; PostgreSQL's question for them names the column within a function.
    assert ', "reviews_completion"."search_text"' not in statements


# Saved views -----------------------------------------------------------------------------------------------------


def _save(client: Client, name: str, query: str = "q=sky", **more: str) -> int:
    return client.post("/completions/views", {"name": name, "query": query, **more}).status_code


def test_a_view_is_saved_opened_renamed_and_deleted(made: Scene) -> None:
    assert _save(made.client, " Blue  skies ", "q=sky&before=x") == 303
    view = SavedView.objects.get()
    assert (view.name, view.query, view.user, view.shared) == ("Blue skies", "q=sky", made.user, False)
    page = _page(made.client, "q=sky")
    assert page.mine is not None
    assert (page.views[0].address, page.mine.id) == (
        "/completions?q=sky",
        view.pk,
    )
    assert made.client.post(f"/completions/views/{view.pk}", {"name": "Skies", "shared": "1"}).status_code == 303
    view.refresh_from_db()
    assert (view.name, view.shared) == ("Skies", True)
    assert made.client.post(f"/completions/views/{view.pk}", {"do": "delete"}).status_code == 303
    assert not SavedView.objects.exists()


def test_a_name_that_is_taken_is_a_sentence_at_the_field(made: Scene) -> None:
    _save(made.client, "Mine")
    response = made.client.post("/completions/views", {"name": "Mine", "query": "q=blue"})
    assert response.status_code == 422
    assert "You have a view called “Mine” already." in text_of(response.content.decode())
    assert 'value="Mine"' in response.content.decode()
    _save(made.client, "Other", "q=blue")
    other = SavedView.objects.get(name="Other")
    assert made.client.post(f"/completions/views/{other.pk}", {"name": "Mine"}).status_code == 422
    assert SavedView.objects.get(pk=other.pk).name == "Other"


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [("", "q=sky", "Give the view a name."), ("x" * 101, "q=sky", "at most 100"), ("x", "", "no filter to save")],
)
def test_a_view_that_cannot_be_saved_says_why(made: Scene, name: str, query: str, words: str) -> None:
    response = made.client.post("/completions/views", {"name": name, "query": query})
    assert response.status_code == 422
    assert words in text_of(response.content.decode())
    assert not SavedView.objects.exists()


def test_a_lead_shares_a_view_and_a_reviewer_does_not(made: Scene) -> None:
    _, client = person("rita", made.organization)
    _save(client, "Hers", shared="1")
    _save(made.client, "Ours", shared="1")
    _save(made.client, "Mine", "q=blue")
    assert [(link.name, link.by) for link in _page(client).views] == [("Hers", ""), ("Ours", made.user.username)]
    assert [link.name for link in _page(made.client).views] == ["Mine", "Ours"]
    ours = SavedView.objects.get(name="Ours")
    assert client.post(f"/completions/views/{ours.pk}", {"do": "delete"}).status_code == 404
    assert SavedView.objects.filter(pk=ours.pk).exists()


# All that match --------------------------------------------------------------------------------------------------


def test_a_lead_has_a_form_for_all_that_match(made: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "act_address", lambda: "/completions/act")
    text = made.client.get("/completions?q=sky").content.decode()
    assert 'action="/completions/act"' in text
    for act in ("add-to-queue", "requeue", "export-jsonl", "export-csv"):
        assert f'value="{act}"' in text
    _, client = person("rita", made.organization)
    assert "/completions/act" not in client.get("/completions?q=sky").content.decode()
    assert 'action="/completions/act"' not in made.client.get("/completions?q=unwritten").content.decode()


def test_without_the_page_that_does_it_there_is_no_form() -> None:
    set_urlconf("gradebench.urls")
    assert found_filter.act_address() in ("", "/completions/act")


def test_what_was_purged_is_listed_as_purged_only(made: Scene) -> None:
    row = made.completions[0]
    Completion.objects.filter(pk=row.pk).update(
        purged_at=row.received_at, purged_because="asked for", preview="", search_text=""
    )
    assert row.pk not in _ids(_page(made.client))
    (only,) = _page(made.client, "status=purged").rows
    assert only.preview == "Its text was purged."
