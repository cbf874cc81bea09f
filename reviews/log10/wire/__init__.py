"""Log10 payloads, each defined once: read by API, import and pull; written by API and push."""

from reviews.log10.wire.legacy import is_downloaded, logged_completion, logged_row, read_downloaded, read_logged
from reviews.log10.wire.members import LONGEST_TAG, WireRefused
from reviews.log10.wire.openai import is_openai, read_openai
from reviews.log10.wire.readers import RAW, Reader
from reviews.log10.wire.reading import (
    LONGEST_INSTRUCTION,
    LONGEST_NAME,
    MOST_COMPLETIONS,
    MOST_TAGS,
    CompletionIn,
    FeedbackIn,
    read_completion,
    read_feedback,
    read_feedback_task,
)
from reviews.log10.wire.strict import EXPECTED_REQUEST_MEMBERS
from reviews.log10.wire.writing import completion, feedback, feedback_task, feedback_to_push

__all__ = [
    "EXPECTED_REQUEST_MEMBERS",
    "LONGEST_INSTRUCTION",
    "LONGEST_NAME",
    "LONGEST_TAG",
    "MOST_COMPLETIONS",
    "MOST_TAGS",
    "RAW",
    "CompletionIn",
    "FeedbackIn",
    "Reader",
    "WireRefused",
    "completion",
    "feedback",
    "feedback_task",
    "feedback_to_push",
    "is_downloaded",
    "is_openai",
    "logged_completion",
    "logged_row",
    "read_completion",
    "read_downloaded",
    "read_feedback",
    "read_feedback_task",
    "read_logged",
    "read_openai",
]
