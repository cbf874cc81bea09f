"""The demo with everything that a page can show: people of each role, each kind of field, pushes in every state."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from tests.browser import Contexts
from tests.e2e import steps
from tests.instances import Instance

ROLES = ("reviewer", "lead", "admin")
FIELDS: dict[str, Any] = {
    "name": "Every kind of field",
    "instruction": "Read the answer, then go through the questions.",
    "json_schema": {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["good", "weak", "wrong"], "title": "Verdict", "description": "As a whole."},
            "reason": {"enum": [f"reason {number}" for number in range(24)], "title": "Reason"},
            "score": {"type": "integer", "minimum": 1, "maximum": 5, "title": "Score"},
            "count": {"type": "integer", "minimum": 0, "maximum": 400, "title": "Count"},
            "share": {"type": "number", "title": "Share", "description": "Between nothing and all."},
            "send": {"type": "boolean", "title": "Send it"},
            "day": {"type": "string", "format": "date", "title": "Day"},
            "name": {"type": "string", "maxLength": 80, "title": "Name"},
            "note": {"type": "string", "title": "Note"},
            "problems": {"type": "array", "items": {"enum": ["fact", "tone", "length"]}, "title": "Problems"},
            "quotes": {"type": "array", "items": {"type": "string"}, "title": "Quotes"},
            "place": {
                "type": "object",
                "title": "Place",
                "properties": {"line": {"type": "integer", "title": "Line"}, "word": {"type": "string"}},
            },
            "either": {"oneOf": [{"type": "string"}, {"type": "integer"}], "title": "Either"},
            "odd": {"patternProperties": {"^x": {"type": "integer"}}, "title": "Odd"},
        },
        "required": ["verdict", "score"],
    },
    "completion_tags_selector": ["fields"],
}
NOTHING: dict[str, Any] = {**steps.FEEDBACK_TASK, "name": "Nothing to do", "completion_tags_selector": ["nothing"]}
# The demo's admin runs the site as well.
SITE_STAFF = "User.objects.filter(username='admin').update(is_staff=True, is_superuser=True)"
PULL_EACH_SECOND = "Upstream.objects.update(pull_seconds=1, next_pull_at='2020-01-01T00:00:00Z')"
PULL_NO_MORE = "Upstream.objects.update(pull_seconds=86400, next_pull_at='2100-01-01T00:00:00Z')"
EVERY_STATE = """
from django.utils import timezone
from reviews.workflow import documents
long = "The upstream answered 400: response.choices.0.message.content" + "_is_longer" * 20
states = ("absent", "attention", "superseded", "unlinked", "discarded", "waiting")
for number, push in enumerate(Push.objects.filter(kind="feedback").order_by("pk")):
    # One under way is left alone.
    Push.objects.filter(pk=push.pk).exclude(state="sending").update(
        state=states[number % len(states)], last_error=long, delivered_at=None, confirmed_at=None
    )
upstream, now = Upstream.objects.get(), timezone.now()
for number in range(3):
    PullRefusal.objects.get_or_create(upstream=upstream, fingerprint=str(number), defaults={
        "pull": upstream.pulls.first(), "uid": "x" * 120 * number, "reason": long * (number + 1), "first_at": now,
        "last_at": now, "data": documents.pack(b"<script>alert(1)</script>" * 200),
    })
team = Organization.objects.get(slug="demo")
nobody = {"asked_text": '{"form": "auto"}', "created_at": now, "not_before": now}
failed = {"state": "failed", "ended_at": now, "error": long, "outcome_text": '{"created": 3, "refused": 1200}'}
job, _ = Job.objects.get_or_create(organization=team, kind="import", file_name="x" * 200, defaults={**nobody, **failed})
for line in range(3):
    JobRefusal.objects.get_or_create(job=job, line=line, defaults={"uid": "x" * 80 * line, "reason": long})
"""
KEYS = """
import json
team = Organization.objects.get(slug="demo")
print(json.dumps({
    "queues": dict(Queue.objects.filter(organization=team).values_list("feedback_task__name", "pk")),
    "completions": dict(Completion.objects.filter(organization=team).values_list("uid", "pk")),
    "amended": Feedback.objects.filter(reviewer__username="reviewer").order_by("pk").first().assignment_id,
    "feedback_task": Queue.objects.get(organization=team, feedback_task__name="Every kind of field").feedback_task_id,
    "refusal": PullRefusal.objects.first().pk,
    "job": Job.objects.get(file_name__startswith="x").pk,
    "uncertain": Completion.objects.filter(organization=team, uncertain_tokens__gt=0).order_by("pk")
        .values("pk", "current_id").first(),
}))
"""


@dataclass
class Everything:
    """A running demo. `people` has a session for each role; `reviews` the address of the item that each of them holds
    in the queue with every kind of field; `queues` and `completions` the primary keys by name and uid; `uncertain` is
    the address of a list of uncertain words.
    """

    instance: Instance
    application: steps.Organization
    people: dict[str, steps.Reviewer]
    reviews: dict[str, str]
    queues: dict[str, int]
    completions: dict[str, int]
    conflict: int
    amended: int
    feedback_task: int
    refusal: int
    job: int
    uncertain: str
    sign_in_link: str

    def open(self, page: Page, path: str, role: str = "") -> int:
        """Open a page as somebody of that role, or as nobody; the status."""
        page.context.clear_cookies()
        if role:
            cookies = self.people[role].session.cookies
            page.context.add_cookies(
                [{"name": one.name, "value": one.value or "", "url": self.instance.url} for one in cookies]
            )
        answer = page.goto(f"{self.instance.url}{path}")
        assert answer is not None
        return answer.status

    def page(self, contexts: Contexts, path: str, role: str = "", **options: Any) -> Page:
        """A page of its own, opened there."""
        page = contexts.new(**options).new_page()
        assert self.open(page, path, role) == 200, path
        return page


@contextmanager
def running() -> Iterator[Everything]:
    """The demo, filled and up."""
    instance = Instance("everything", env={"GRADEBENCH_OUTBOUND_ALLOW": None})
    try:
        instance.carry_out("seed_demo")
        team = steps.Organization(instance, "demo", "demo", "")
        for role in ROLES:
            steps.add_member(team, role, role)
        steps.ask_database(instance, f"{SITE_STAFF}; {PULL_EACH_SECOND}")
        token = instance.carry_out("create_token", "--organization", "demo-app", "--name", "tests").splitlines()[-1]
        instance.start()
        instance.wait_ready()
        yield _filled(steps.Organization(instance, "demo-app", "demo-app", token))
    finally:
        instance.close()


def _filled(application: steps.Organization) -> Everything:
    instance = application.instance
    for feedback_task in (FIELDS, NOTHING):
        application.create_feedback_task(feedback_task)
    documents = [
        steps.chat(f"Question {number}?", f"Answer {number}.", organization_id="demo-app", tags=("fields",))
        for number in range(24)
    ]
    for document in documents:
        application.create(document)
    people = {role: steps.Reviewer(instance, role) for role in ROLES}
    names = 'dict(Queue.objects.filter(organization__slug="demo").values_list("feedback_task__name", "pk"))'
    queues, _ = steps.wait_for("All queues are there", lambda: _queues(instance, names))
    path = f"/queues/{queues[FIELDS['name']]}/start"
    reviewer = people["reviewer"]
    steps.wait_for("The queue fills", lambda: path in reviewer.startable())
    conflict = _reviewed(reviewer, path, application)
    waiting = "print(Completion.objects.filter(conflict_document__isnull=False).count())"
    steps.wait_for("The conflict is seen", lambda: steps.ask_database(instance, waiting) == "1")
    steps.ask_database(instance, PULL_NO_MORE)
    steps.ask_database(instance, EVERY_STATE)
    found = json.loads(steps.ask_database(instance, KEYS))
    reviews = {}
    for role, person in people.items():
        person.get("/")
        assert person.start(path)
        reviews[role] = person.path
    return Everything(
        instance,
        application,
        people,
        reviews,
        found["queues"],
        found["completions"],
        found["completions"][conflict],
        found["amended"],
        found["feedback_task"],
        found["refusal"],
        found["job"],
        "/completions/{pk}/uncertain/{current_id}/0".format(**found["uncertain"]),
        instance.carry_out("sign_in_link", "reviewer").strip(),
    )


def _queues(instance: Instance, names: str) -> dict[str, int] | None:
    found: dict[str, int] = json.loads(steps.ask_database(instance, f"import json\nprint(json.dumps({names}))"))
    return found if {FIELDS["name"], NOTHING["name"]} <= set(found) else None


def _reviewed(person: steps.Reviewer, path: str, application: steps.Organization) -> str:
    """Eight graded, the last one edited and then changed by the application, one flagged; the uid of the edited one."""
    person.get("/")
    assert person.start(path)
    for _ in range(7):
        assert person.submit() == 200
    uid = person.shown
    assert person.submit(lambda text: f"{text} Edited.") == 200, person.page
    flag = next(form for form in person.forms.values() if form.action.endswith("/flag"))
    assert person.post(flag.action, {**flag.fields, "reason": "Is this our policy? " * 20}) == 200, person.page
    answer = application.document(uid) or {}
    answer["response"]["choices"][0]["message"]["content"] = "Changed by the application."
    assert application.call("POST", f"/api/v1/completions/{uid}", json=answer).status_code == 200
    return uid
