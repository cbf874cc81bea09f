"""What Python says to people is marked for translation: every literal of two words is within `gettext`, or is listed
here with the reason why nobody reads it on a page.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.instances import ROOT

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite

FOLDER = ROOT / "reviews"
# Nobody reads these on a page: they speak to an application, to the log, or to who runs a command.
UNSPOKEN_MODULES = {
    "workflow/audit_chain.py": "a command",
    "workflow/accounts.py": "commands and Admin",
    "workflow/backups.py": "a command",
    "workflow/bulk.py": "the API",
    "workflow/guard.py": "the log; what a page says of it is in pictures.py",
    "workflow/idempotency.py": "the API",
    "workflow/members.py": "Admin",
    "workflow/metrics.py": "monitors",
    "workflow/ingest.py": "the API, and the refusals of a pull, which are kept as they were said",
    "workflow/upstreams.py": "commands and Admin",
    "workflow/word_index.py": "the database",
    "web/health.py": "monitors, as JSON",
    "web/kept.py": "whoever writes a template",
    "web/metrics.py": "monitors",
    "web/task_examples.py": "a schema to begin from becomes a document of its own",
    "models/base.py": "whoever programs against it",
}
UNSPOKEN_FUNCTIONS = {
    "access.py": {"organization_named", "completion_of"},  # the API
    "workflow/documents.py": {"_steps", "at"},  # the caller turns it into words
    "workflow/job_files.py": {"contents"},  # the log
    "workflow/schema.py": {"_retrieve_nothing"},  # a library, which never says it
}
NEVER_SHOWN = {
    "first name",  # kinds of marks
    "first value",
    "noopener noreferrer nofollow ugc",
    "unexpected end of data",  # Python's own
}
MODULES = sorted(
    path
    for path in (
        FOLDER / "access.py",
        *(path for name in ("models", "web", "workflow") for path in FOLDER.glob(f"{name}/**/*.py")),
    )
    if str(path.relative_to(FOLDER)) not in UNSPOKEN_MODULES
)
NOW, LATER = {"gettext", "ngettext", "pgettext"}, {"gettext_lazy", "gettext_noop", "ngettext_lazy", "pgettext_lazy"}
WORDS = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}")
# Tags, and what a database or a page's script reads.
UNREAD = re.compile(r"<[^>]*>?|^[^<]*>|^(SELECT|PRAGMA|\(EXTRACT).*")


class Words(ast.NodeVisitor):
    """The literals of a module that are not marked, and marks that do not work, each with its line."""

    def __init__(self, source: str, unspoken: set[str]) -> None:
        self.found: list[str] = []
        self._unspoken = unspoken
        self._within = 0
        self._marks: dict[str, str] = {}
        self.visit(ast.parse(source))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module == "django.utils.translation":
            self._marks |= {name.asname or name.name: name.name for name in node.names}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        # A row says what it is to Admin and to the log.
        if node.name in self._unspoken or node.name == "__str__":
            return
        self._within += 1
        self._visit_all(_without_docstring(node.body))
        self._within -= 1

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._within += 1
        self.visit(node.body)
        self._within -= 1

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if any(_name(base) == "TextChoices" for base in node.bases):
            for label in _labels(node):
                self._note(label, "a label")
        else:
            self._visit_all(_without_docstring(node.body))

    def visit_Module(self, node: ast.Module) -> None:
        self._visit_all(_without_docstring(node.body))

    def visit_Call(self, node: ast.Call) -> None:
        mark = self._marks.get(_name(node.func), "")
        if mark in NOW | LATER:
            self._check_mark(node, mark)
            return
        if isinstance(node.func, ast.Attribute) and _name(node.func.value) in ("log", "logger"):
            return
        self._visit_all([node.func, *node.args, *(word for word in node.keywords if word.arg != "help_text")])

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._check(node, node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        self._check(node, "".join(map(str, parts)))
        self._visit_all([part.value for part in node.values if isinstance(part, ast.FormattedValue)])

    def _visit_all(self, nodes: list[ast.AST] | list[ast.stmt] | list[ast.expr]) -> None:
        for node in nodes:
            self.visit(node)

    def _check(self, node: ast.expr, text: str) -> None:
        if WORDS.search(UNREAD.sub("", text)) and text not in NEVER_SHOWN:
            self._note(node, text)

    def _check_mark(self, node: ast.Call, mark: str) -> None:
        if any(isinstance(part, ast.JoinedStr) for part in node.args):
            self._note(node, "an f-string is another text each time")
        if mark in NOW and not self._within:
            self._note(node, "translated once for all, when the module is imported")
        self._visit_all([part for part in node.args if not isinstance(part, ast.Constant | ast.JoinedStr)])

    def _note(self, node: ast.expr, words: str) -> None:
        self.found.append(f"line {node.lineno}: {words}")


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that do something: a text by itself is for who reads the code."""
    return [part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _labels(node: ast.ClassDef) -> Iterator[ast.expr]:
    """The labels that are not marked; one that repeats its value is Log10's word, or the ledger's, and never shown."""
    for part in node.body:
        pair = part.value.elts if isinstance(part, ast.Assign) and isinstance(part.value, ast.Tuple) else []
        value, label = pair if len(pair) == 2 else (None, None)
        if isinstance(value, ast.Constant) and isinstance(label, ast.Constant) and value.value != label.value:
            yield label


@pytest.mark.parametrize("module", MODULES, ids=[str(path.relative_to(FOLDER)) for path in MODULES])
def test_all_that_it_says_is_marked(module: Path) -> None:
    unspoken = UNSPOKEN_FUNCTIONS.get(str(module.relative_to(FOLDER)), set())
    assert Words(module.read_text(), unspoken).found == []


def test_it_finds_what_is_not_marked() -> None:
    source = '''"""A module of words."""
from django.utils.translation import gettext as _, gettext_lazy
EARLY = _("Too early")
LATE = gettext_lazy("In time")
class State(TextChoices):
    OPEN = "open", "Open"
    SHUT = "shut", _("Shut")
    GONE = "gone", "gone"
def refuse(name):
    """Say no."""
    raise Refused(f"{name} is refused.") if name else Refused(_("Nobody is refused."))
def silent():
    log.info("It was silent")
    return f"<b class=x id=y>{LATE}</b>", _(f"{name} said so"), _("%(a)s says so") % {"a": "she is"}
class Row(Model):
    at = Field(help_text="When it came", default="at no time")
'''
    assert Words(source, set()).found == [
        "line 3: translated once for all, when the module is imported",
        "line 6: a label",
        "line 11: {} is refused.",
        "line 14: an f-string is another text each time",
        "line 14: she is",
        "line 16: at no time",
    ]
