"""Moments on a page. The server writes them in the zone of who reads; times.js puts her own clock in their place."""

from datetime import datetime
from html import escape

from django import template
from django.utils import timezone
from django.utils.dates import MONTHS_3
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def moment(at: datetime, form: str = "day") -> SafeString:
    """`{% moment item.received_at "day" %}`; form: clock, second, day or ago."""
    here = timezone.localtime(at)
    clock = f"{here:%H:%M:%S}" if form == "second" else f"{here:%H:%M}"
    words = f"{clock} {here.tzname()}"
    if form not in ("clock", "second"):
        # As Django's own filter has it: "29 Nov, 09:30 UTC", the month in the language of the page.
        words = f"{here.day} {str(MONTHS_3[here.month]).title()}, {words}"
    return mark_safe(  # noqa: S308 - all that is not ours is escaped
        f'<time datetime="{here.isoformat()}" data-time="{escape(form)}">{escape(words)}</time>'
    )
