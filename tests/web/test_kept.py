"""Parts of a template that are kept: for each language, and for each of the values that they name."""

from collections.abc import Iterator

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.urls import set_script_prefix
from django.utils import translation
from django.utils.safestring import mark_safe

from reviews.web import kept

# No database is asked.
pytestmark = pytest.mark.sqlite
SOURCE = "{% load i18n kept %}{% kept who=name %}{% translate 'Sign out' %}: {{ who }}{{ name }}{% endkept %}"


@pytest.fixture
def template() -> Template:
    """One that has drawn nothing yet."""
    return Template(SOURCE)


def _drawn(template: Template, name: object) -> str:
    return template.render(Context({"name": name}))


def test_it_is_drawn_for_each_value_and_sees_nothing_else(template: Template) -> None:
    assert [_drawn(template, name) for name in ("mira", "rita", "mira")] == [
        "Sign out: mira",
        "Sign out: rita",
        "Sign out: mira",
    ]


def test_what_is_safe_is_not_taken_for_what_has_to_be_escaped(template: Template) -> None:
    text = "<b>"
    assert _drawn(template, mark_safe(text)) == "Sign out: <b>"  # noqa: S308 - that is what is tried
    assert _drawn(template, text) == "Sign out: &lt;b&gt;"
    assert _drawn(template, mark_safe(text)) == "Sign out: <b>"  # noqa: S308 - as above


def test_values_that_are_equal_and_say_something_else_are_two(template: Template) -> None:
    assert [_drawn(template, value) for value in (1, True)] == ["Sign out: 1", "Sign out: True"]


def test_a_page_in_another_language_has_its_own(template: Template) -> None:
    for language, words in (("en", "Sign out"), ("en-x", "Sign out"), ("en", "Sign out")):
        with translation.override(language):
            assert _drawn(template, "mira").startswith(words)
    node = template.nodelist.get_nodes_by_type(kept._Kept)[0]
    assert {key[0] for key in node._drawn} == {"en", "en-x"}  # type: ignore[attr-defined]


@pytest.fixture
def _prefix() -> Iterator[None]:
    yield
    set_script_prefix("/")


@pytest.mark.usefixtures("_prefix")
def test_addresses_are_those_of_where_the_application_stands() -> None:
    template = Template("{% load kept %}{% kept %}{% url 'queues' %}{% endkept %}")
    for prefix in ("/", "/reviews/", "/"):
        set_script_prefix(prefix)
        assert template.render(Context()) == prefix


def test_it_begins_anew_where_there_are_too_many(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    for name in "abcab":
        assert _drawn(template, name) == f"Sign out: {name}"
    node = template.nodelist.get_nodes_by_type(kept._Kept)[0]
    assert len(node._drawn) <= 2  # type: ignore[attr-defined]


def test_it_takes_values_with_names_only() -> None:
    with pytest.raises(TemplateSyntaxError):
        Template("{% load kept %}{% kept name %}{% endkept %}")
