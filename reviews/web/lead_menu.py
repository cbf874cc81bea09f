"""What the menu of every page has for leads and admins: their pages, and how many flags wait."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from reviews.web.display_sync import Figure
from reviews.web.http import standing_for
from reviews.workflow import queue_items

MOST_COUNTED = 99


@dataclass(frozen=True, slots=True)
class LeadMenu:
    """`flags` wait in the queues of the organizations where she is a lead; `is_admin` of at least one of those."""

    flags: Figure
    is_admin: bool


def lead_menu(request: HttpRequest) -> dict[str, Callable[[], LeadMenu | None]]:
    """Context processor. Asks when a template uses it, so that fragments cost nothing; None for who leads nowhere."""
    return {"lead_menu": lambda: _lead_menu(request)}


def _lead_menu(request: HttpRequest) -> LeadMenu | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    standing = standing_for(request)
    if not standing.led_ids:
        return None
    flags = Figure(queue_items.count_flagged(standing.led_ids, most=MOST_COUNTED), MOST_COUNTED)
    return LeadMenu(flags, is_admin=bool(standing.administered_ids))
