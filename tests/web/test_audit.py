"""The page of the audit: who sees what of it, filters, paging, and the export."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reviews.models import AuditEvent, Member, User
from reviews.web import audit as view
from reviews.web.display_audit import AuditPage, EventRow
from reviews.workflow import accounts, audit, audit_log
from reviews.workflow.audit import Actor
from reviews.workflow.audit_actions import actions_of
from tests import factories
from tests.web.page_text import text_of
from tests.web.scene import Scene, person, scene

pytestmark = pytest.mark.django_db

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", '"=1', "'=1"]


def _page(client: Client, query: str = "") -> AuditPage:
    response = client.get(f"/audit{query}")
    assert response.status_code == 200
    page: AuditPage = response.context["page"]
    return page


def _rows(client: Client, query: str = "") -> list[EventRow]:
    return [row for day in _page(client, query).days for row in day.rows]


def _sentences(client: Client, query: str = "") -> list[str]:
    return ["".join(part.text for part in row.parts) for row in _rows(client, query)]


def _export(client: Client, kind: str, **posted: str) -> bytes:
    response = client.post("/audit/export", {"format": kind, **posted})
    assert response.status_code == 200
    return response.getvalue()


def _many(made: Scene, count: int, *, at: datetime | None = None) -> None:
    began = at or datetime(2025, 3, 1, 12, tzinfo=UTC)
    AuditEvent.objects.bulk_create(
        AuditEvent(
            organization=made.organization,
            at=began + timedelta(seconds=number),
            user=made.user,
            action="queue.change",
            target_type="queue",
            target_id=str(made.queue.pk),
            details=f"number {number}",
        )
        for number in range(count)
    )


@pytest.fixture
def made() -> Scene:
    """An organization with an admin."""
    return scene(role="admin")


@pytest.fixture
def staff() -> Client:
    """Site staff, who is a member of nothing."""
    client = Client()
    client.force_login(factories.user("root", is_superuser=True))
    return client


# What it shows ---------------------------------------------------------------------------------------------------


def test_it_says_in_sentences_what_was_done(made: Scene) -> None:
    actor = Actor(user=made.user, address="10.1.2.3")
    token, _ = accounts.create_token(made.organization, name="ci", actor=actor)
    audit.record("completion.revise", made.completions[0], organization=made.organization, actor=Actor(api_token=token))
    assert _sentences(made.client)[:2] == ["The API token “ci” changed acme-0", "mira-acme made the API token ci"]
    revised, row = _rows(made.client)[:2]
    assert row.address == "10.1.2.3"
    assert [part.address for part in revised.parts if part.named] == [
        "/audit?token=ci",
        f"/completions/{made.completions[0].pk}",
    ]


def test_a_whole_review_is_told(made: Scene) -> None:
    claim = made.start()
    made.client.post(f"/reviews/{claim}/submit", made.form(claim, **{"edit-0": "Better."}))
    graded, revised = _rows(made.client)[:2]
    assert _sentences(made.client)[:2] == ["mira-acme graded acme-0", "mira-acme changed acme-0"]
    assert (graded.details, bool(graded.before), bool(graded.after)) == ("Support answers", False, True)
    assert (len(revised.before), len(revised.after)) == (8, 8)


def test_what_is_gone_is_named_as_it_was_said(made: Scene) -> None:
    member = factories.member(made.organization, username="noor")
    audit.record("member.remove", member, organization=made.organization, details="noor")
    Member.objects.filter(pk=member.pk).delete()
    assert _sentences(made.client, "?what=member.remove") == ["GradeBench removed the member noor"]


def test_it_has_her_time_and_her_days(made: Scene) -> None:
    User.objects.filter(pk=made.user.pk).update(time_zone="Asia/Tokyo")
    _many(made, 1, at=datetime(2025, 3, 1, 20, tzinfo=UTC))
    response = made.client.get("/audit?what=queue.change")
    assert [str(day.on) for day in response.context["page"].days] == ["2025-03-02"]
    text = text_of(response.content.decode())
    assert "Sunday, 2 March 2025" in text
    assert "05:00:00" in text
    assert "Asia/Tokyo" in text


def test_nothing_is_a_sentence() -> None:
    client = Client()
    client.force_login(factories.user("root", is_superuser=True))
    assert b"Nothing has been done yet." in client.get("/audit").content
    assert b"Nothing was done that is like this." in client.get("/audit?person=nobody").content


def test_hostile_words_stay_words(made: Scene) -> None:
    accounts.create_token(made.organization, name="<img src=x onerror=alert(1)>", actor=Actor(user=made.user))
    html = made.client.get("/audit").content.decode()
    assert "<img" not in html
    assert "&lt;img src=x" in html


# Filters ---------------------------------------------------------------------------------------------------------


def test_the_address_says_what(made: Scene) -> None:
    accounts.create_token(made.organization, name="ci")
    assert _sentences(made.client, "?what=token.create") == ["GradeBench made the API token ci"]
    assert len(_rows(made.client, "?what=credentials")) == 1
    assert {row.parts[1].text.strip() for row in _rows(made.client, "?what=rubrics")} == {"made the feedback task"}


def test_the_address_says_who(made: Scene) -> None:
    token, _ = accounts.create_token(made.organization, name="ci", actor=Actor(user=made.user))
    audit.record("completion.revise", made.completions[0], organization=made.organization, actor=Actor(api_token=token))
    assert _sentences(made.client, "?person=mira-acme") == ["mira-acme made the API token ci"]
    assert _sentences(made.client, "?token=ci") == ["The API token “ci” changed acme-0"]
    assert _rows(made.client, "?person=mira") == []
    assert _rows(made.client, "?token=other") == []


def test_the_address_says_from_when_to_when_in_her_days(made: Scene) -> None:
    User.objects.filter(pk=made.user.pk).update(time_zone="Asia/Tokyo")
    for day in (1, 2, 3):
        _many(made, 1, at=datetime(2025, 3, day, 14, 59, tzinfo=UTC))
        _many(made, 1, at=datetime(2025, 3, day, 15, 1, tzinfo=UTC))
    said = [f"{row.at:%d %H:%M}" for row in _rows(made.client, "?from=2025-03-02&to=2025-03-03")]
    assert said == ["03 14:59", "02 15:01", "02 14:59", "01 15:01"]


def test_the_address_says_to_what(made: Scene) -> None:
    _many(made, 2)
    (row, *_others) = _rows(made.client, "?what=queue.change")
    assert row.all_of == f"/audit?target=queue%3A{made.queue.pk}"
    assert len(_rows(made.client, row.all_of.removeprefix("/audit"))) == 2
    assert "Only what was done to" in text_of(made.client.get(row.all_of).content.decode())


@pytest.mark.parametrize(
    "query",
    [
        "?what=x&organization=y&from=z&to=2025-13-45&target=a:b&before=c&after=d",
        "?organization=99999999999999999999&target=queue:0&before=2025_1&after=9999-12-31T23:59:59%2B00:00_1",
        "?from=0001-01-01&to=9999-12-31",
        "?person=%00&token=%00&target=%00:1",
    ],
)
def test_what_cannot_be_read_asks_for_nothing(made: Scene, query: str) -> None:
    everything = [row.id for row in _rows(made.client)]
    assert [row.id for row in _rows(made.client, query)] == everything


# Many ------------------------------------------------------------------------------------------------------------


def test_it_goes_through_all_of_them_and_back(made: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "PAGE", 3)
    _many(made, 7)
    # Some of the same instant.
    _many(made, 2)
    all_of = list(AuditEvent.objects.filter(action="queue.change").order_by("-at", "-pk").values_list("pk", flat=True))
    query, seen, back = "?what=queue.change", [], []
    while query:
        page = _page(made.client, query)
        seen += [row.id for day in page.days for row in day.rows]
        query = page.older.removeprefix("/audit")
        back.append(page.newer.removeprefix("/audit"))
    assert seen == all_of
    assert back[0] == ""
    assert [row.id for row in _rows(made.client, back[2])] == all_of[3:6]


@pytest.mark.parametrize("what", ["", "queue.change", "rubrics"])
def test_it_goes_through_two_organizations_as_through_one(
    made: Scene, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(view, "PAGE", 4)
    monkeypatch.setattr(audit_log, "EXPORTED_AT_ONCE", 3)
    other = scene("other")
    Member.objects.create(organization=other.organization, user=made.user, role="admin")
    for part in (made, other, made, other):
        _many(part, 3)
    wanted = AuditEvent.objects.filter(action__in=actions_of(what) or [what]) if what else AuditEvent.objects.all()
    all_of = list(wanted.order_by("-at", "-pk").values_list("pk", flat=True))
    query, seen = f"?what={what}", []
    while query:
        page = _page(made.client, query)
        seen += [row.id for day in page.days for row in day.rows]
        query = page.older.removeprefix("/audit")
    assert seen == all_of
    exported = [json.loads(line)["id"] for line in _export(made.client, "jsonl", filter=f"what={what}").splitlines()]
    assert [pk for pk in exported if pk in all_of] == all_of


def test_it_asks_the_same_number_of_questions_for_many(
    made: Scene, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(4):
        completion = factories.completion(made.organization)
        item = completion.queue_items.first() or made.completions[0].queue_items.get()
        for target in (completion, item, made.queue, made.feedback_task, made.user, made.organization):
            audit.record("queue.change", target, organization=made.organization, details=str(number))
    _many(made, 60)
    for query in ("", "?what=queue.change&person=mira-acme"):
        with django_assert_max_num_queries(19):
            made.client.get(f"/audit{query}")


# Who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["reviewer", "lead"])
def test_only_an_admin_sees_it(made: Scene, role: str) -> None:
    _, client = person("noor", made.organization, role)
    before = AuditEvent.objects.count()
    for response in (client.get("/audit"), client.post("/audit/export", {"format": "csv"})):
        assert response.status_code == 403
    assert AuditEvent.objects.count() == before
    assert b'href="/audit"' not in client.get("/").content
    assert b'href="/audit"' in made.client.get("/").content


def test_nobody_is_asked_to_sign_in() -> None:
    assert Client().get("/audit")["Location"].startswith("/sign-in")
    assert Client().post("/audit/export")["Location"].startswith("/sign-in")


def test_an_admin_sees_her_organizations_alone(made: Scene) -> None:
    other = scene("other", role="admin")
    _, both = person("both", other.organization, "admin")
    Member.objects.create(organization=made.organization, user=User.objects.get(username="both"), role="lead")
    audit.record("sign_in", made.user, organization=None)
    theirs = set(AuditEvent.objects.filter(organization=other.organization).values_list("pk", flat=True))
    for query in (
        "",
        f"?organization={other.organization.pk}",
        f"?target=queue:{other.queue.pk}",
        "?person=mira-other",
    ):
        assert not theirs & {row.id for row in _rows(made.client, query)}
        exported = _export(made.client, "jsonl", filter=query.removeprefix("?"))
        assert not theirs & {json.loads(line)["id"] for line in exported.splitlines()}
    assert {row.id for row in _rows(both)} == theirs
    assert _rows(made.client, "?what=sign_in") == []


def test_site_staff_sees_all_of_it(made: Scene, staff: Client) -> None:
    other = scene("other")
    audit.record("sign_in", made.user, organization=None)
    seen = {row.id for row in _rows(staff)}
    assert seen == set(AuditEvent.objects.values_list("pk", flat=True))
    of_other = _rows(staff, f"?organization={other.organization.pk}")
    assert {row.organization for row in of_other} == {other.organization.name}


def test_nothing_is_done_by_get(made: Scene) -> None:
    before = AuditEvent.objects.count()
    assert made.client.get("/audit/export").status_code == 405
    made.client.get("/audit")
    assert AuditEvent.objects.count() == before


# Export ----------------------------------------------------------------------------------------------------------


def test_it_exports_what_is_filtered_and_says_so_in_the_audit(made: Scene) -> None:
    _many(made, 3)
    lines = list(csv.DictReader(io.StringIO(_export(made.client, "csv", filter="what=queue.change").decode())))
    assert [line["details"] for line in lines] == ["number 2", "number 1", "number 0"]
    assert lines[0]["user"] == "mira-acme"
    assert lines[0]["at"] == "2025-03-01T12:00:02.000000+00:00"
    event = AuditEvent.objects.get(action="audit.export")
    assert (event.user, event.organization) == (made.user, made.organization)
    assert event.details == "csv: what=queue.change"
    assert _sentences(made.client)[0] == "mira-acme exported the audit"


def test_lines_of_json_say_the_same(made: Scene) -> None:
    _many(made, 2)
    lines = [json.loads(line) for line in _export(made.client, "jsonl", filter="what=queue.change").splitlines()]
    assert list(lines[0]) == list(audit_log.NAMES)
    assert [line["details"] for line in lines] == ["number 1", "number 0"]


def test_site_staff_exports_all_of_it_and_says_so_once(made: Scene, staff: Client) -> None:
    lines = _export(staff, "jsonl").splitlines()
    assert len(lines) == AuditEvent.objects.count()
    assert AuditEvent.objects.get(action="audit.export").organization is None


def test_the_file_does_nothing_by_itself(made: Scene) -> None:
    for kind, content_type in (("csv", "text/csv; charset=utf-8"), ("jsonl", "application/x-ndjson")):
        response = made.client.post("/audit/export", {"format": kind, "filter": "person=%22%0D%0Ax.html"})
        response.getvalue()
        assert response["Content-Type"] == content_type
        assert response["X-Content-Type-Options"] == "nosniff"
        disposition, _, name = response["Content-Disposition"].partition("; filename=")
        assert disposition == "attachment"
        assert name.strip('"').removeprefix("audit-").removesuffix(f".{kind}").strip("TZ0123456789") == ""


def test_no_cell_is_a_formula(made: Scene) -> None:
    for formula in FORMULAS:
        audit.record("queue.change", made.queue, organization=made.organization, details=formula)
    lines = list(csv.reader(io.StringIO(_export(made.client, "csv").decode(), newline="")))
    assert [line[-1] for line in lines[2:12]] == [f"'{formula}" for formula in reversed(FORMULAS)]


def test_another_format_is_refused(made: Scene) -> None:
    assert made.client.post("/audit/export", {"format": "exe"})["Location"] == "/audit"
    assert b"choose CSV or JSON lines" in made.client.get("/audit").content
    assert not AuditEvent.objects.filter(action="audit.export").exists()


@pytest.mark.django_db(transaction=True)
def test_it_streams_without_a_transaction_and_ends_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    made = scene(role="admin")
    monkeypatch.setattr(audit_log, "EXPORTED_AT_ONCE", 2)
    _many(made, 7)
    response = made.client.post("/audit/export", {"format": "jsonl", "filter": "what=queue.change"})
    seen = []
    for line in response:
        assert not connection.in_atomic_block
        seen.append(json.loads(line)["details"])
        audit.record("queue.change", made.queue, organization=made.organization, details="later")
    assert seen == [f"number {number}" for number in reversed(range(7))]


def test_a_pushed_edit_leads_to_its_completion() -> None:
    made = scene(role="admin", pulled=True)
    claim = made.start()
    made.client.post(f"/reviews/{claim}/submit", made.form(claim, **{"edit-0": "Better."}))
    assert f"/completions/{made.completions[0].pk}" in {part.address for part in _rows(made.client)[0].parts}
