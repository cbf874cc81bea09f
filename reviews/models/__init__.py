"""The nouns. Grep one word through models, workflow, web, api and tests and you hold the slice."""

from reviews.models.accounts import (
    ApiToken,
    LinkPurpose,
    Member,
    Organization,
    Role,
    Session,
    SignInAttempt,
    SignInLink,
    User,
)
from reviews.models.audit import AuditEvent, AuditSeal
from reviews.models.base import AppendOnlyViolation
from reviews.models.completions import Completion, CompletionTag, Document, Encoding, Kind, Status, Tag
from reviews.models.drafts import Draft
from reviews.models.feedback import Feedback, FeedbackCompletion, FeedbackOrigin, GradeValue
from reviews.models.feedback_tasks import FeedbackTask, FeedbackTaskRevision, FeedbackTaskTag
from reviews.models.idempotency import KeyedRequest
from reviews.models.jobs import Job, JobKind, JobPart, JobRefusal, JobState
from reviews.models.queues import (
    Assignment,
    AssignmentState,
    ClaimChange,
    ClaimEvent,
    ItemState,
    Order,
    Queue,
    QueueItem,
    QueueReviewer,
)
from reviews.models.revisions import Revision, RevisionOrigin
from reviews.models.saved_views import SavedView
from reviews.models.sync import Heartbeat, Pull, PullRefusal, PullState, Push, PushKind, PushState, Refused
from reviews.models.upstreams import Upstream

__all__ = [
    "ApiToken",
    "AppendOnlyViolation",
    "Assignment",
    "AssignmentState",
    "AuditEvent",
    "AuditSeal",
    "ClaimChange",
    "ClaimEvent",
    "Completion",
    "CompletionTag",
    "Document",
    "Draft",
    "Encoding",
    "Feedback",
    "FeedbackCompletion",
    "FeedbackOrigin",
    "FeedbackTask",
    "FeedbackTaskRevision",
    "FeedbackTaskTag",
    "GradeValue",
    "Heartbeat",
    "ItemState",
    "Job",
    "JobKind",
    "JobPart",
    "JobRefusal",
    "JobState",
    "KeyedRequest",
    "Kind",
    "LinkPurpose",
    "Member",
    "Order",
    "Organization",
    "Pull",
    "PullRefusal",
    "PullState",
    "Push",
    "PushKind",
    "PushState",
    "Queue",
    "QueueItem",
    "QueueReviewer",
    "Refused",
    "Revision",
    "RevisionOrigin",
    "Role",
    "SavedView",
    "Session",
    "SignInAttempt",
    "SignInLink",
    "Status",
    "Tag",
    "Upstream",
    "User",
]
