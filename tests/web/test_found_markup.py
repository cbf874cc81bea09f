"""What is drawn without a template says what a template would say, and runs nothing."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from reviews.web import found_markup, items_markup
from reviews.web.display_found import Choice, Entry, FoundRow
from reviews.web.display_leads import ItemAction, ItemNote, ItemRow, ItemsPage
from reviews.web.display_sync import Option
from reviews.web.moments import moment
from tests.e2e.hostile import VECTORS
from tests.web.page_text import tags_of, text_of

# No database is asked.
pytestmark = pytest.mark.sqlite
WINTER, SUMMER = datetime(2026, 1, 31, 23, 5, 9, tzinfo=UTC), datetime(2026, 7, 1, 9, 30, 0, 123, tzinfo=UTC)
ROW = {"li", "a", "p", "time", "span", "b"}
ITEM = {"tr", "td", "a", "span", "p", "time", "input", "label"}
FIELD = {"div", "label", "small", "input", "datalist", "option", "select", "p"}


@pytest.mark.parametrize("vector", VECTORS)
def test_hostile_text_stays_text_wherever_it_stands(vector: str) -> None:
    row = FoundRow(1, vector, vector, vector, vector, vector, WINTER, (vector,), (vector,), vector)
    entry = Entry(vector, vector, vector, vector, vector, (vector,), vector)
    choice = Choice(vector, vector, (Option(vector, vector, chosen=True),), vector)
    note = ItemNote(vector, WINTER)
    item = ItemRow(1, 1, vector, vector, WINTER, vector, (note,), flagged=True)
    page = ItemsPage(1, vector, (), vector, (item,), vector, ItemAction(vector, vector, vector, vector))
    for html, ours, times in (
        (items_markup.item_rows(page), ITEM, 5),
        (found_markup.found_rows([row]), ROW, 6),
        (found_markup.found_fields([entry, choice]), FIELD, 6),
    ):
        tags = list(tags_of(html))
        assert {tag for tag, _ in tags} <= ours
        assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "src"]
        assert text_of(html).count(vector) == times
    assert [attributes["href"] for tag, attributes in tags_of(found_markup.found_rows([row])) if tag == "a"] == [vector]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("language", ["en", "de", "pl"])
@pytest.mark.parametrize("form", ["clock", "second", "day", "ago"])
def test_a_moment_is_written_as_the_filter_of_templates_writes_it(zone: str, language: str, form: str) -> None:
    pattern = {"clock": "H:i T", "second": "H:i:s T"}.get(form, "j M, H:i T")
    source = '<time datetime="{{ at|date:"c" }}" data-time="{{ form }}">{{ at|date:pattern }}</time>'
    template = Template(source)
    with timezone.override(ZoneInfo(zone)), translation.override(language):
        for at in (WINTER, SUMMER):
            drawn = template.render(Context({"at": at, "form": form, "pattern": pattern}))
            assert moment(at, form) == drawn
