"""Moments on a page. The server writes them in the zone of who reads; times.js puts her own clock in their place."""

from datetime import datetime
from functools import lru_cache
from html import escape

from django import template
from django.utils import timezone
from django.utils.dates import MONTHS_3
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


@register.simple_tag
def moment(at: datetime, form: str = "day") -> SafeString:
    """`{% moment item.received_at "day" %}`; form: clock, second, day or ago."""
    here = at.astimezone(timezone.get_current_timezone())
    said = here.isoformat()
    # Of "2026-11-29T09:30:15+00:00".
    words = f"{said[11:19] if form == 'second' else said[11:16]} {here.tzname()}"
    if form not in ("clock", "second"):
        # As Django's own filter has it: "29 Nov, 09:30 UTC".
        words = f"{here.day} {_month(here.month, get_language())}, {words}"
    return SafeString(f'<time datetime="{said}" data-time="{escape(form)}">{escape(words)}</time>')


@lru_cache(maxsize=100)
def _month(number: int, _language: str | None) -> str:
    return str(MONTHS_3[number]).title()
