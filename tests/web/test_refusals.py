"""What pulls set aside."""

import pytest
from pytest_django import DjangoAssertNumQueries

from reviews.models import AuditEvent, PullRefusal, Upstream
from reviews.web import refusals
from reviews.web.display_sync import RefusalsPage
from tests.web.scene import Scene, person, scene
from tests.web.sync_scene import another_upstream, refusal

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def _page(made: Scene, query: str = "") -> RefusalsPage:
    page: RefusalsPage = made.client.get(f"/sync/refusals{query}").context["page"]
    return page


# The list --------------------------------------------------------------------------------------------------------


def test_it_shows_reasons_with_counts_and_examples_the_most_frequent_first() -> None:
    made = scene(role="lead", pulled=True)
    refusal(made.upstream, uid="one", reason="No id.")
    refusal(made.upstream, uid="two")
    refusal(made.upstream, uid="three")
    page = _page(made)
    assert [(row.reason, row.count, row.example) for row in page.reasons] == [
        ("No response.", 2, "two"),
        ("No id.", 1, "one"),
    ]
    assert [row.name for row in page.rows] == ["three", "two", "one"]


def test_the_address_says_which_upstream_and_reason() -> None:
    made = scene(role="lead", pulled=True)
    other = another_upstream(made.organization, "other")
    refusal(made.upstream, uid="a")
    refusal(other, uid="b")
    refusal(other, uid="c", reason="No id.")
    assert [row.name for row in _page(made, f"?upstream={other.pk}").rows] == ["c", "b"]
    assert [row.name for row in _page(made, f"?upstream={other.pk}&reason=No id.").rows] == ["c"]
    (found,) = [row for row in _page(made, f"?upstream={other.pk}").reasons if row.reason == "No id."]
    assert found.address == f"/sync/refusals?upstream={other.pk}&reason=No+id."


def test_what_was_taken_after_all_has_left_the_list() -> None:
    made = scene(role="lead", pulled=True)
    row = refusal(made.upstream)
    PullRefusal.objects.update(taken_at=row.last_at)
    page = _page(made)
    assert (page.rows, page.reasons) == ((), ())
    assert b"Nothing is set aside." in made.client.get("/sync/refusals").content
    assert made.client.get(f"/sync/refusals/{row.pk}").status_code == 200


def test_it_leads_down_the_list_and_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "PAGE", 2)
    made = scene(role="lead", pulled=True)
    ids = [refusal(made.upstream, uid=f"odd-{number}").pk for number in range(5)][::-1]
    first = _page(made)
    second = _page(made, first.older.removeprefix("/sync/refusals"))
    third = _page(made, second.older.removeprefix("/sync/refusals"))
    assert [[row.id for row in page.rows] for page in (first, second, third)] == [ids[:2], ids[2:4], ids[4:]]
    assert (first.newer, third.older) == ("", "")
    back = _page(made, third.newer.removeprefix("/sync/refusals"))
    assert [row.id for row in back.rows] == ids[2:4]


def test_it_asks_the_same_number_of_questions_for_many_and_reads_no_bytes(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    made = scene(role="lead", pulled=True)
    for number in range(30):
        refusal(made.upstream, uid=f"odd-{number}", reason=f"Reason {number % 4}.")
    with django_assert_max_num_queries(9) as asked:
        made.client.get("/sync/refusals")
    assert not any('"reviews_pullrefusal"."data"' in query["sql"] for query in asked.captured_queries)


# One item --------------------------------------------------------------------------------------------------------


def test_an_item_shows_its_bytes_as_text_and_never_as_html() -> None:
    made = scene(role="lead", pulled=True)
    row = refusal(made.upstream, raw=b'{"id": "x", "response": "<script>alert(1)</script>"}', reason="<b>bad</b>")
    page = made.client.get(f"/sync/refusals/{row.pk}").content
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert b"<script>alert" not in page
    assert b"<b>bad</b>" not in page


def test_a_script_that_opens_an_item_gets_it_alone() -> None:
    made = scene(role="lead", pulled=True)
    row = refusal(made.upstream)
    response = made.client.get(f"/sync/refusals/{row.pk}", headers=HTMX)
    assert b"{&quot;id&quot;: &quot;odd&quot;}" in response.content
    assert b"<html" not in response.content


def test_a_long_item_is_cut() -> None:
    made = scene(role="lead", pulled=True)
    row = refusal(made.upstream, raw=b'{"x":"' + b"long " * 2_000_000 + b'"}')
    response = made.client.get(f"/sync/refusals/{row.pk}")
    assert len(response.content) < 40_000
    assert b"Cut after 16 kB." in response.content


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\x00\x1b[31m not text", b"", '{"a":"\N{RIGHT-TO-LEFT OVERRIDE}evil"}'.encode()]
)
def test_bytes_that_are_no_text_are_shown_all_the_same(raw: bytes) -> None:
    made = scene(role="lead", pulled=True)
    row = refusal(made.upstream, raw=raw)
    response = made.client.get(f"/sync/refusals/{row.pk}")
    assert response.status_code == 200
    assert b"\x00" not in response.content
    assert b"\x1b" not in response.content


def test_an_item_whose_bytes_are_broken_says_so() -> None:
    made = scene(role="lead", pulled=True)
    row = refusal(made.upstream)
    PullRefusal.objects.update(data=b"not zstd")
    assert b"do not decompress" in made.client.get(f"/sync/refusals/{row.pk}").content


# Trying again ----------------------------------------------------------------------------------------------------


def test_a_lead_has_one_item_tried_again() -> None:
    made = scene(role="lead", pulled=True)
    row, other = refusal(made.upstream), refusal(made.upstream)
    Upstream.objects.update(next_pull_at="2099-01-01T00:00Z")
    response = made.client.post(f"/sync/refusals/{row.pk}/retry", {"back": f"upstream={made.upstream.pk}"})
    assert (response.status_code, response["Location"]) == (303, f"/sync/refusals?upstream={made.upstream.pk}")
    row.refresh_from_db()
    other.refresh_from_db()
    assert row.retry_asked_at is not None
    assert other.retry_asked_at is None
    assert Upstream.objects.get().next_pull_at == row.retry_asked_at
    assert AuditEvent.objects.get(action="refusal.retry").user == made.user
    assert b"tried with the next pull" in made.client.get("/sync/refusals").content


def test_a_lead_has_all_of_one_reason_tried_again() -> None:
    made = scene(role="lead", pulled=True)
    for number in range(3):
        refusal(made.upstream, uid=f"odd-{number}")
    refusal(made.upstream, uid="bad", reason="No id.")
    posted = {"upstream": str(made.upstream.pk), "reason": "No response."}
    assert made.client.post("/sync/refusals/retry", posted).status_code == 303
    asked = PullRefusal.objects.exclude(retry_asked_at=None).values_list("reason", flat=True)
    assert list(asked) == ["No response."] * 3
    (waiting,) = [row for row in _page(made).reasons if row.waiting]
    assert waiting.count == 3


def test_all_of_one_reason_are_tried_a_hundred_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MOST_AT_ONCE", 2)
    made = scene(role="lead", pulled=True)
    for number in range(3):
        refusal(made.upstream, uid=f"odd-{number}")
    posted = {"upstream": str(made.upstream.pk), "reason": "No response."}
    made.client.post("/sync/refusals/retry", posted)
    assert PullRefusal.objects.filter(retry_asked_at=None).count() == 1
    made.client.post("/sync/refusals/retry", posted)
    assert not PullRefusal.objects.filter(retry_asked_at=None).exists()


# Who may ---------------------------------------------------------------------------------------------------------


def test_a_reviewer_may_look_but_not_act() -> None:
    made = scene(role="reviewer", pulled=True)
    row = refusal(made.upstream)
    for path in ("/sync/refusals", f"/sync/refusals/{row.pk}"):
        response = made.client.get(path)
        assert response.status_code == 200
        assert b"again</button>" not in response.content
    assert made.client.post(f"/sync/refusals/{row.pk}/retry").status_code == 404
    made.client.post("/sync/refusals/retry", {"reason": row.reason})
    row.refresh_from_db()
    assert row.retry_asked_at is None


def test_another_organization_sees_and_does_nothing() -> None:
    made, other = scene(role="lead", pulled=True), scene("other", role="lead", pulled=True)
    row = refusal(made.upstream)
    assert _page(other).rows == ()
    assert _page(other, f"?upstream={made.upstream.pk}").rows == ()
    assert other.client.get(f"/sync/refusals/{row.pk}").status_code == 404
    assert other.client.post(f"/sync/refusals/{row.pk}/retry").status_code == 404
    other.client.post("/sync/refusals/retry", {"upstream": str(made.upstream.pk), "reason": row.reason})
    row.refresh_from_db()
    assert row.retry_asked_at is None


def test_nothing_is_done_by_get() -> None:
    made = scene(role="lead", pulled=True)
    row = refusal(made.upstream)
    assert made.client.get(f"/sync/refusals/{row.pk}/retry").status_code == 405
    assert made.client.get("/sync/refusals/retry").status_code == 405


def test_a_member_of_two_organizations_acts_only_where_she_leads() -> None:
    made, other = scene(role="reviewer", pulled=True), scene("other", pulled=True)
    _, lead = person("noor", other.organization, "lead")
    here, there = refusal(made.upstream), refusal(other.upstream)
    lead.post("/sync/refusals/retry", {"reason": "No response."})
    for row in (here, there):
        row.refresh_from_db()
    assert (here.retry_asked_at is None, there.retry_asked_at is None) == (True, False)
