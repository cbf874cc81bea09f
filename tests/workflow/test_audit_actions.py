"""Every action that code records has its line and its sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from reviews.workflow.audit_actions import ACTIONS, Family, actions_of, sentence
from tests.instances import ROOT

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite

# The admin changes these by verbs of the workflow alone.
BY_VERBS = {"feedback_task"}
RECORDING = {"record", "_audit"}
MODULES = sorted((ROOT / "reviews").rglob("*.py"))


class Recorded(ast.NodeVisitor):
    """The literal actions that a module records, each with its line; in the admin their noun is that of the class."""

    def __init__(self, source: str) -> None:
        self.found: list[tuple[str, int]] = []
        self._noun = ""
        self.visit(ast.parse(source))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        managed = [base for base in node.bases if isinstance(base, ast.Subscript) and _named(base.value) == "Managed"]
        self._noun = _snake(_named(managed[0].slice)) if managed else ""
        if self._noun and self._noun not in BY_VERBS and not any(_saves_alone(part) for part in node.body):
            self.found.append((f"{self._noun}.change", node.lineno))
        self.generic_visit(node)
        self._noun = ""

    def visit_Call(self, node: ast.Call) -> None:
        name, given = _named(node.func), [_text(part) for part in node.args]
        if name in RECORDING and given and given[0]:
            self.found.append((given[0], node.lineno))
        elif name == "record_of":
            self.found.append((given[1], node.lineno))
        elif name == "record" and self._noun and len(given) > 2 and given[2]:
            self.found.append((f"{self._noun}.{given[2]}", node.lineno))
        named = [_text(word.value) for word in node.keywords if word.arg == "action"]
        self.found += [(text, node.lineno) for text in named if "." in text]
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        defaults = [_text(default) for word, default in named if word.arg == "action" and default is not None]
        self.found += [(text, node.lineno) for text in defaults]
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """A choice between two actions."""
        if [_named(target) for target in node.targets] == ["action"] and isinstance(node.value, ast.IfExp):
            self.found += [(_text(node.value.body), node.lineno), (_text(node.value.orelse), node.lineno)]
        self.generic_visit(node)


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _saves_alone(node: ast.stmt) -> bool:
    """Whether a method keeps the admin's own saving, and the event that it writes, from happening."""
    saves = isinstance(node, ast.FunctionDef) and node.name in ("save_changed", "save_model")
    return saves and "'super'" not in ast.dump(node)


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _recorded() -> Iterator[tuple[Path, str, int]]:
    for module in MODULES:
        if module.name.startswith("audit"):
            continue
        yield from ((module, action, line) for action, line in Recorded(module.read_text()).found if action)


def test_every_action_that_is_recorded_has_a_line() -> None:
    recorded = list(_recorded())
    assert len(recorded) > 50
    missing = [f"{module.relative_to(ROOT)}:{line}: {name}" for module, name, line in recorded if name not in ACTIONS]
    assert missing == []


def test_every_line_is_of_an_action_that_is_recorded() -> None:
    recorded = {action for _, action, _ in _recorded()}
    assert [name for name in ACTIONS if name not in recorded and not name.startswith("audit.")] == []


def test_it_finds_what_is_recorded() -> None:
    source = """
class Members(Managed[Member]):
    def remove(self): self.record(request, obj, "remove", obj.name)
def attach(*, action: str = "grade.create"):
    audit.record(action, row)
    audit.record("queue.change", row)
    action = "a.on" if on else "a.off"
    _audit("push.deliver", row)
    attach(action="grade.amend")
"""
    found = ["member.change", "member.remove", "grade.create", "queue.change", "a.on", "a.off", "push.deliver"]
    assert [action for action, _ in Recorded(source).found] == [*found, "grade.amend"]


@pytest.mark.parametrize("name", ACTIONS)
def test_its_sentence_says_who_and_what(name: str) -> None:
    said = sentence(name, who="mira", what="this")
    assert "%(" not in said
    assert "mira" in said or "this" in said
    assert name in actions_of(ACTIONS[name].family)


def test_every_family_has_actions() -> None:
    assert all(actions_of(family) for family in Family.values)


def test_an_action_of_another_version_is_named_as_it_was_recorded() -> None:
    assert sentence("moon.land", who="mira", what="this") == "mira: moon.land this"
