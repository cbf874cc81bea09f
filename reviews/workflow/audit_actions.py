"""What people do that is audited: every action with the sentence that tells it. One line each, by family.

In a sentence `who` is the person or the API token (GradeBench itself where it is neither), `what` the thing it was done
to. What is recorded beside that, names and states, follows the sentence. A verb that records an action that stands
here in no line is found by tests/workflow/test_audit_actions.py.
"""

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class Family(TextChoices):
    """What an action is about."""

    ACCESS = "access", gettext_lazy("Sign-in")
    PEOPLE = "people", gettext_lazy("People and organizations")
    CREDENTIALS = "credentials", gettext_lazy("Tokens and upstreams")
    RUBRICS = "rubrics", gettext_lazy("Feedback tasks and queues")
    ITEMS = "items", gettext_lazy("Items and claims")
    GRADES = "grades", gettext_lazy("Grades")
    EDITS = "edits", gettext_lazy("Edits")
    PUSHES = "pushes", gettext_lazy("Pushes and pulls")
    DATA = "data", gettext_lazy("Exports, imports, backups, purges")


@dataclass(frozen=True, slots=True)
class Action:
    """An action: what it is about, and how it is told."""

    family: Family
    sentence: str | Promise


ACTIONS: dict[str, Action] = {
    # Sign-in
    "sign_in": Action(Family.ACCESS, gettext_lazy("%(who)s signed in")),
    "sign_in.failed": Action(Family.ACCESS, gettext_lazy("A sign-in as %(what)s failed")),
    "sign_in.throttled": Action(Family.ACCESS, gettext_lazy("Sign-ins as %(what)s were held up")),
    "sign_out": Action(Family.ACCESS, gettext_lazy("%(who)s signed out")),
    "session.end": Action(Family.ACCESS, gettext_lazy("%(who)s ended a session elsewhere")),
    "second_factor.add": Action(Family.ACCESS, gettext_lazy("%(who)s added a second factor of %(what)s")),
    "second_factor.remove": Action(Family.ACCESS, gettext_lazy("%(who)s removed a second factor of %(what)s")),
    "second_factor.failed": Action(Family.ACCESS, gettext_lazy("A second factor of %(what)s failed")),
    "openid.link": Action(Family.ACCESS, gettext_lazy("%(who)s linked an OpenID account to %(what)s")),
    "link.create": Action(Family.ACCESS, gettext_lazy("%(who)s made a one-time link for %(what)s")),
    "link.use": Action(Family.ACCESS, gettext_lazy("%(who)s used a one-time link")),
    "password.change": Action(Family.ACCESS, gettext_lazy("%(who)s set the password of %(what)s")),
    # People and organizations
    "organization.create": Action(Family.PEOPLE, gettext_lazy("%(who)s made the organization %(what)s")),
    "organization.change": Action(Family.PEOPLE, gettext_lazy("%(who)s changed the organization %(what)s")),
    "member.add": Action(Family.PEOPLE, gettext_lazy("%(who)s added the member %(what)s")),
    "member.role": Action(Family.PEOPLE, gettext_lazy("%(who)s changed the role of %(what)s")),
    "member.remove": Action(Family.PEOPLE, gettext_lazy("%(who)s removed the member %(what)s")),
    "user.create": Action(Family.PEOPLE, gettext_lazy("%(who)s made the user %(what)s")),
    "user.change": Action(Family.PEOPLE, gettext_lazy("%(who)s changed the user %(what)s")),
    "user.password": Action(Family.PEOPLE, gettext_lazy("%(who)s set the password of %(what)s")),
    # Tokens and upstreams
    "token.create": Action(Family.CREDENTIALS, gettext_lazy("%(who)s made the API token %(what)s")),
    "token.revoke": Action(Family.CREDENTIALS, gettext_lazy("%(who)s revoked the API token %(what)s")),
    "upstream.create": Action(Family.CREDENTIALS, gettext_lazy("%(who)s added the upstream %(what)s")),
    "upstream.change": Action(Family.CREDENTIALS, gettext_lazy("%(who)s changed the upstream %(what)s")),
    "upstream.disable": Action(Family.CREDENTIALS, gettext_lazy("%(who)s disabled the upstream %(what)s")),
    "upstream.enable": Action(Family.CREDENTIALS, gettext_lazy("%(who)s enabled the upstream %(what)s")),
    "upstream.credential": Action(Family.CREDENTIALS, gettext_lazy("%(who)s entered the token of %(what)s")),
    "upstream.reseal": Action(Family.CREDENTIALS, gettext_lazy("%(who)s sealed the token of %(what)s by another key")),
    "encryption_key.rotate": Action(Family.CREDENTIALS, gettext_lazy("%(who)s rotated the encryption key")),
    # Feedback tasks and queues
    "feedback_task.create": Action(Family.RUBRICS, gettext_lazy("%(who)s made the feedback task %(what)s")),
    "feedback_task.revise": Action(Family.RUBRICS, gettext_lazy("%(who)s revised the feedback task %(what)s")),
    "feedback_task.archive": Action(Family.RUBRICS, gettext_lazy("%(who)s archived the feedback task %(what)s")),
    "feedback_task.restore": Action(Family.RUBRICS, gettext_lazy("%(who)s brought the feedback task %(what)s back")),
    "feedback_task.link": Action(Family.RUBRICS, gettext_lazy("%(who)s linked the feedback task %(what)s")),
    "queue.change": Action(Family.RUBRICS, gettext_lazy("%(who)s changed the queue %(what)s")),
    "queue.reviewers": Action(Family.RUBRICS, gettext_lazy("%(who)s chose who reviews the queue %(what)s")),
    # Items and claims
    "claim.release": Action(Family.ITEMS, gettext_lazy("%(who)s took a claim back on %(what)s")),
    "item.take": Action(Family.ITEMS, gettext_lazy("%(who)s took %(what)s to grade it")),
    "item.flag": Action(Family.ITEMS, gettext_lazy("%(who)s flagged %(what)s")),
    "item.unflag": Action(Family.ITEMS, gettext_lazy("%(who)s took the flag off %(what)s")),
    "item.close": Action(Family.ITEMS, gettext_lazy("%(who)s closed %(what)s")),
    "item.requeue": Action(Family.ITEMS, gettext_lazy("%(who)s offered %(what)s again to who skipped it")),
    "item.reopen": Action(Family.ITEMS, gettext_lazy("%(who)s reopened %(what)s")),
    # Grades
    "feedback.create": Action(Family.GRADES, gettext_lazy("%(who)s graded %(what)s")),
    "feedback.amend": Action(Family.GRADES, gettext_lazy("%(who)s amended the grade of %(what)s")),
    "feedback.undo": Action(Family.GRADES, gettext_lazy("%(who)s took the grade of %(what)s back")),
    "feedback.withdraw": Action(Family.GRADES, gettext_lazy("%(who)s withdrew the grade of %(what)s")),
    # Edits
    "completion.revise": Action(Family.EDITS, gettext_lazy("%(who)s changed %(what)s")),
    "completion.conflict": Action(Family.EDITS, gettext_lazy("%(who)s found %(what)s changed upstream")),
    "conflict.resolve": Action(Family.EDITS, gettext_lazy("%(who)s decided what becomes of %(what)s")),
    # Pushes and pulls
    "push.deliver": Action(Family.PUSHES, gettext_lazy("A push of %(what)s arrived")),
    "push.find": Action(Family.PUSHES, gettext_lazy("A push of %(what)s was found to have arrived")),
    "push.give_up": Action(Family.PUSHES, gettext_lazy("A push of %(what)s gave up")),
    "push.retry": Action(Family.PUSHES, gettext_lazy("%(who)s pushed %(what)s again")),
    "push.discard": Action(Family.PUSHES, gettext_lazy("%(who)s gave up a push of %(what)s")),
    "upstream.pull_now": Action(Family.PUSHES, gettext_lazy("%(who)s asked for a pull of %(what)s")),
    "refusal.retry": Action(Family.PUSHES, gettext_lazy("%(who)s had what a pull set aside tried again")),
    # Exports, imports, backups, purges
    "completion.export": Action(Family.DATA, gettext_lazy("%(who)s exported %(what)s")),
    "completion.purge": Action(Family.DATA, gettext_lazy("%(who)s purged the text of %(what)s")),
    "audit.export": Action(Family.DATA, gettext_lazy("%(who)s exported the audit")),
    "completions.import": Action(Family.DATA, gettext_lazy("%(who)s imported completions from a file")),
    "job.ask": Action(Family.DATA, gettext_lazy("%(who)s asked for %(what)s")),
    "job.cancel": Action(Family.DATA, gettext_lazy("%(who)s cancelled %(what)s")),
    "job.download": Action(Family.DATA, gettext_lazy("%(who)s downloaded the file of %(what)s")),
    "backup.take": Action(Family.DATA, gettext_lazy("%(who)s took a backup")),
}


def actions_of(family: str) -> list[str]:
    """The names of a family's actions."""
    return [name for name, action in ACTIONS.items() if action.family == family]


def sentence(action: str, *, who: str, what: str) -> str:
    """What happened, in words. An action of a version that is not this one is named as it was recorded."""
    known = ACTIONS.get(action)
    told = str(known.sentence) if known else _("%(who)s: %(action)s %(what)s")
    return (told % {"who": who, "what": what, "action": action}).strip()
