"""What the database refuses of completions, documents and tags, and what a selector finds."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from reviews.models import Completion, Tag
from tests import factories
from tests.models import rows

pytestmark = pytest.mark.django_db

BREAKS: dict[str, Callable[[], Any]] = {
    "document_encoding": lambda: rows.change(rows.completion().current, encoding="gzip"),
    "tag_once": lambda: rows.again(rows.completion_tag().tag, uid="another"),
    "completion_tag_once": lambda: rows.again(rows.completion_tag()),
    "completion_uid": lambda: rows.again(rows.completion()),
    "completion_uid_given": lambda: rows.change(rows.completion(), uid=""),
    "completion_kind": lambda: rows.change(rows.completion(), kind="speech"),
    "completion_status": lambda: rows.change(rows.completion(), status="paused"),
    "completion_upstream_whole": lambda: rows.change(rows.pulled_completion(), upstream_document=None),
    "completion_purged_whole": lambda: rows.change(
        rows.completion(), purged_at=timezone.now(), purged_because="asked for"
    ),
    "completion_probabilities": lambda: rows.change(rows.completion(), confidence_low=0.9, confidence_mean=0.1),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_refused_by_the_database(name: str) -> None:
    with rows.refused(name):
        BREAKS[name]()


def test_it_is_gone_upstream_only_with_an_upstream() -> None:
    with rows.refused("completion_upstream_whole"):
        rows.change(rows.completion(), gone_upstream_at=timezone.now())


@pytest.mark.parametrize("odd", [{"confidence_low": -0.1}, {"confidence_mean": 1.1}])
def test_it_keeps_probabilities_between_0_and_1(odd: dict[str, float]) -> None:
    row = rows.completion()
    with rows.refused("completion_probabilities"):
        rows.change(row, **{"confidence_low": 0.5, "confidence_mean": 0.5, **odd})


def _found(organization_id: int, *names: str) -> set[str]:
    ids = set(Tag.objects.filter(organization_id=organization_id, name__in=names).values_list("pk", flat=True))
    return set(Completion.objects.having_tags(ids).values_list("uid", flat=True))


def test_it_is_found_by_all_of_the_tags() -> None:
    organization = factories.organization()
    factories.completion(organization, uid="both", tags=["a", "b"])
    factories.completion(organization, uid="one", tags=["a"])
    assert _found(organization.pk, "a") == {"both", "one"}
    assert _found(organization.pk, "a", "b") == {"both"}


def test_it_is_not_found_by_no_tag() -> None:
    organization = factories.organization()
    factories.completion(organization, tags=[])
    assert _found(organization.pk) == set()
