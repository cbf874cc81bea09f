"""Django admin: one module per noun family. What has a workflow verb is done by it; what has none is shown."""

from reviews.admin import (
    accounts,
    api_tokens,
    audit,
    completions,
    feedback,
    feedback_tasks,
    members,
    queues,
    revisions,
    site,
    sync,
    upstreams,
)

__all__ = [
    "accounts",
    "api_tokens",
    "audit",
    "completions",
    "feedback",
    "feedback_tasks",
    "members",
    "queues",
    "revisions",
    "site",
    "sync",
    "upstreams",
]
