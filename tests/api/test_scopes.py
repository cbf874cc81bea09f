"""Which scope each call of the API needs: a table of all of them, so that a new one is refused until it has a row."""

from django.urls import get_resolver
from rest_framework.test import APIRequestFactory

from reviews.api.authentication import HasToken
from reviews.api.http import View
from reviews.api.urls import urlpatterns
from reviews.models import ApiToken
from tests.api.conftest import Api

METHODS = ("get", "post", "put", "patch", "delete")
NEEDS = {
    "api_completions": {"POST": "ingest"},
    "api_ungraded": {"GET": "read"},
    "api_completion_update": {"POST": "ingest"},
    "api_sessions": {"POST": "ingest"},
    "api_feedback": {"GET": "read", "POST": "feedback"},
    "api_feedback_detail": {"GET": "read"},
    "api_feedback_tasks": {"GET": "read", "POST": "feedback"},
    "api_feedback_task": {"GET": "read"},
    "api_legacy_sessions": {"POST": "ingest"},
    "api_legacy_completions": {"GET": "read", "POST": "ingest"},
    "api_completion": {"GET": "read", "POST": "ingest"},
    "api_tag_search": {"GET": "read"},
    "api_autoprompt_convert": {"POST": "read"},
    "api_autoprompt_suggestions": {"POST": "read"},
    "api_autoprompt_report": {"POST": "read"},
    "api_completions_bulk": {"POST": "ingest"},
}
# They hold nothing of anybody.
PUBLIC = {"api_schema", "api_docs"}


def views() -> dict[str, type[View]]:
    """Every view of the API by the name of its route."""
    return {str(pattern.name): vars(pattern.callback)["view_class"] for pattern in urlpatterns}


def test_every_method_of_every_view_names_its_scope() -> None:
    found = {
        name: {method.upper(): view.needs.get(method.upper()) for method in METHODS if hasattr(view, method)}
        for name, view in views().items()
    }
    assert {name: needs for name, needs in found.items() if name not in PUBLIC} == NEEDS


def test_nothing_else_is_public() -> None:
    assert {name for name, view in views().items() if not view.permission_classes} == PUBLIC
    assert {key for key in get_resolver().reverse_dict if str(key).startswith("api_")} == {*NEEDS, *PUBLIC}


def test_a_method_without_a_scope_is_refused() -> None:
    class Forgotten(View):
        def get(self) -> None: ...

    request = APIRequestFactory().get("/")
    request.auth = ApiToken(can_admin=True)  # as authentication leaves it
    assert not HasToken().has_permission(request, Forgotten())


def test_a_method_that_a_view_does_not_have_is_answered_as_such(api: Api) -> None:
    assert "takes other methods" in api.call("DELETE", "/api/v1/feedback").refusal(405)
