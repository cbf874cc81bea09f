"""What a message is made of, ready to show: words, thoughts, calls and what came back, pictures and sounds, data.

Everything costly (markdown, colours, trees) is made when a template asks for it.
"""

from dataclasses import dataclass
from typing import Literal

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reviews.web.highlight import highlight
from reviews.web.markdown import render
from reviews.web.tree import tree
from reviews.web.words import bytes_text, characters, preview, split_code

# What a page calls media; kinds of other names stand as they are.
_MEDIA_WORDS = {
    "image": gettext_lazy("image"),
    "video": gettext_lazy("video"),
    "document": gettext_lazy("document"),
    "audio": gettext_lazy("audio"),
    "file": gettext_lazy("file"),
}


@dataclass(frozen=True, slots=True)
class Prose:
    """Text somebody wrote. `folded` text opens on demand; `main` marks the leaf that can be edited."""

    text: str
    folded: bool = False
    main: bool = False
    kind: Literal["prose"] = "prose"

    @property
    def preview(self) -> str:
        """The first words of a folded text."""
        return preview(self.text)

    @property
    def size(self) -> str:
        """The length for a reader: "1,940 characters"."""
        return characters(self.text)

    @property
    def html(self) -> SafeString:
        """The text with its markdown rendered; empty where it has none."""
        return SafeString("") if self._is_json else render(self.text)

    @property
    def code(self) -> SafeString:
        """The text in colours where all of it is JSON; else empty."""
        return highlight(self.text.strip("\n"), "json") if self._is_json else SafeString("")

    @property
    def blank(self) -> bool:
        """Whether it is white space alone."""
        return not self.text.strip()

    @property
    def _is_json(self) -> bool:
        parts = split_code(self.text)
        return len(parts) == 1 and parts[0].code and parts[0].text == self.text


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered, as it was written."""

    text: str
    folded: bool = False
    kind: Literal["tool_result"] = "tool_result"

    @property
    def preview(self) -> str:
        """The first words of a folded result."""
        return preview(self.text)

    @property
    def size(self) -> str:
        """The length for a reader."""
        return characters(self.text)

    @property
    def tree(self) -> SafeString:
        """The result as a tree where it is JSON; else empty."""
        return tree(self.text)


@dataclass(frozen=True, slots=True)
class ToolReply:
    """All that came back for one call: results, pictures, and members with no place of their own."""

    call_id: str
    name: str
    blocks: "tuple[Block, ...]"
    lost: bool = False  # no call of this id came before it
    kind: Literal["tool_reply"] = "tool_reply"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for, with what came back for it. `arguments` are as they were written."""

    name: str
    arguments: str
    call_id: str = ""
    replies: tuple[ToolReply, ...] = ()
    unanswered: bool = False
    kind: Literal["tool_call"] = "tool_call"

    @property
    def tree(self) -> SafeString:
        """The arguments as a tree where they are JSON; else empty."""
        return tree(self.arguments)

    @property
    def without_arguments(self) -> bool:
        """Whether there is nothing to show of them."""
        return self.arguments.strip() in ("", "{}")


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, sound, film or file: described, and loaded only when somebody asks for it.

    `source` is the URL, or the data itself; `size` is known only for data. `number` is its place in the document, by
    which it is asked for. `notes` are further members.
    """

    what: str
    source: str = ""
    media_type: str = ""
    size: int | None = None
    name: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    number: int = 0
    kind: Literal["media"] = "media"

    @property
    def word(self) -> str:
        """What it is, for a reader."""
        return str(_MEDIA_WORDS.get(self.what, self.what))

    @property
    def size_text(self) -> str:
        """The size for a reader: "12 kB", or empty."""
        return bytes_text(self.size) if self.size is not None else ""

    @property
    def held(self) -> bool:
        """Whether the document holds the data itself."""
        return self.size is not None

    @property
    def remote(self) -> bool:
        """Whether it is a picture at an address that can be asked."""
        return not self.held and self.what == "image" and self.source.lower().startswith(("http://", "https://"))

    @property
    def is_picture(self) -> bool:
        """Whether it can be asked for as a picture."""
        return self.remote or (self.held and self.what == "image")

    @property
    def is_sound(self) -> bool:
        """Whether the document holds a sound."""
        return self.held and self.what == "audio"


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought before it answered."""

    text: str
    kind: Literal["reasoning"] = "reasoning"

    @property
    def size(self) -> str:
        """The length for a reader."""
        return characters(self.text)

    @property
    def html(self) -> SafeString:
        """The text with its markdown rendered; empty where it has none."""
        return render(self.text)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's words for not answering."""

    text: str
    kind: Literal["refusal"] = "refusal"


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that an answer names. `start` and `end` count the characters of the answer that it belongs to; `notes`
    are further members.
    """

    address: str
    title: str
    start: int | None = None
    end: int | None = None
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        """Which words of the answer it belongs to; empty where that is not said."""
        if self.start is None or self.end is None:
            return ""
        return _("for characters %(start)d to %(end)d") % {"start": self.start, "end": self.end}

    @property
    def leads(self) -> bool:
        """Whether the address may be followed."""
        return self.address.lower().startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class Citations:
    """The sources of an answer."""

    items: tuple[Citation, ...]
    kind: Literal["citations"] = "citations"


@dataclass(frozen=True, slots=True)
class Data:
    """A member with no place of its own, under its name, so that nothing is hidden. `text` is its JSON, or its text."""

    name: str
    text: str
    kind: Literal["data"] = "data"

    @property
    def short(self) -> bool:
        """Whether it fits on its own line."""
        return len(self.text) <= 80 and "\n" not in self.text

    @property
    def size(self) -> str:
        """The length for a reader."""
        return characters(self.text)

    @property
    def tree(self) -> SafeString:
        """An object or a list as a tree; else empty."""
        return tree(self.text)


Block = Prose | ToolCall | ToolResult | ToolReply | Media | Reasoning | Refusal | Citations | Data
