"""The cheat sheet against the scripts: every key is in it, and it promises no other."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from reviews.web.schema_form import RESERVED_KEYS
from tests.web.scene import scene

pytestmark = pytest.mark.django_db
# What is not a command of its own: the keys on choices, and the ways to write.
BESIDE = {"1", "f", "Ctrl", "↵", "Esc"}
# Each listens for its keys in a module of its own.
ELSEWHERE = {"[": "tokens.js", "]": "tokens.js"}


def _script(name: str) -> str:
    path = finders.find(f"reviews/{name}")
    assert isinstance(path, str)
    return Path(path).read_text()


def _commands() -> set[str]:
    """The keys of the table in keys.js."""
    table = re.search(r"const commands = \{\n(.*?)\n\};", _script("keys.js"), re.DOTALL)
    assert table
    return set(re.findall(r'^  "?(Enter|\S)"?:', table.group(1), re.MULTILINE)) - {"Enter"}


def _sheet() -> set[str]:
    made = scene()
    page = made.client.get(f"/reviews/{made.start()}").content.decode()
    sheet = page[page.index('id="keys"') :]
    return set(re.findall(r"<kbd>([^<]+)</kbd>", sheet))


def test_the_cheat_sheet_says_what_the_keys_do() -> None:
    promised = _sheet() - BESIDE
    assert promised - set(ELSEWHERE) == _commands() - set(ELSEWHERE)
    for key in promised & set(ELSEWHERE):
        assert f'"{key}"' in _script(ELSEWHERE[key]) or f"{key}:" in _script(ELSEWHERE[key]), key


def test_no_choice_is_given_a_key_that_the_screen_listens_to() -> None:
    letters = {key.lower() for key in _commands() if key.isalpha()}
    assert letters <= RESERVED_KEYS
