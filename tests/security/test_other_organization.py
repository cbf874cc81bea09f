"""Security 2: what another organization has is as unknown as what nobody has, in every path, form, query and body.

The answers are compared byte for byte but for the id that was asked for. A number stands for itself in the first of the
two organizations alone, so that no id of the one means a row of the other.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from reviews import tasks
from reviews.models import FeedbackTask, Role, Tag, Upstream
from reviews.workflow import upstreams
from tests import factories
from tests.fake_upstream import ORGANIZATION, TOKEN, FakeUpstream
from tests.security import addresses, named, world
from tests.security.asking import Route, ask, plain, routes
from tests.security.named import Place
from tests.security.route_table import API
from tests.security.world import Side

pytestmark = pytest.mark.django_db
Record = Callable[[str, object], None]
Said = tuple[int, str, str]
# As long as the others, and nobody's.
UNKNOWN = 7_999_997
_FAR = re.compile(r"\b7\d{6}\b")
# The id of feedback that was just given, and when.
_GIVEN = re.compile(r'(?<=^{"id":")[^"]*|(?<="created_at_ms":)\d+')


@dataclass
class Comparing:
    """Asks for what is theirs and for what is nobody's, and notes where the answers differ."""

    there: Side
    more: dict[str, Any] = field(default_factory=dict)
    asked: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._before = world.dump_of(self.there.organization)
        self._ids = {str(pk) for pks in world.ids_of(self.there.organization).values() for pk in pks}

    def says(self, client: Client, method: str, path: str, data: Any, *values: object) -> Said:
        """What is answered, with the values that it was asked for out of it."""
        answer = ask(client, method, path, data, look=self._look, **self.more)
        self.asked += 1
        headers = {name: text for name, text in answer.headers.items() if name not in ("Expires", "Content-Length")}
        body: bytes = answer.whole if answer.streaming else answer.content
        said, shown = _without(str(headers), *values), _without(body.decode(errors="replace"), *values)
        return answer.status_code, self._old(said), self._old(shown)

    def _old(self, text: str) -> str:
        """Without the numbers of rows that were made for this answer, and are taken back."""
        return _FAR.sub(lambda found: found[0] if found[0] in self._ids else "NEW", text)

    def differ(self, name: str, theirs: object, nobodys: object) -> None:
        """Note it where they do."""
        if theirs != nobodys:
            lines = difflib.unified_diff(str(theirs).split("\\n"), str(nobodys).split("\\n"), lineterm="", n=0)
            self.wrong.append("\n".join([name, *lines])[:1500])

    def _look(self) -> None:
        if world.dump_of(self.there.organization) != self._before:
            self.wrong.append("Something of theirs was changed.")


def _without(text: str, *values: object) -> str:
    for value in values:
        text = text.replace(str(value), "ID").replace(quote_plus(str(value)), "ID")
    return _GIVEN.sub("", plain(text))


def test_no_path_leads_there(record_property: Record) -> None:
    here, there = world.two()
    comparing = Comparing(there)
    led = [one for one in routes() if {*one.parameters} & {*addresses.ROW_PARAMETERS} and one.name not in API]
    for route in led:
        for role in [Role.ADMIN] if "admin" in route.pattern else world.ROLES:
            for method in ("GET", "POST"):
                for theirs in addresses.numbers(route, there):
                    _path(comparing, here.client(role), method, route, here, theirs)
    _any_number(comparing, [route for route in led if "admin" not in route.pattern], here)
    assert not comparing.wrong, "\n\n".join(comparing.wrong)
    record_property("routes", len(led))
    record_property("requests", comparing.asked)


def _any_number(comparing: Comparing, led: list[Route], here: Side) -> None:
    """Numbers of every noun, whatever a route is about."""
    ids, client = world.ids_of(comparing.there.organization), here.client("admin")
    for route in led:
        nobodys = _says_of(comparing, client, "GET", route, here, {route.parameters[0]: UNKNOWN})
        for noun, pks in ids.items():
            for pk in pks[:1]:
                theirs = _says_of(comparing, client, "GET", route, here, {route.parameters[0]: pk})
                comparing.differ(f"GET {route.name} of the {noun} {pk}", theirs, nobodys)


def _path(comparing: Comparing, client: Client, method: str, route: Route, here: Side, theirs: dict[str, Any]) -> None:
    """Ask with their numbers, and with nobody's in the same places."""
    name = f"{method} {route.name} with {theirs}"
    found = _says_of(comparing, client, method, route, here, theirs)
    comparing.differ(name, found, _says_of(comparing, client, method, route, here, dict.fromkeys(theirs, UNKNOWN)))
    if found[0] == 200 and "admin" not in route.pattern:
        comparing.wrong.append(f"{name} was answered.")


def _says_of(
    comparing: Comparing, client: Client, method: str, route: Route, here: Side, values: dict[str, Any]
) -> Said:
    path = addresses.address(route, here, "admin", values)
    return comparing.says(client, method, path, None, *values.values())


def test_no_form_and_no_query_names_anything_there(record_property: Record) -> None:
    here, there = world.two()
    comparing, ids = Comparing(there), world.ids_of(there.organization)
    for place in named.on_pages(here):
        client = here.client(place.role)
        for value in ids[place.noun][:2]:
            _compare(comparing, client, place, value, UNKNOWN)
    texts = {
        "tag": "zebra-tag",
        "completion": "zebra-item-0",
        "reason": "No zebra response.",
        "person": "zebra-lead",
        "token": "zebra-token",
    }
    for place in named.by_text(here):
        theirs = texts[place.noun]
        _compare(comparing, here.client(place.role), place, theirs, theirs.replace("zebra", "nobod"))
    assert not comparing.wrong, "\n\n".join(comparing.wrong)
    record_property("places", len(named.on_pages(here)) + len(named.by_text(here)))
    record_property("requests", comparing.asked)


def test_nothing_in_the_api_names_anything_there(record_property: Record) -> None:
    here, there = world.two()
    headers = {"X-Log10-Token": here.secret}
    comparing = Comparing(there, {"headers": headers})
    local = FeedbackTask.objects.get(name="zebra local")
    texts = {
        "completion": "zebra-one",
        "feedback_task": there.feedback_task.uid,
        "feedback": local.feedback.get().uid,
        "session": "zebra-session",
        "tag": "zebra-tag",
        "tag_uid": Tag.objects.get(name="zebra-tag").uid,
    }
    nouns = {*texts.values(), there.edit.uid, there.upstream.uid, str(there.completions["one"].pk)}
    for place in named.in_the_api(here):
        for theirs in sorted({texts[place.noun], *(nouns if place.method == "GET" else ())}):
            _compare(comparing, Client(), place, theirs, "nobod" + "-" * (len(theirs) - 5))
    assert not comparing.wrong, "\n\n".join(comparing.wrong)
    # With ids of their own they are answered: it was the id, and nothing else, that was refused.
    own = {"completion": "walrus-one", "feedback_task": here.feedback_task.uid, "tag": "walrus-tag"}
    for place in named.in_the_api(here):
        if place.method == "POST":
            answer = ask(Client(), "POST", *named.filled(place, own[place.noun]), headers=headers)
            assert answer.status_code == 200, (place, answer.content)
    record_property("places", len(named.in_the_api(here)))
    record_property("requests", comparing.asked)


def _compare(comparing: Comparing, client: Client, place: Place, theirs: object, nobodys: object) -> None:
    said = [comparing.says(client, place.method, *named.filled(place, value), value) for value in (theirs, nobodys)]
    comparing.differ(f"{place.method} {place.path} {place.data} with {theirs}", *said)


def test_an_id_that_only_another_organization_holds_is_not_found_by_a_post() -> None:
    """Clients make ids and post to them, so an unknown uuid is made; one that is held elsewhere is not."""
    here, there = world.two()
    uid = factories.completion(there.organization).uid
    before = world.dump()
    said = factories.document()
    headers = {"X-Log10-Token": here.secret}
    for path, body in (
        (reverse("api_completions"), {**said, "id": uid}),
        (reverse("api_completion_update", args=[uid]), said),
        (reverse("api_completion", args=[uid]), said),
    ):
        answer = Client().post(path, body, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()) == (404, {"error": f"There is no completion {uid} here."})
    assert world.dump() == before


# What Celery does ------------------------------------------------------------------------------------------------


def test_a_pull_and_a_push_of_one_touch_nothing_of_the_other(settings: Settings) -> None:
    """Even where the upstream lists ids that only the other holds, and the other's are due as well."""
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    settings.UNDO_SECONDS = 0
    here, there = world.two()
    with FakeUpstream() as fake:
        upstreams.create(here.organization, url=fake.url, upstream_organization=ORGANIZATION, token=TOKEN, name="fake")
        ours = Upstream.objects.get(name="fake")
        for completion in (there.completions["one"], there.held["lead"].item.completion):
            fake.add(factories.document(answer="Taken?", id=completion.uid, organization_id=ORGANIZATION))
        before = world.dump_of(there.organization)
        tasks.pull_upstream(ours.pk)
        tasks.push_upstream(ours.pk)
        # Nobody's: gone meanwhile.
        tasks.pull_upstream(UNKNOWN)
        tasks.push_upstream(UNKNOWN)
        pulled = ours.pulls.get()
        assert (pulled.state, pulled.created, pulled.error) == ("complete", 2, "")
        assert world.dump_of(there.organization) == before
        assert not any(b"zebra" in seen.body for seen in fake.seen)
