"""The lines of a request's body as it comes in, plain or gzipped: no more than one of them is held at a time."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

READ_BYTES = 64 * 1024


class Broken(OSError):
    """A body that ends before its end, or that ends nowhere."""


@dataclass(frozen=True)
class Limits:
    """Bytes of a line, bytes and number of all lines."""

    line: int
    size: int
    lines: int


@dataclass(frozen=True)
class Line:
    """A line without the blanks around it; `raw` is None where it is longer than a line may be. Lines count from 1."""

    number: int
    raw: bytes | None


class Lines:
    """Reads lines by `read`, which is asked for a number of bytes. `length` is that of the body, None where unknown.

    Once they are exhausted, `broken` holds the sentence why they ended before the body did, and `count` how many lines
    there were, blank ones among them; those are not yielded.
    """

    def __init__(self, read: Callable[[int], bytes], *, length: int | None, gzipped: bool, limits: Limits) -> None:
        self.broken = ""
        self.count = 0
        self._limits = limits
        self._size = 0
        self._body = _Body(read, length, limits.size)
        buffered = io.BufferedReader(self._body, READ_BYTES)
        # Several gzips, one behind the other, are read as one. Not buffered anew: what was read before an error would
        # go with it.
        self._file: Any = gzip.GzipFile(fileobj=buffered) if gzipped else buffered

    def __iter__(self) -> Iterator[Line]:
        try:
            while (line := self._next()) is not None:
                if line.raw is None or line.raw:
                    yield line
        except Broken as error:
            self.broken = str(error)
        except (OSError, EOFError, zlib.error):
            self.broken = f"The gzip data is damaged or ends too early, somewhere after line {self.count:,}."
        self.drain()

    def drain(self) -> None:
        """Read what is left, so that the client gets to reading the answer instead of an error on sending."""
        self._body.drain()

    def _next(self) -> Line | None:
        most = self._limits.line + 2
        part: bytes = self._file.readline(most)
        if not part:
            return None
        if self.count >= self._limits.lines:
            raise Broken(f"A request may have {self._limits.lines:,} lines; send those after them in another one.")
        line, size = part, 0
        while part:
            size += len(part)
            self._weigh(part)
            part = b"" if part.endswith(b"\n") else self._file.readline(READ_BYTES)
        self.count += 1
        is_whole = size == len(line)
        line = line.strip()
        return Line(self.count, line if is_whole and len(line) <= self._limits.line else None)

    def _weigh(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limits.size:
            words = f"The lines have more than {self._limits.size:,} bytes"
            raise Broken(f"{words}; send those after line {self.count:,} in another request.")


class _Body(io.RawIOBase):
    """A request's body as a file, which knows when it was cut short."""

    def __init__(self, read: Callable[[int], bytes], length: int | None, most: int) -> None:
        self._read = read
        self._length = length
        self._most = most
        self._got = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises Broken."""
        left = len(buffer) if self._length is None else min(len(buffer), self._length - self._got)
        try:
            data = self._read(left) if left else b""
        except OSError as error:
            raise Broken(f"The connection broke after {self._got:,} bytes of the body.") from error
        self._got += len(data)
        if not data and self._length is not None and self._got < self._length:
            raise Broken(f"The connection broke after {self._got:,} of {self._length:,} bytes of the body.")
        if self._got > self._most:
            raise Broken(f"The body is larger than {self._most:,} bytes.")
        buffer[: len(data)] = data
        return len(data)

    def drain(self) -> None:
        """Read to the end."""
        try:
            while self.readinto(bytearray(READ_BYTES)):
                pass
        except Broken:
            return
