"""Django admin: one module per noun family. What has a workflow verb is done by it; what has none is shown."""

from reviews.admin import (
    accounts,
    audit,
    completions,
    feedback,
    feedback_tasks,
    queues,
    revisions,
    site,
    sync,
    upstreams,
)

__all__ = [
    "accounts",
    "audit",
    "completions",
    "feedback",
    "feedback_tasks",
    "queues",
    "revisions",
    "site",
    "sync",
    "upstreams",
]
