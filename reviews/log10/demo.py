"""The demo: the loop itself. `demo-app` plays the application's Log10 service; `demo` reviews, with it as upstream."""

import contextlib
import json
from pathlib import Path

from django.db import transaction

from reviews.log10 import importing, wire
from reviews.models import Organization, Queue, Role, Upstream, User
from reviews.workflow import accounts, audit, feedback_tasks, sealing, upstreams
from reviews.workflow.audit import SYSTEM

FOLDER = Path(__file__).resolve().parent.parent / "demo"
USERNAME = "demo"
PULL_SECONDS = 10
# `up` puts its own port here before it serves, so that the demo finds itself wherever it listens.
HERE = "http://127.0.0.1:"
ANYWHERE = f"{HERE}8000"


def seed() -> bool:
    """Write the demo into an empty database; False, and nothing written, when any organization exists."""
    with transaction.atomic():
        if Organization.objects.exists():
            return False
        application = accounts.create_organization("demo-app", name="Kettle & Chain, the application")
        team = accounts.create_organization("demo", name="Kettle & Chain, the reviewers")
        _fill_application(application)
        _, secret = accounts.create_token(application, name="reviewers")
        upstreams.create(
            team,
            url=ANYWHERE,
            upstream_organization=application.external_id,
            token=secret,
            name="demo-app",
            pull_seconds=PULL_SECONDS,
        )
        _add_people(application, team)
    return True


def point_at(url: str) -> None:
    """Make the demo's upstream this address, where `up` is about to serve.

    The one way by which a URL changes and the token stays: from this machine to this machine, so an upstream of that
    name that leads elsewhere is somebody's own, and left alone. So is one whose token no key opens; it says so itself.
    """
    ours = Upstream.objects.filter(organization__slug="demo", name="demo-app", url__startswith=HERE)
    for upstream in ours.exclude(url=url).select_related("organization"):
        with contextlib.suppress(sealing.SealBroken):
            upstreams.change(upstream, url=url, token=upstreams.token_of(upstream), actor=SYSTEM)


def _fill_application(application: Organization) -> None:
    for row in json.loads((FOLDER / "feedback_tasks.json").read_text()):
        feedback_tasks.create(application, wire.read_feedback_task(row))
    # Nobody reviews on the application's side: its completions are pulled and graded by the team.
    Queue.objects.filter(organization=application).update(is_open=False)
    lines = (FOLDER / "completions.jsonl").read_bytes().splitlines()
    importing.take(application, enumerate(lines, start=1), "log10")


def _add_people(application: Organization, team: Organization) -> None:
    for organization in (application, team):
        accounts.add_member(USERNAME, organization=organization, role=Role.ADMIN)
    # The demo's one person sees everything, Django admin included; she signs in by a one-time link.
    user = User.objects.get(username=USERNAME)
    user.is_staff = user.is_superuser = True
    user.save(update_fields=["is_staff", "is_superuser"])
    audit.record("user.change", user, organization=None, details="is_staff, is_superuser")
