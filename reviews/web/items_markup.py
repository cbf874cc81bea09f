"""The rows of a queue's list, drawn without a template: a page has fifty of them, see found_markup.

Each string that comes from a completion, a reviewer or a queue passes `escape` here; the rest is literals and numbers.
"""

from html import escape

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from reviews.web.display_leads import ItemNote, ItemRow, ItemsPage
from reviews.web.http import numbered
from reviews.web.moments import moment

register = template.Library()


@register.simple_tag
def item_rows(page: ItemsPage) -> SafeString:
    """The rows of the table; they are ticked where something can be done with them."""
    address = numbered("completion")
    flagged = f'<p><a href="{escape(page.flags)}">{escape(_("flagged"))}</a></p>'
    label = escape(_("Reviews"))
    return SafeString(
        "\n".join(
            f"<tr>{_tick(item) if page.action else ''}"
            f'<td class="which"><a href="{address(item.completion_id)}">{escape(item.completion_name)}</a>\n'
            f'<span class="quiet clamp">{escape(item.preview)}</span></td>'
            f'<td class="notes-of-item">{flagged if item.flagged else ""}{"".join(map(_note, item.notes))}</td>'
            f'<td class="number" data-label="{label}">{escape(item.reviews)}</td>'
            f'<td class="made">{moment(item.received_at, "day")}</td></tr>'
            for item in page.rows
        )
    )


def _tick(item: ItemRow) -> str:
    words = _("Tick %(name)s") % {"name": item.completion_name}
    return (
        f'<td class="tick"><input type="hidden" name="shown" value="{item.id}"><label class="tick">'
        f'<input type="checkbox" name="item" value="{item.id}"><span class="hidden">{escape(words)}</span></label></td>'
    )


def _note(note: ItemNote) -> str:
    until = f" {moment(note.until, 'clock')}" if note.until else ""
    return f"<p>{escape(note.words)}{until}</p>"
