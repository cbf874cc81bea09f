"""What a member of a payload must be; a sentence names the one that is not."""

from collections.abc import Mapping
from typing import Any

from reviews.workflow.feedback_tasks import MOST_SELECTOR_TAGS

LONGEST_TAG = 255


class WireRefused(ValueError):
    """A payload that is not of its form; the sentence names the member."""


def an_object(value: object, what: str) -> dict[str, Any]:
    """The value where it is a JSON object. Raises WireRefused, as all of these do."""
    if not isinstance(value, dict):
        raise WireRefused(f"{what} must be a JSON object.")
    return value


def optional_text(row: Mapping[str, Any], member: str) -> str | None:
    """The member where it is text; None where it is null or absent."""
    value = row.get(member)
    if value is not None and not isinstance(value, str):
        raise WireRefused(f"“{member}” must be text.")
    return value


def optional_flag(row: Mapping[str, Any], member: str) -> bool:
    """The member where it is true or false; false where it is null or absent."""
    value = row.get(member)
    if value is not None and not isinstance(value, bool):
        raise WireRefused(f"“{member}” must be true or false.")
    return bool(value)


def names(value: object, member: str, most: int) -> tuple[str, ...]:
    """A list of at most `most` texts, each once, in their order."""
    if not isinstance(value, list) or len(value) > most:
        raise WireRefused(f"“{member}” must be a list of at most {most:,} texts.")
    for name in value:
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_TAG:
            raise WireRefused(f"“{member}” must hold texts of 1 to {LONGEST_TAG} characters.")
    return tuple(dict.fromkeys(value))


def plain_names(value: object, member: str, most: int) -> tuple[str, ...]:
    """Names to look for; no database holds a NUL to find."""
    found = names(value, member, most)
    if any("\x00" in name for name in found):
        raise WireRefused(f"“{member}” must hold no NUL character.")
    return found


def selector(value: object) -> tuple[str, ...]:
    """A list of tags; an object, as log10py's empty class sends one, selects nothing."""
    if value is None or isinstance(value, dict):
        return ()
    return plain_names(value, "completion_tags_selector", MOST_SELECTOR_TAGS)
