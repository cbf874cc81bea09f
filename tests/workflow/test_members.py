"""Roles, and the end of a membership."""

import pytest

from reviews.models import AssignmentState, AuditEvent, ClaimEvent, Feedback, Member, QueueReviewer, Role
from reviews.workflow import members
from reviews.workflow.audit import SYSTEM, Actor
from reviews.workflow.members import NotSo
from tests import factories

pytestmark = pytest.mark.django_db


def test_it_changes_a_role_and_says_from_which_to_which() -> None:
    organization = factories.organization()
    admin, mira = factories.member(organization, role=Role.ADMIN), factories.member(organization, username="mira")
    members.change_role(mira, Role.LEAD, actor=Actor(user=admin.user))
    mira.refresh_from_db()
    assert mira.role == Role.LEAD
    event = AuditEvent.objects.get(action="member.role")
    assert (event.details, event.user, event.organization) == ("mira: reviewer → lead", admin.user, organization)


def test_it_says_nothing_of_a_role_that_stays() -> None:
    made = factories.member(factories.organization())
    members.change_role(made, Role.REVIEWER, actor=SYSTEM)
    assert not AuditEvent.objects.filter(action="member.role").exists()


def test_it_knows_no_other_roles() -> None:
    with pytest.raises(ValueError, match="“owner” is no role"):
        members.change_role(factories.member(factories.organization()), "owner", actor=SYSTEM)


def test_it_frees_what_a_removed_member_held() -> None:
    organization = factories.organization()
    task = factories.feedback_task(organization)
    factories.completion(organization)
    member = factories.member(organization)
    held = factories.assignment(task, reviewer=member.user)
    QueueReviewer.objects.create(queue=task.queue, user=member.user)
    assert members.remove(member, actor=SYSTEM) == 1
    held.refresh_from_db()
    held.item.refresh_from_db()
    assert (held.state, held.item.places_taken) == (AssignmentState.RELEASED, 0)
    assert ClaimEvent.objects.filter(assignment=held).latest("pk").reason == "her membership ended"
    assert not QueueReviewer.objects.exists()
    assert factories.assignment(task).item == held.item


def test_it_leaves_what_she_does_in_another_organization() -> None:
    organization, other = factories.organization(), factories.organization()
    task = factories.feedback_task(other)
    factories.completion(other)
    member = factories.member(organization, username="mira")
    factories.member(other, username="mira")
    held = factories.assignment(task, reviewer=member.user)
    QueueReviewer.objects.create(queue=task.queue, user=member.user)
    assert members.remove(member, actor=SYSTEM) == 0
    held.refresh_from_db()
    assert held.state == AssignmentState.HELD
    assert QueueReviewer.objects.count() == 1


def test_it_keeps_what_she_did_and_her_account() -> None:
    organization = factories.organization()
    task = factories.feedback_task(organization)
    factories.completion(organization)
    member = factories.member(organization, username="mira")
    factories.submit(factories.assignment(task, reviewer=member.user), answer="It is 43.")
    events = AuditEvent.objects.count()
    members.remove(member, actor=SYSTEM)
    given = Feedback.objects.get()
    assert (given.reviewer, given.assignment and given.assignment.state) == (member.user, AssignmentState.DONE)
    assert organization.completions.get().revisions.get().author == member.user
    assert AuditEvent.objects.count() == events + 1
    event = AuditEvent.objects.get(action="member.remove")
    assert event.details == "mira: reviewer; claims released: 0"


def test_it_removes_nobody_twice() -> None:
    member = factories.member(factories.organization())
    again = Member.objects.get()
    members.remove(member, actor=SYSTEM)
    with pytest.raises(NotSo, match="ended already"):
        members.remove(again, actor=SYSTEM)
    assert AuditEvent.objects.filter(action="member.remove").count() == 1


def test_nobody_demotes_or_removes_herself() -> None:
    organization = factories.organization()
    admin = factories.member(organization, role=Role.ADMIN)
    factories.member(organization, role=Role.ADMIN)
    with pytest.raises(NotSo, match="ask another admin"):
        members.change_role(admin, Role.LEAD, actor=Actor(user=admin.user))
    with pytest.raises(NotSo, match="ask another admin"):
        members.remove(admin, actor=Actor(user=admin.user))
    assert Member.objects.filter(role=Role.ADMIN).count() == 2


def test_the_last_admin_goes_by_site_staff_alone() -> None:
    organization = factories.organization()
    admin = factories.member(organization, username="mira", role=Role.ADMIN)
    # Somebody whose own role was taken away since she opened the page.
    once = factories.member(organization, role=Role.LEAD)
    for verb in (members.remove, lambda member, actor: members.change_role(member, Role.LEAD, actor=actor)):
        with pytest.raises(NotSo, match="mira is the last admin"):
            verb(admin, actor=Actor(user=once.user))
    staff = factories.user(is_superuser=True)
    members.remove(admin, actor=Actor(user=staff))
    assert not Member.objects.filter(role=Role.ADMIN).exists()
