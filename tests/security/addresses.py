"""The address of each route in an organization: what a route's parameters name there."""

from collections.abc import Callable, Mapping
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from reviews.models import Completion, FeedbackTask, SavedView
from tests.security import world
from tests.security.asking import Route
from tests.security.world import Side

Finds = Callable[[Side], Any]

# What the first parameter of a page names, by the beginning of the pattern; the longest that fits.
ROWS: dict[str, Finds] = {
    "queues/": lambda side: side.feedback_task.queue,
    "claims/": lambda side: side.held["reviewer"],
    "reviews/": lambda side: side.held["reviewer"],
    "reviews/<int:pk>/undo": lambda side: side.done["reviewer"],
    "reviews/<int:pk>/amend": lambda side: side.done["reviewer"],
    "completions/": lambda side: side.completions["doubtful"],
    "completions/<int:pk>/media": lambda side: side.completions["picture"],
    "completions/<int:pk>/conflict": lambda side: side.completions["conflict"],
    "completions/<int:pk>/back": lambda side: side.completions["edited"],
    "completions/views/": lambda side: SavedView.objects.get(organization=side.organization),
    "feedback-tasks/": lambda side: FeedbackTask.objects.get(name=f"{side.word} local"),
    "flags/": lambda side: side.flagged,
    "sync/pushes/<int:pk>/retry": lambda side: side.grade,
    "sync/pushes/<int:pk>/give-up": lambda side: side.grade,
    "sync/refusals/": lambda side: side.refusal,
    "sync/upstreams/": lambda side: side.upstream,
    "jobs/": lambda side: side.job,
    # Her own sessions and keys, of which she has none of this number.
    "you/": lambda side: side.people["colleague"],
}
# The others.
MORE: dict[str, Finds] = {
    "document": lambda side: side.completions["doubtful"].current_id,
    "secret": lambda side: side.sign_in_link,
    "uid": lambda side: side.completions["one"].uid,
    "id": lambda side: side.people["reviewer"].pk,
}
NO_ROWS: dict[str, Any] = {
    "index": 0,
    "number": 0,
    "digest": "0",
    "names": "keys",
    "app_label": "reviews",
    "url": "nowhere",
    "provider_id": "nowhere",
}
ROW_PARAMETERS = ("pk", "object_id", "id", "document")
API: dict[str, Finds] = {
    "api_feedback_detail": lambda side: FeedbackTask.objects.get(name=f"{side.word} local").feedback.get().uid,
    "api_feedback_task": lambda side: side.feedback_task.uid,
}


def address(route: Route, side: Side, role: str = "", changed: Mapping[str, Any] | None = None) -> str:
    """Where it leads for who asks; with `changed` other rows in its parameters."""
    if not route.parameters:
        return reverse(route.name) if "/" not in route.name else f"/{route.pattern}"
    values = {name: value_of(route, name, side, role) for name in route.parameters} | dict(changed or {})
    if "<" in route.name or "(" in route.name:
        # One without a name: the pattern is its form.
        return unnamed(route.pattern, values)
    return reverse(route.name, kwargs=values)


def numbers(route: Route, side: Side) -> list[dict[str, Any]]:
    """Which of its parameters to exchange for the side's: each alone, and all at once."""
    theirs = {name: value_of(route, name, side, "admin") for name in route.parameters if name in ROW_PARAMETERS}
    return [{name: pk} for name, pk in theirs.items()] + ([theirs] if len(theirs) > 1 else [])


def unnamed(pattern: str, values: dict[str, Any]) -> str:
    """A pattern of Django's admin that has no name."""
    if pattern.endswith("(?P<url>.*)$"):
        return f"/admin/{values['url']}"
    return f"/{pattern.replace('<path:object_id>', str(values['object_id']))}"


def value_of(route: Route, parameter: str, side: Side, role: str) -> Any:
    """What stands for the parameter; a review is hers, where she has one."""
    if parameter in NO_ROWS:
        return NO_ROWS[parameter]
    if parameter == "content_type_id":
        return ContentType.objects.get_for_model(Completion).pk
    if parameter == "object_id":
        return _of_admin(route, side)
    if parameter != "pk":
        return {**MORE, **({"uid": API[route.name]} if route.name in API else {})}[parameter](side)
    found = max((start for start in ROWS if route.pattern.startswith(start)), key=len)
    return (side.held[role] if found == "reviews/" and role in side.held else ROWS[found](side)).pk


def _of_admin(route: Route, side: Side) -> int:
    """The first row of the noun that a page of the admin is about."""
    words = route.pattern.split("/")
    model = apps.get_model("reviews", words[2] if words[1] == "reviews" else "completion")
    pk: int = world.rows_of(model, side.organization).order_by("pk").values_list("pk", flat=True)[0]
    return pk
