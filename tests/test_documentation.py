"""The documentation against what is there: its links lead somewhere, its commands and settings exist."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.instances import ROOT

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def anchors(page: Path) -> set[str]:
    """The names by which headings can be linked, made as the forges make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_to_something_that_is_there(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_every_command_exists(page: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", page.read_text()))
    assert named <= set(get_commands())


@each_page
def test_every_setting_is_read(page: Path) -> None:
    settings = "".join((ROOT / "gradebench" / name).read_text() for name in ("settings.py", "gunicorn_conf.py"))
    named = set(re.findall(r"\bGRADEBENCH_[A-Z_]+\b", page.read_text())) - {"GRADEBENCH_TEST_DATA"}
    assert {name for name in named if f'"{name}"' not in settings} == set()


@each_page
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"\btests/[\w/]+\.py\b", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []
