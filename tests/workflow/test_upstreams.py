"""Upstreams: a token goes with the URL that it was entered for, and with no other."""

import pytest
from pytest_django.fixtures import Settings

from reviews.admin.site import site
from reviews.log10 import sync
from reviews.models import PullState, Upstream
from reviews.workflow import sealing, upstreams
from reviews.workflow.accounts import Taken
from reviews.workflow.audit import SYSTEM
from tests import factories
from tests.fake_upstream import FakeUpstream

pytestmark = pytest.mark.django_db
TOKEN = "only for log10.example"


def an_upstream(**given: str) -> Upstream:
    return factories.upstream(factories.organization(), token=TOKEN, **given)


def test_it_opens_the_token_for_the_url_it_was_given_for() -> None:
    assert upstreams.token_of(an_upstream()) == TOKEN


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example",
        "http://log10.example",
        "https://log10.example:8443",
        "https://log10.example.elsewhere.example",
        "https://log10.example/other",
        "https://LOG10.example",
    ],
)
def test_it_does_not_open_the_token_for_another_url(url: str) -> None:
    made = an_upstream()
    Upstream.objects.filter(pk=made.pk).update(url=url)
    made.refresh_from_db()
    with pytest.raises(sealing.SealBroken, match="Enter it again"):
        upstreams.token_of(made)


def test_it_does_not_open_the_token_of_another_upstream() -> None:
    one, other = an_upstream(), an_upstream()
    Upstream.objects.filter(pk=other.pk).update(token_sealed=one.token_sealed)
    other.refresh_from_db()
    with pytest.raises(sealing.SealBroken):
        upstreams.token_of(other)


def test_a_url_that_was_changed_in_the_database_is_sent_nothing(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    made = an_upstream()
    with FakeUpstream() as elsewhere:
        Upstream.objects.filter(pk=made.pk).update(url=elsewhere.url)
        made = Upstream.objects.select_related("organization").get(pk=made.pk)
        row = sync.pull(made)
        assert elsewhere.seen == []
    assert row is not None
    assert row.state == PullState.FAILED
    assert "sealed for another upstream or URL. Enter it again." in row.error


def test_a_change_takes_url_and_token_together() -> None:
    made = an_upstream()
    upstreams.change(made, url="https://elsewhere.example/", token="the other", actor=SYSTEM)
    made.refresh_from_db()
    assert (made.url, upstreams.token_of(made)) == ("https://elsewhere.example", "the other")


def test_a_second_one_of_the_same_url_does_not_touch_the_first() -> None:
    made = an_upstream()
    with pytest.raises(Taken):
        upstreams.create(
            made.organization, url=made.url, upstream_organization=made.upstream_organization, token="another"
        )
    made.refresh_from_db()
    assert upstreams.token_of(made) == TOKEN


def test_the_admin_changes_a_url_in_its_form_alone() -> None:
    """Neither in a list, nor in a form within another, nor by an action: the form demands the token."""
    forms = site._registry
    assert forms[Upstream].list_editable == ()
    assert set(forms[Upstream].actions or ()) == {"pull_now", "switch_on", "switch_off"}
    assert [model for model, form in forms.items() for inline in form.inlines if inline.model is Upstream] == []
