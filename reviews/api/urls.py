"""Log10's paths, without a slash at their end. None ever redirects: a client's POST would become an empty GET."""

from django.urls import path

from reviews.api import (
    bulk,
    completions,
    description,
    feedback,
    feedback_tasks,
    legacy,
    legacy_completions,
    sessions,
)

urlpatterns = [
    path("v1/completions", completions.Completions.as_view(), name="api_completions"),
    path("v1/completions/ungraded", completions.Ungraded.as_view(), name="api_ungraded"),
    path("v1/completions/<path:uid>", completions.CompletionUpdate.as_view(), name="api_completion_update"),
    path("v1/sessions", sessions.Sessions.as_view(), name="api_sessions"),
    path("v1/feedback", feedback.FeedbackList.as_view(), name="api_feedback"),
    path("v1/feedback/<path:uid>", feedback.FeedbackDetail.as_view(), name="api_feedback_detail"),
    path("v1/feedback_task", feedback_tasks.FeedbackTasks.as_view(), name="api_feedback_tasks"),
    path("v1/feedback_task/<path:uid>", feedback_tasks.FeedbackTaskDetail.as_view(), name="api_feedback_task"),
    # The dialect of log10-io.
    path("sessions", legacy.LegacySessions.as_view(), name="api_legacy_sessions"),
    path("completions", legacy_completions.LegacyCompletions.as_view(), name="api_legacy_completions"),
    path("completions/<path:uid>", legacy_completions.LegacyCompletion.as_view(), name="api_completion"),
    path("tags/search", legacy.TagSearch.as_view(), name="api_tag_search"),
    path("experimental/autoprompt/convert", legacy.Autoprompt.as_view(), name="api_autoprompt_convert"),
    path("experimental/autoprompt/suggestions", legacy.Autoprompt.as_view(), name="api_autoprompt_suggestions"),
    path("experimental/autoprompt/report", legacy.Autoprompt.as_view(), name="api_autoprompt_report"),
    # Ours beyond Log10's.
    path("gradebench/v1/completions/bulk", bulk.CompletionsBulk.as_view(), name="api_completions_bulk"),
    # The description of all of these.
    path("schema", description.Schema.as_view(), name="api_schema"),
    path("docs", description.Docs.as_view(), name="api_docs"),
]
