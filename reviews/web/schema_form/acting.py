"""What the buttons of a form that do not submit ask for: a row more, a row less, or just the form anew."""

from collections.abc import Mapping

from reviews.web.schema_form import names
from reviews.web.schema_form.looks import MOST_ROWS


def asks_again(post: Mapping[str, str]) -> bool:
    """Whether a posted form asks for the form itself, and not to be graded."""
    return names.DO in post


def acted(post: Mapping[str, str]) -> dict[str, str]:
    """The posted texts after what was asked for."""
    deed, _colon, path = post.get(names.DO, "").partition(":")
    texts = {name: post[name] for name in post if name != names.DO}
    if deed == "add":
        return _with_row(texts, path)
    return _without_row(texts, path) if deed == "remove" else texts


def _with_row(texts: dict[str, str], path: str) -> dict[str, str]:
    count = _count(texts, path)
    return {**texts, names.COUNT + path: str(count + 1)} if 0 <= count < MOST_ROWS else texts


def _without_row(texts: dict[str, str], path: str) -> dict[str, str]:
    """The row gone, and those after it moved up."""
    base, _hyphens, index = path.rpartition("--")
    count = _count(texts, base)
    gone = int(index) if index.isascii() and index.isdigit() and len(index) < 5 else count
    if gone >= count:
        return texts
    moved = {_moved(name, f"{base}--", gone): text for name, text in texts.items()}
    moved.pop("", None)
    return {**moved, names.COUNT + base: str(count - 1)}


def _moved(name: str, start: str, gone: int) -> str:
    """The name of a control once the row `gone` is gone; "" for the controls of that row."""
    purpose, _hyphen, path = name.partition("-")
    if not path.startswith(start):
        return name
    index, *inner = path.removeprefix(start).split("--", 1)
    if not (index.isascii() and index.isdigit()) or int(index) < gone:
        return name
    return "--".join([f"{purpose}-{start}{int(index) - 1}", *inner]) if int(index) > gone else ""


def _count(texts: Mapping[str, str], path: str) -> int:
    """How many rows the list at a path has; -1 where there is no such list."""
    text = texts.get(names.COUNT + path, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else -1
