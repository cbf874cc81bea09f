"""How a line of the log is written: one record, one line, as text that begins with its moment or as a JSON object, and
nothing in it that is secret.

Code does not log secrets or texts of completions. This is the net below: for an address that somebody asked for, an
exception whose words quote a row, a library that logs what it sends.
"""

import logging
import re
from datetime import UTC, datetime

import orjson

from gradebench import context

LEFT_OUT = "[left out]"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# A name that tells of a secret, what stands between, and the secret: of headers, query strings, forms, dicts and JSON.
_NAMED = re.compile(
    r"""(?ix)
    ( \b[\w-]* (?: token | password | passwd | secret | authorization | cookie | session_?id | api_?key ) [\w-]*
      ["']? \s* (?: [:=] | ,\s*(?=["']) ) \s* \[? ["']? (?: (?: bearer | basic | token ) \s+ )? )
    ( [^\s"',;&}{()\[\]]+ )
    """
)
_INDENT = "  | "
# From here on a database quotes the row that it refused, over several lines where a text in it has several.
_QUOTED = re.compile(r"(DETAIL|CONTEXT|STATEMENT|LINE \d+):.*")
# A line of a traceback that is Python's again.
_PYTHON = ("Traceback (", "The above exception", "During handling", "  File ", "  + ", _INDENT)
_SHAPES = (
    (re.compile(r"(://[^\s/:@]*):[^\s/@]+@"), rf"\1:{LEFT_OUT}@"),
    (re.compile(r"\b(gb_[A-Za-z0-9_-]{8})[A-Za-z0-9_-]{8,}"), rf"\1{LEFT_OUT}"),
    (_NAMED, rf"\1{LEFT_OUT}"),
    # What is random and as long as a key: one-time addresses, keys, tokens of others.
    (re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])([\w-]{4})[\w-]{36,}={0,2}"), rf"\1{LEFT_OUT}"),
)


class _Formatter(logging.Formatter):
    """What both forms of a line share."""

    def _message(self, record: logging.LogRecord) -> str:
        """Control characters spelled out, what a database quotes left out."""
        return _QUOTED.sub(rf"\1: {LEFT_OUT}", _spelled(_words(record)))

    def _traceback(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else record.exc_text or ""


class LineFormatter(_Formatter):
    """One line for a record, the ids at its end, and what belongs to it (a traceback) indented below."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, control characters spelled out, secrets left out."""
        plain = logging.makeLogRecord(record.__dict__)
        plain.msg, plain.args = self._message(record), None
        plain.message = plain.msg
        if self.usesTime():
            plain.asctime = self.formatTime(plain, self.datefmt)
        known = context.about()
        ids = [str(known[name]) for name in ("request_id", "task_id") if name in known]
        line = f"{self.formatMessage(plain)} [{' '.join(ids)}]" if ids else self.formatMessage(plain)
        return redact("\n".join([line, *_below(self._traceback(record)), *_below(record.stack_info or "")]))


class JsonFormatter(_Formatter):
    """A JSON object for a record: what every line has, the ids of what is at work, the `fields` that the record was
    given as extra, and a traceback as one of them.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line. Whatever libraries hang on a record beside its words is left out."""
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(self._message(record)),
        }
        fields = {**context.about(), **getattr(record, "fields", {})}
        said |= {name: _told(name, value) for name, value in fields.items() if value is not None}
        below = [*_below(self._traceback(record)), *_below(record.stack_info or "")]
        if below:
            said["exception"] = redact("\n".join(line.removeprefix(_INDENT) for line in below))
        return orjson.dumps(said, default=str).decode()


def redact(text: str) -> str:
    """The text without what has the shape of a secret."""
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _told(name: str, value: object) -> object:
    """The value of a field: secret by what it looks like, or by what it is called."""
    if not isinstance(value, str):
        return value
    head = f"{name}: "
    return redact(head + _spelled(value)).removeprefix(head)


def _words(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # Whoever logs with the wrong number of arguments shall not lose the rest of the log by it.
        return str(record.msg)


def _spelled(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _below(text: str) -> list[str]:
    """A traceback, line by line, indented: a line of somebody else's making does not begin as one of the log does."""
    lines: list[str] = []
    quoting = False
    for line in text.split("\n") if text else ():
        quoting = quoting and not line.startswith(_PYTHON)
        if not quoting:
            lines.append(_INDENT + _QUOTED.sub(rf"\1: {LEFT_OUT}", _spelled(line)))
        quoting = quoting or bool(_QUOTED.search(line))
    return lines
