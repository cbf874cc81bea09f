"""What the list of completions has very many of, drawn without a template: its rows, and the fields of its filter.

Everything that stands in a row or is offered by a field was said by an application, a reviewer or an address. Each
string passes `escape` here; the rest is literals and numbers.
"""

from collections.abc import Iterable
from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from reviews.web.display_found import Choice, Entry, FoundRow
from reviews.web.display_sync import Option
from reviews.web.moments import moment

register = template.Library()


@register.simple_tag
def found_rows(found: Iterable[FoundRow]) -> SafeString:
    """The list items, each with the way to its completion."""
    return mark_safe("\n".join(map(_row, found)))  # noqa: S308 - see the docstring of the module


def _row(row: FoundRow) -> str:
    facts = [
        moment(row.received_at, "day"),
        *(f"<span>{escape(text)}</span>" for text in (row.model, row.status) if text),
        *(f'<span class="tag">{escape(tag)}</span>' for tag in row.tags),
        *(f"<b>{escape(mark)}</b>" for mark in row.marks),
    ]
    if row.conflict:
        facts.append(f'<b class="bad">{escape(row.conflict)}</b>')
    return (
        f'<li><a class="said clamp" href="{escape(row.address)}" data-row>{escape(row.preview)}</a>\n'
        f'<p class="facts">{" ".join(facts)}</p></li>'
    )


@register.simple_tag
def found_fields(found: Iterable[Choice | Entry]) -> SafeString:
    """The filters, each a label and what is written or chosen; the first `tag` has the list for all of them."""
    lists: dict[str, str] = {}
    drawn = [_field(number, field, lists) for number, field in enumerate(found, 1)]
    return mark_safe("\n".join(drawn))  # noqa: S308 - see the docstring of the module


def _field(number: int, field: Choice | Entry, lists: dict[str, str]) -> str:
    name = escape(field.name)
    wrong = f' aria-invalid="true" aria-describedby="error-{number}"' if field.error else ""
    error = f'<p class="error" id="error-{number}" role="alert">{escape(field.error)}</p>' if field.error else ""
    if isinstance(field, Entry):
        hint = f' <small class="quiet">{escape(field.hint)}</small>' if field.hint else ""
        control = _entry(number, name, field, wrong, lists)
    else:
        hint, any_of_them = "", f'<option value="">{escape(_("any"))}</option>'
        control = f'<select id="filter-{number}" name="{name}"{wrong}>{any_of_them}{options(field.options)}</select>'
    label = f'<label for="filter-{number}">{escape(field.label)}{hint}</label>'
    return f"<div>{label}{control}{error}</div>"


def _entry(number: int, name: str, field: Entry, wrong: str, lists: dict[str, str]) -> str:
    offered = ""
    if field.offered:
        words = "".join(f'<option value="{escape(word)}"></option>' for word in field.offered)
        offered = f'<datalist id="offered-{number}">{words}</datalist>'
        lists[name] = f' list="offered-{number}"'
    return (
        f'<input type="{escape(field.kind)}" id="filter-{number}" name="{name}" value="{escape(field.value)}"'
        f' autocomplete="off" spellcheck="false"{lists.get(name, "")}{wrong}>{offered}'
    )


@register.simple_tag
def options(found: Iterable[Option]) -> SafeString:
    """What may be chosen."""
    drawn = (
        f'<option value="{escape(option.value)}"{" selected" if option.chosen else ""}>{escape(option.label)}</option>'
        for option in found
    )
    return mark_safe("".join(drawn))  # noqa: S308 - see the docstring of the module
