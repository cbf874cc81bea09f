"""An admin of one organization sees that one: no row, name, choice or id of another, by whatever way she asks.

Two organizations have the same shape; `mine` is hers.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import CharField, Model, TextField
from django.forms.models import ModelChoiceField
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from reviews.admin.scope import SESSION_KEY, scope_of
from reviews.admin.site import Site, site
from reviews.models import ApiToken, Member, Organization, PullRefusal, Push, Queue, QueueReviewer, Role, Tag, User
from tests import factories
from tests.admin.filled import fill
from tests.admin.people import page, role_admin, site_staff, visitor

pytestmark = pytest.mark.django_db
NOUNS = {str(model._meta.model_name): found for model, found in site._registry.items()}
UNKNOWN = 987_654_321


@pytest.fixture
def mine() -> Organization:
    return fill(factories.organization())


@pytest.fixture
def theirs(mine: Organization) -> Organization:
    return fill(factories.organization())


def rows(noun: str, organization: Organization) -> list[Model]:
    """Those of the noun that belong to the organization."""
    found = NOUNS[noun]
    return list(found.model._default_manager.filter(**{found.organization_path: organization.pk}))  # type: ignore[attr-defined]


def marks(organization: Organization) -> set[str]:
    """Every text of eight characters or more that is kept in the organization's rows, and in no other's."""
    texts: dict[int, set[str]] = {}
    for one in Organization.objects.all():
        texts[one.pk] = {
            str(getattr(row, field.attname))
            for noun in NOUNS
            for row in rows(noun, one)
            for field in row._meta.concrete_fields
            if isinstance(field, CharField | TextField)
        }
    others = set().union(*(said for pk, said in texts.items() if pk != organization.pk))
    return {said for said in texts[organization.pk] - others if len(said) >= 8}


def without_noise(response: Any, pk: object) -> tuple[int, str]:
    """What was answered in the end, but for the id that was asked for and what is new in every answer."""
    body = re.sub(r'(csrfmiddlewaretoken" value|nonce)="[^"]+"', "", response.content.decode())
    return response.status_code, re.sub(rf'([/“=]|%3D|value="){re.escape(str(pk))}(?=[/”"&])', r"\1N", body)


# The scope -------------------------------------------------------------------------------------------------------


def test_every_noun_says_to_which_organization_a_row_belongs(mine: Organization) -> None:
    for noun, found in NOUNS.items():
        assert rows(noun, mine), f"{found} shows nothing of an organization that has everything."


def test_a_noun_that_does_not_say_so_cannot_be_registered() -> None:
    with pytest.raises(ImproperlyConfigured, match="organization_path"):
        Site().register(Tag, ModelAdmin)
    with pytest.raises(ImproperlyConfigured, match="organization_path"):
        Site().register(Tag)


def test_she_sees_the_first_by_slug_until_she_chooses() -> None:
    zebra, ant = factories.organization("zebra"), factories.organization("ant")
    client = role_admin(zebra, ant)
    assert chosen(page(client, "")) == "ant"
    client.post("/admin/organization/choose/", {"organization": zebra.pk})
    assert chosen(page(client, "reviews/tag/")) == "zebra"


def chosen(html: str) -> str:
    """The organization that the header says is shown."""
    found = re.search(r"selected>([^<]*)</option>", html)
    assert found is not None
    return found[1]


def test_she_chooses_none_that_she_does_not_administer(mine: Organization, theirs: Organization) -> None:
    client = role_admin(mine)
    member = Member.objects.get(organization=mine, role=Role.ADMIN)
    factories.member(theirs, username=member.user.username, role=Role.LEAD)
    answers = []
    for wanted in (str(theirs.pk), str(UNKNOWN), "x", "", "all"):
        answers.append(client.post("/admin/organization/choose/", {"organization": wanted}, follow=True))
        assert SESSION_KEY not in client.session
    assert len({without_noise(answer, "-") for answer in answers}) == 1
    assert "There is no such organization to choose" in answers[0].content.decode()
    assert theirs.name not in answers[0].content.decode()


def test_a_role_that_was_taken_away_is_gone_with_the_next_request() -> None:
    first, second = factories.organization("a"), factories.organization("b")
    client = role_admin(first, second)
    client.post("/admin/organization/choose/", {"organization": second.pk})
    Member.objects.filter(organization=second).update(role=Role.LEAD)
    html = page(client, "reviews/member/")
    assert '<p class="scope quiet">a</p>' in html
    Member.objects.all().delete()
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/", follow=True).status_code == 403


def test_site_staff_chooses_one_and_all_again(mine: Organization, theirs: Organization) -> None:
    client = site_staff()
    client.post("/admin/organization/choose/", {"organization": mine.pk})
    assert theirs.name not in page(client, "reviews/organization/").partition("</form>")[2]
    client.post("/admin/organization/choose/", {"organization": ""})
    assert theirs.name in page(client, "reviews/organization/").partition("</form>")[2]


@pytest.mark.parametrize(
    ("at", "to"),
    [
        ("/admin/reviews/tag/", "/admin/reviews/tag/"),
        ("/admin/reviews/tag/7/change/", "/admin/reviews/tag/"),
        ("/admin/reviews/user/7/password/", "/admin/"),
        ("/admin/", "/admin/"),
        ("https://elsewhere.example/", "/admin/"),
        ("//elsewhere.example/", "/admin/"),
        ("/sync", "/admin/"),
        ("", "/admin/"),
    ],
)
def test_the_switch_leads_to_a_list_of_ours(at: str, to: str) -> None:
    organization = factories.organization()
    posted = {"organization": organization.pk, "next": at}
    assert role_admin(organization).post("/admin/organization/choose/", posted)["Location"] == to


def test_it_is_switched_by_post_alone(mine: Organization) -> None:
    assert role_admin(mine).get(f"/admin/organization/choose/?organization={mine.pk}").status_code == 405


@pytest.mark.parametrize("staff", [True, False])
def test_it_asks_for_the_organizations_once(mine: Organization, staff: bool) -> None:
    user = factories.user(is_superuser=True) if staff else factories.member(mine, role=Role.ADMIN).user
    request = RequestFactory().get("/admin/")
    request.user, request.session = user, {SESSION_KEY: mine.pk}  # type: ignore[assignment]
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            scope = scope_of(request)
            assert (scope.may_enter, scope.organization, len(scope.choices)) == (True, mine, 1)
    assert len(queries) == 1


# What she sees ---------------------------------------------------------------------------------------------------


def test_she_sees_hers_everywhere_and_theirs_nowhere(mine: Organization, theirs: Organization) -> None:
    client, foreign = role_admin(mine), marks(theirs)
    assert {theirs.slug, User.objects.get(memberships__organization=theirs).username} <= foreign
    paths = ["", *(f"reviews/{noun}/" for noun in NOUNS)]
    paths += [f"reviews/{noun}/{row.pk}/change/" for noun in NOUNS for row in rows(noun, mine)]
    paths += ["reviews/apitoken/add/", "reviews/member/add/", "reviews/feedbacktask/add/", "reviews/upstream/add/"]
    for path in paths:
        html = page(client, path)
        assert {said for said in foreign if said in html} == set(), path


def test_a_search_for_theirs_finds_nothing(mine: Organization, theirs: Organization) -> None:
    client = role_admin(mine)
    said = {"member": "user__username", "user": "username", "tag": "name", "queue": "name", "apitoken": "prefix"}
    for noun, path in said.items():
        found = rows(noun, theirs)[0]
        words = type(found)._default_manager.filter(pk=found.pk).values_list(path, flat=True).get()
        assert 'class="field-' not in page(client, f"reviews/{noun}/?q={words}"), noun


def test_a_list_links_to_her_rows_alone(mine: Organization, theirs: Organization) -> None:
    client = role_admin(mine)
    for noun in NOUNS:
        linked = set(re.findall(rf"/admin/reviews/{noun}/(\d+)/change/", page(client, f"reviews/{noun}/")))
        assert linked == {str(row.pk) for row in rows(noun, mine)}, noun


def ask(client: Client, path: str, posted: dict[str, str] | None) -> Any:
    """What comes of a GET, or of a POST where something is posted, at the end of the way that it leads."""
    return client.get(path, follow=True) if posted is None else client.post(path, posted, follow=True)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_row_of_theirs_is_answered_as_one_that_there_is_not(
    mine: Organization, theirs: Organization, noun: str
) -> None:
    client, before = role_admin(mine), [vars(row) for row in rows(noun, theirs)]
    [row, *_] = rows(noun, theirs)
    for end in ("change/", "delete/", "history/", "password/", ""):
        for posted in (None, {"post": "yes", "name": "x"}):
            hers, unknown = (
                without_noise(ask(client, f"/admin/reviews/{noun}/{pk}/{end}", posted), pk) for pk in (row.pk, UNKNOWN)
            )
            assert hers == unknown, end
            assert hers[0] < 500
    for found, held in zip(rows(noun, theirs), before, strict=True):
        assert {name: vars(found)[name] for name in vars(found) if name != "_state"} == {
            name: held[name] for name in held if name != "_state"
        }


def test_an_action_on_theirs_does_nothing(mine: Organization, theirs: Organization) -> None:
    client = role_admin(mine)
    for noun, found in NOUNS.items():
        for action in found.actions or ():
            for every in ("0", "1"):
                picked = [str(row.pk) for row in rows(noun, theirs)]
                posted = {"action": action, "_selected_action": picked, "select_across": every}
                client.post(f"/admin/reviews/{noun}/", posted)
    assert not ApiToken.objects.filter(organization=theirs, revoked_at__isnull=False).exists()
    assert not PullRefusal.objects.filter(upstream__organization=theirs, retry_asked_at__isnull=False).exists()
    assert not Push.objects.filter(completion__organization=theirs, attempts__gt=0).exists()
    assert Member.objects.filter(organization=theirs).count() == len(rows("member", theirs))


def test_a_filter_by_theirs_finds_nothing(mine: Organization, theirs: Organization) -> None:
    client = role_admin(mine)
    queue = Queue.objects.get(organization=theirs)
    for path in (
        f"reviews/tag/?organization__id__exact={theirs.pk}",
        f"reviews/queueitem/?queue__id__exact={queue.pk}",
    ):
        html = page(client, path)
        assert 'class="field-' not in html, path
        assert without_noise(client.get(f"/admin/{path}"), path.rpartition("=")[2]) == without_noise(
            client.get(f"/admin/{path.rpartition('=')[0]}={UNKNOWN}"), UNKNOWN
        )


@pytest.mark.parametrize("wrong", ["x", "", "%00", "9" * 30, "-1", "1,2"])
def test_a_filter_that_cannot_be_read_fails_nothing(mine: Organization, wrong: str) -> None:
    response = role_admin(mine).get(f"/admin/reviews/tag/?organization__id__exact={wrong}", follow=True)
    assert response.status_code < 500


@pytest.mark.parametrize(
    "query",
    [
        "user/?password__startswith=pbkdf2",
        "user/?is_superuser__exact=1",
        "user/?email__startswith=a",
        "member/?user__password__startswith=p",
        "member/?organization__members__user__username=x",
        "apitoken/?hash__startswith=0",
        "apitoken/?created_by__password__startswith=p",
        "upstream/?token__startswith=x",
        "completion/?received__data__startswith=x",
        "tag/?organization__slug__startswith=x",
        "tag/?id__gt=0",
        "tag/?nothing=x",
    ],
)
def test_a_list_is_filtered_by_what_it_offers_and_nothing_else(mine: Organization, query: str) -> None:
    noun, _, _ = query.partition("?")
    client = role_admin(mine)
    response = client.get(f"/admin/reviews/{query}", follow=True)
    assert response.redirect_chain == [(f"/admin/reviews/{noun}", 302)]
    assert "Choose one of the filters" in response.content.decode()
    plain = without_noise(client.get(f"/admin/reviews/{noun}"), "-")
    assert set(plain[1].splitlines()) <= set(without_noise(response, "-")[1].splitlines())


def test_there_is_no_way_from_an_id_to_a_page_of_the_site(mine: Organization) -> None:
    """Django's own answers differently for an id that there is and one that there is not."""
    assert role_admin(mine).get("/admin/r/1/1/").status_code == 404


def choices(client: Client, organization: Organization) -> Iterator[tuple[str, Model]]:
    """Every row that a form of the admin offers to choose."""
    user = User.objects.get(pk=client.session["_auth_user_id"])
    request = RequestFactory().get("/admin/")
    request.user, request.session = user, client.session
    for noun, found in NOUNS.items():
        for obj in (None, rows(noun, organization)[0]):
            if obj is None and not found.has_add_permission(request):
                continue
            forms = [found.get_form(request, obj, change=obj is not None)]
            if obj is not None:
                forms += [formset.form for formset, _ in found.get_formsets_with_inlines(request, obj)]
            for form in forms:
                for name, field in form.base_fields.items():
                    if isinstance(field, ModelChoiceField):
                        yield from ((f"{noun}.{name}", row) for row in field.queryset or ())


def test_no_form_offers_a_row_of_theirs(mine: Organization, theirs: Organization) -> None:
    offered = list(choices(role_admin(mine), mine))
    assert {where for where, _ in offered} >= {"member.organization", "queue.user", "apitoken.organization"}
    for where, row in offered:
        noun = str(row._meta.model_name)
        assert row in rows(noun, mine), where
        assert row not in rows(noun, theirs), where


def test_autocomplete_offers_hers_alone(mine: Organization, theirs: Organization) -> None:
    client = role_admin(mine)
    for model, field, noun in (("queuereviewer", "user", "user"), ("queueitem", "queue", "queue")):
        asked = {"app_label": "reviews", "model_name": model, "field_name": field, "term": ""}
        found = client.get("/admin/autocomplete/", asked).json()["results"]
        assert {one["id"] for one in found} == {str(row.pk) for row in rows(noun, mine)}


def test_a_reviewer_of_theirs_cannot_be_posted_into_a_queue(mine: Organization, theirs: Organization) -> None:
    queue = Queue.objects.get(organization=mine)
    stranger = User.objects.get(memberships__organization=theirs)
    [assigned] = QueueReviewer.objects.filter(queue=queue)
    posted = {
        "everyone": "",
        "reviews_per_completion": 1,
        "order": "oldest",
        "claim_minutes": 15,
        "is_open": "on",
        "queue_reviewers-TOTAL_FORMS": 2,
        "queue_reviewers-INITIAL_FORMS": 1,
        "queue_reviewers-0-id": assigned.pk,
        "queue_reviewers-0-queue": queue.pk,
        "queue_reviewers-0-user": assigned.user_id,
        "queue_reviewers-1-user": stranger.pk,
    }
    response = role_admin(mine).post(f"/admin/reviews/queue/{queue.pk}/change/", posted)
    assert "not one of the available choices" in response.content.decode()
    assert list(QueueReviewer.objects.filter(queue=queue)) == [assigned]


def test_a_new_row_is_in_her_organization_whatever_is_posted(mine: Organization, theirs: Organization) -> None:
    client = role_admin(mine)
    for noun, posted in (
        ("apitoken", {"name": "app", "can_read": "on"}),
        ("member", {"username": "new", "role": "reviewer"}),
        ("feedbacktask", {"name": "rubric", "json_schema": "{}"}),
        ("upstream", {"name": "up", "url": "https://up.example", "upstream_organization": "o", "token": "t"}),
    ):
        before = len(rows(noun, mine)), len(rows(noun, theirs))
        client.post(f"/admin/reviews/{noun}/add/?organization={theirs.pk}", {**posted, "organization": theirs.pk})
        after = len(rows(noun, mine)), len(rows(noun, theirs))
        assert after == (before[0] + (noun != "feedbacktask"), before[1]) or noun == "feedbacktask", noun
        assert after[1] == before[1]


def test_the_menu_leads_admins_to_the_admin_and_nobody_else(mine: Organization) -> None:
    link = '<a href="/admin/">Admin</a>'
    for role, led in ((Role.ADMIN, True), (Role.LEAD, False), (Role.REVIEWER, False)):
        html = visitor(factories.member(mine, role=role).user).get("/").content.decode()
        assert (link in html) is led, role
    assert link in site_staff().get("/").content.decode()
