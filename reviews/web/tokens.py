"""Token probabilities of an answer: read from the logprobs a model returned, shown as a heat map.

Two forms exist. Chat completions carry `logprobs.content`, a list of tokens with their bytes and their
alternatives; prompt completions carry parallel lists (`tokens`, `token_logprobs`, `top_logprobs`).
"""

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Any, NamedTuple
from unicodedata import category

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from reviews.web.json_text import showable

# Below the first figure a token is tinted, below the second it counts as "under 50 %", below the third it is hot.
CERTAIN, HALF, QUARTER = 0.7, 0.5, 0.25

_INVISIBLE = {
    " ": "·",
    "\n": "↵",
    "\r": "␍",
    "\t": "⇥",
    "\u00a0": "⍽",
    "\u200b": "ZWSP",
    "\u200d": "ZWJ",
    "\ufeff": "BOM",
}


# No character up to the first figure belongs to the one before it; of those beyond, some do.
_LAST_ALONE, _JOINER, _SKIN_TONES = "\u02ff", "\u200d", "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"

_EXP = math.exp

# The numbers of the first piece and of the one after the last.
Span = tuple[int, int]


class Alternative(NamedTuple):
    """A token the model could have written in the same place; probability from 0 to 1.

    One that is not `whole` cannot be written by itself: part of a character, or a mark that only says "stop".
    """

    text: str
    probability: float
    whole: bool = True


class _Token(NamedTuple):
    text: str
    raw: bytes
    probability: float | None
    others: Any  # as recorded: a list of tokens, or a mapping of text to logprob
    special: bool = False  # without bytes of its own


class Piece(NamedTuple):
    """A displayable run of the answer: one token, or several that only together make whole characters.

    The probability (0 to 1) of a merged piece is the product of its tokens', because the character needs all of
    them; its alternatives are those of its first token. `probability` is None where none was recorded.
    Levels: 0 certain, 1 under 70 %, 2 under 50 %, 3 under 25 %.
    """

    text: str
    probability: float | None
    level: int
    token: _Token

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """What else the model could have written here, most likely first; read when asked for, because few are."""
        return tuple(_alternatives(self.token))


@dataclass(frozen=True, slots=True)
class TokenRun:
    """All pieces of one answer. `joins` tells whether together they are the text of the answer as it stands now.

    `mean` and `lowest` are probabilities from 0 to 1 (None when no token has one), `under_half` counts the pieces
    under 50 %, `uncertain` those that are tinted.
    """

    pieces: tuple[Piece, ...]
    joins: bool
    mean: float | None
    lowest: float | None
    under_half: int
    uncertain: int

    @property
    def starts(self) -> list[int]:
        """Where in the joined text each piece begins, and at last where the text ends."""
        return list(accumulate((len(piece.text) for piece in self.pieces), initial=0))

    @property
    def dense(self) -> bool:
        """Whether so much is uncertain that full tints would drown the text."""
        return self.uncertain > 0.4 * len(self.pieces) and len(self.pieces) > 40

    @property
    def mean_text(self) -> str:
        """The mean probability for a reader: "91 %"."""
        return percent(self.mean)

    @property
    def lowest_text(self) -> str:
        """The lowest probability for a reader."""
        return percent(self.lowest)


def read_tokens(choice: Any) -> TokenRun | None:
    """The token run of one member of `response.choices`, or None where it carries no readable logprobs."""
    if not isinstance(choice, Mapping):
        return None
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, Mapping):
        return None
    text = answer_text(choice)
    tokens = _without_end_marks(_chat_tokens(logprobs.get("content")), text) or _prompt_tokens(logprobs)
    return _run(tuple(_pieces(tokens)), text) if tokens else None


def answer_text(choice: Mapping[str, Any]) -> str:
    """The text of a choice as a model wrote it: `message.content` (its text parts joined) or `text`."""
    message = choice.get("message")
    content = message.get("content") if isinstance(message, Mapping) else choice.get("text")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


class _Words(NamedTuple):
    """The words beside tokens in one language. `whole` are the percentages from 0 to 100; `before` and `after` stand
    around a figure that is none of them.
    """

    unknown: str
    under: str
    over: str
    whole: tuple[str, ...]
    before: str
    after: str
    alternatives: str
    empty: str


@lru_cache(maxsize=8)
def _words_in(language: str | None) -> _Words:
    """The words of the active language, whose code tells them from those of others: thousands of tokens need them, and
    a look into the catalogue for each would cost more than all the rest.
    """
    share = _("%(value)s %%")
    before, after = (share % {"value": "\x00"}).split("\x00")
    return _Words(
        unknown=_("unknown"),
        under=_("under 0.1 %"),
        over=_("over 99 %"),
        whole=tuple(share % {"value": value} for value in range(101)),
        before=before,
        after=after,
        alternatives=_(" or %(words)s"),
        empty=_("(empty)"),
    )


def percent(probability: float | None, words: _Words | None = None) -> str:
    """A probability for a reader: "34 %", "0.4 %", "under 0.1 %", "unknown". Who asks often gives the words along."""
    words = words or _words_in(get_language())
    if probability is None:
        return words.unknown
    value = probability * 100
    if value < 1:
        return words.under if value < 0.1 else f"{words.before}{value:.1f}{words.after}"
    # Rounding up to certainty would hide that there was a choice.
    return words.whole[round(value)] if value < 99.5 or probability == 1 else words.over


def visible(text: str) -> str:
    """`text` with its invisible characters made visible: a leading or trailing space, line ends, tabs."""
    if text.isprintable() and text[:1] != " " and text[-1:] != " " and text:
        return text
    inner = text.strip(" ")
    lead = len(text) - len(text.lstrip(" ")) if inner else len(text)
    tail = len(text) - len(text.rstrip(" ")) if inner else 0
    shown = "".join(_INVISIBLE.get(char, char) if char != " " else " " for char in inner)
    return ("·" * lead + shown + "·" * tail) or _words_in(get_language()).empty


def render_tokens(
    run: TokenRun, prefix: str, span: Span | None = None, named: Container[int] = (), *, list_at: str = ""
) -> SafeString:
    """The answer as HTML: certain stretches as plain text, each uncertain piece as a link to its row in the list.

    `prefix` makes the names unique on a page with several answers; `span` picks some of the pieces, and `named` are
    certain pieces that get a name too, because something leads to them. `list_at` is the address of the list where that
    is another page; then uncertain pieces are named as well. Every string that comes from a document passes `_escaped`
    here; the rest is literals, integers and addresses of our own.
    """
    parts: list[str] = []
    plain: list[str] = []
    first, after = span or (0, len(run.pieces))
    start, there = escape(prefix), escape(list_at)
    for number, piece in enumerate(run.pieces[first:after], first):
        if not piece.level and number not in named:
            plain.append(piece.text)
            continue
        core = piece.text.strip()
        lead, tail = (piece.text.split(core, 1)) if core else ("", "")
        # White space at the ends of a token stays outside the tint, or every word would look underlined too far.
        plain.append(lead)
        parts.append(_escaped("".join(plain)))
        plain = [tail]
        name, inner = f"{start}-{number}", _escaped(core or piece.text)
        if not piece.level:
            parts.append(f'<a name="{name}">{inner}</a>')
            continue
        look = f"t t{piece.level}" if core else f"t t{piece.level} blank"
        called = f' name="{name}"' if there else ""
        parts.append(f'<a class="{look}" href="{there}#{name}"{called}>{inner}</a>')
    parts.append(_escaped("".join(plain)))
    return mark_safe("".join(parts))  # noqa: S308 - see the docstring: all text is escaped above


def render_uncertain(run: TokenRun, prefix: str) -> SafeString:
    """The uncertain pieces as list items with their alternatives, most likely first; escaped like `render_tokens`.

    For the script that puts an alternative into the edit, `data-t` has the real text of a word wherever it is not the
    one that is shown, `data-s` says that each has a space in front, and `data-no` that a word cannot be put in.
    """
    start = escape(prefix)
    words = _words_in(get_language())
    rows = (_row(piece, f"{start}-{number}", words) for number, piece in enumerate(run.pieces) if piece.level)
    return mark_safe("".join(rows))  # noqa: S308 - see the docstring: all text is escaped in _row


def spans(run: TokenRun, texts: Sequence[str]) -> tuple[Span, ...]:
    """Which pieces belong to each of the texts that an answer is made of; () where the pieces are not their text, or
    one of them reaches from one text into the next.
    """
    starts = {start: number for number, start in enumerate(run.starts)}
    edges = list(accumulate(map(len, texts), initial=0))
    if not run.joins or edges[-1] != run.starts[-1] or any(edge not in starts for edge in edges):
        return ()
    return tuple(pairwise(starts[edge] for edge in edges))


def _row(piece: Piece, name: str, words: _Words) -> str:
    alternatives = _alternatives(piece.token)
    # Words carry their space in front; where all do, it says nothing.
    skip = _begins_a_word(piece.text) and all(_begins_a_word(text) for text, _, _ in alternatives)
    at = 1 if skip else 0
    # Links lead to names, not ids, because htmx looks for the predecessor of everything that has an id.
    chosen = _word(piece.text[at:], empty=words.empty).replace("<b", f'<a name="{name}"', 1)[:-4]
    shown = [f"{_word(text[at:], whole, words.empty)} {percent(chance, words)}" for text, chance, whole in alternatives]
    rest = words.alternatives % {"words": ", ".join(shown)} if shown else ""
    return f"<li{' data-s' if skip else ''}>{chosen}</a> {percent(piece.probability, words)}{rest}</li>"


def _begins_a_word(text: str) -> bool:
    return text[:1] == " " and not text.isspace()


@lru_cache(maxsize=16_384)  # the same few words come again and again
def _word(text: str, whole: bool = True, empty: str = "") -> str:
    # What stands for a text without characters is in a language: part of what a kept word is found by.
    shown = visible(text) if text else empty
    real = f' data-t="{_escaped(text)}"' if whole and shown != text else ""
    return f"<b{real}{'' if whole else ' data-no'}>{escape(shown)}</b>"


def _escaped(text: str) -> str:
    """`text` for a page, character for character: what no page can carry as its picture, and no line end rewritten."""
    return escape(showable(text)).replace("\r", "&#13;")


def _run(pieces: tuple[Piece, ...], text: str) -> TokenRun:
    known = [piece.probability for piece in pieces if piece.probability is not None]
    return TokenRun(
        pieces=pieces,
        joins="".join([piece.text for piece in pieces]) == text,
        mean=sum(known) / len(known) if known else None,
        lowest=min(known, default=None),
        under_half=len([None for probability in known if probability < HALF]),
        uncertain=len([None for piece in pieces if piece.level]),
    )


def _pieces(tokens: Sequence[_Token]) -> list[Piece]:
    found: list[Piece] = []
    before = ""
    for text, probability, token in _decoded(tokens):
        # Of thousands of tokens hardly one begins with a sign that belongs to the one before.
        if before and (text > _LAST_ALONE or text[:1] == "\n" or before[-1] == _JOINER) and _goes_on(before, text):
            former = found.pop()
            text = before + text
            probability = _product(former.probability, probability)
            token = former.token
        found.append(_piece(text, probability, token))
        before = text
    return found


def _decoded(tokens: Sequence[_Token]) -> Iterator[tuple[str, float | None, _Token]]:
    """The shortest rows of tokens whose bytes are whole code points, or never will be: the text, its probability, and
    the first token.
    """
    pending: list[_Token] = []
    raw = b""
    for token in tokens:
        raw = raw + token.raw if pending else token.raw
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            if error.end == len(raw) and error.reason == "unexpected end of data":
                pending.append(token)
                continue  # the character goes on in the next token
            text = raw.decode(errors="replace")
        if pending:
            pending.append(token)
            yield text, _product(*(part.probability for part in pending)), pending[0]
            pending = []
        else:
            yield text, token.probability, token
    if pending:
        yield raw.decode(errors="replace"), _product(*(part.probability for part in pending)), pending[0]


def _product(*probabilities: float | None) -> float | None:
    known = [chance for chance in probabilities if chance is not None]
    return math.prod(known) if known else None


def _piece(text: str, probability: float | None, token: _Token) -> Piece:
    if probability is None or probability >= CERTAIN:
        return Piece(text, probability, 0, token)
    return Piece(text, probability, 1 if probability >= HALF else 2 if probability >= QUARTER else 3, token)


def _goes_on(before: str, after: str) -> bool:
    """Whether what a reader sees as one character, an accent or a joined emoji, goes on from one text into the next."""
    first = after[:1]
    if first <= _LAST_ALONE:
        return first == "\n" and before.endswith("\r")
    return before.endswith(_JOINER) or first == _JOINER or first in _SKIN_TONES or category(first) in ("Mn", "Me")


def _chat_tokens(content: Any) -> list[_Token]:
    if not isinstance(content, list):
        return []
    return [_chat_token(entry) for entry in content if isinstance(entry, dict)]


def _chat_token(entry: dict[str, Any]) -> _Token:
    get = entry.get
    text, listed, logprob = get("token"), get("bytes"), get("logprob")
    if type(text) is not str:
        text = _text(text)
    # The usual form without further calls: there are thousands.
    probability = _EXP(logprob) if type(logprob) is float and logprob < 0 else _probability(logprob)
    return _Token(text, _raw(listed, text), probability, get("top_logprobs"), listed is None)


def _without_end_marks(tokens: list[_Token], text: str) -> list[_Token]:
    """The tokens without the special ones at the end (no bytes, not in the text) that only say "stop"."""
    last = len(tokens)
    while last and tokens[last - 1].special and not text.endswith(tokens[last - 1].text):
        last -= 1
    return tokens[:last]


def _prompt_tokens(logprobs: Mapping[str, Any]) -> list[_Token]:
    tokens = logprobs.get("tokens")
    if not isinstance(tokens, list):
        return []
    figures, others = _list(logprobs.get("token_logprobs")), _list(logprobs.get("top_logprobs"))
    return [
        _prompt_token(_text(token), _at(figures, number), _at(others, number)) for number, token in enumerate(tokens)
    ]


def _prompt_token(text: str, logprob: Any, others: Any) -> _Token:
    return _Token(text, text.encode(errors="replace"), _probability(logprob), others, special=True)


def _alternatives(token: _Token) -> list[Alternative]:
    """The other tokens that were recorded for a place, most likely first."""
    others = token.others
    if isinstance(others, Mapping):
        others = [{"token": text, "logprob": logprob} for text, logprob in others.items()]
    known = [
        _alternative(entry, probability, token)
        for entry in _list(others)
        if isinstance(entry, dict)
        and entry.get("token") != token.text
        and (probability := _probability(entry.get("logprob"))) is not None
    ]
    known.sort(key=_CHANCE, reverse=True)
    return known


_CHANCE = itemgetter(1)


def _alternative(entry: dict[str, Any], probability: float, chosen: _Token) -> Alternative:
    """Null bytes mean a special mark, but for servers that give none at all: neither there nor for what was chosen."""
    text, listed = _text(entry.get("token")), entry.get("bytes", ())
    try:
        real = _raw(listed, text).decode()
    except UnicodeDecodeError:
        return Alternative(text, probability, whole=False)
    return Alternative(real, probability, bool(real) and (listed is not None or chosen.special))


def _raw(listed: Any, text: str) -> bytes:
    """The bytes of a token; some servers send null or figures that are no bytes, then the text speaks."""
    if isinstance(listed, list):
        try:
            return bytes(listed)
        except (TypeError, ValueError):
            pass
    return text.encode(errors="replace")


def _probability(logprob: Any) -> float | None:
    if isinstance(logprob, int) and not isinstance(logprob, bool):
        logprob = float(max(logprob, -10_000))  # some servers write -9999 for "hardly"
    if not isinstance(logprob, float) or math.isnan(logprob):
        return None
    return math.exp(logprob) if logprob < 0 else 1.0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(values: list[Any], number: int) -> Any:
    return values[number] if number < len(values) else None
