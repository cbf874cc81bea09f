"""The faults: what an upstream can do wrong, each a small function of a Call, named for what it does.

See tests/faults/upstream.py for how they are switched on, and for whom. Those that need a figure make a fault of it.
"""

import itertools
import math
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.fake_upstream import Answer
from tests.faults.journal import FEEDBACK
from tests.faults.upstream import Call, Fault, said

HTML = {"Content-Type": "text/html"}
FOREVER = math.inf

# Errors -----------------------------------------------------------------------------------------------------------


def failing(call: Call) -> Answer:
    """500 with a sentence; nothing was done."""
    return said({"error": "Something broke."}, 500)


def bad_gateway(call: Call) -> Answer:
    """502 with a page of HTML, from a proxy before the service."""
    return Answer(502, b"<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>", dict(HTML))


def unavailable(call: Call) -> Answer:
    """503 without Retry-After."""
    return said({"error": "Back soon."}, 503)


def forbidden(call: Call) -> Answer:
    """403 with a sentence."""
    return said({"error": "Not this one."}, 403)


def any_error(call: Call) -> Answer:
    """One of the three, by chance."""
    return call.chance.choice((failing, bad_gateway, unavailable))(call)


def outage(call: Call) -> Answer:
    """Nobody there: the connection ends without a byte."""
    return Answer(hang_up=True)


def too_many(seconds: int, *, as_date: bool = False) -> Fault:
    """429 with a Retry-After of so many seconds, in either spelling. `journal.too_early` tells who did not wait."""

    def fault(call: Call) -> Answer:
        return _asking_to_wait(call, seconds, 429, as_date=as_date)

    return fault


def too_busy(seconds: int, *, as_date: bool = False) -> Fault:
    """503 with a Retry-After."""

    def fault(call: Call) -> Answer:
        return _asking_to_wait(call, seconds, 503, as_date=as_date)

    return fault


def rate_limit(per_second: float, *, as_date: bool = False) -> Fault:
    """Let so many requests a second pass; the others are asked by 429 to wait for a second."""
    passed: list[float] = []

    def fault(call: Call) -> Answer | None:
        now = call.request.at
        passed[:] = [at for at in passed if at > now - 1]
        if len(passed) < per_second:
            passed.append(now)
            return None
        return _asking_to_wait(call, 1, 429, as_date=as_date)

    return fault


def _asking_to_wait(call: Call, seconds: int, status: int, *, as_date: bool) -> Answer:
    now = datetime.now(UTC)
    # A date has no parts of a second: rounded up, so that it is never before what was meant.
    then = (
        (now + timedelta(seconds=seconds + 1)).replace(microsecond=0) if as_date else now + timedelta(seconds=seconds)
    )
    call.request.quiet_until = call.upstream.clock() + (then - now).total_seconds()
    value = format_datetime(then, usegmt=True) if as_date else str(seconds)
    answer = said({"error": "Too many at once."}, status)
    answer.headers["Retry-After"] = value
    return answer


def redirect(url: str, status: int = 307) -> Fault:
    """Send the client elsewhere."""

    def fault(call: Call) -> Answer:
        return Answer(status, b"", {"Location": url + call.seen.path})

    return fault


# Silence ----------------------------------------------------------------------------------------------------------


def never_answer(call: Call) -> Answer:
    """Take the request and never say a word; nothing was done."""
    return Answer(hang=FOREVER)


def slow(seconds: float) -> Fault:
    """Do it at once and answer after so many seconds."""

    def fault(call: Call) -> Answer:
        answer = call.carry_out()
        call.request.truthful = True
        answer.hang = seconds
        return answer

    return fault


def drip(pause: float = 1.0) -> Fault:
    """Do it, and answer a byte each `pause` seconds."""

    def fault(call: Call) -> Answer:
        answer = call.carry_out()
        call.request.truthful = True
        answer.drip, answer.pause = 1, pause
        return answer

    return fault


def apply_then_hang(call: Call) -> Answer:
    """Do it and never say so."""
    call.carry_out()
    return Answer(hang=FOREVER)


def apply_then_reset(call: Call) -> Answer:
    """Do it, and break the connection off as a server does that crashes."""
    call.carry_out()
    return Answer(reset=True)


def apply_then_fail(call: Call) -> Answer:
    """Do it and answer 500."""
    call.carry_out()
    return failing(call)


def apply_late(seconds: float) -> Fault:
    """Never answer, and do it only so many seconds later, when the client has given up."""

    def fault(call: Call) -> Answer:
        call.upstream.later(seconds, call)
        return Answer(hang=FOREVER)

    return fault


# Lies -------------------------------------------------------------------------------------------------------------


def drop(call: Call) -> Answer:
    """Do nothing, and answer 200 with the echo that the client expects."""
    value = call.seen.json
    return said({**value, "id": "feedback-dropped"}) if call.request.kind == FEEDBACK else Answer(body=call.seen.body)


def wrong_echo(call: Call) -> Answer:
    """Do nothing, and answer 200 with the text that stood there before."""
    return Answer(body=call.upstream.completions.get(call.request.uid, b"{}"))


def wrong_echo_though_applied(call: Call) -> Answer:
    """Do it, and answer 200 with another text."""
    answer = wrong_echo(call)
    call.carry_out()
    return answer


def html_ok(call: Call) -> Answer:
    """200 with a page to sign in; nothing was done."""
    return Answer(200, b"<html><body>Please sign in.</body></html>", dict(HTML))


def empty_ok(call: Call) -> Answer:
    """200 without a body; nothing was done."""
    return Answer(200, b"")


def change_first(call: Call) -> None:
    """Somebody else changes the completion in the instant before the update arrives."""
    if call.request.uid in call.upstream.completions:
        call.upstream.change(call.request.uid)


# Lists ------------------------------------------------------------------------------------------------------------


def truncated(share: float) -> Fault:
    """A list that ends, as JSON, after this share of its bytes; as HTTP it is whole."""

    def fault(call: Call) -> Answer:
        body = call.carry_out().body
        return Answer(body=body[: int(len(body) * share)])

    return fault


def cut_off(share: float, *, reset: bool = False) -> Fault:
    """A list of a stated length whose connection ends after this share of it."""

    def fault(call: Call) -> Answer:
        body = call.carry_out().body
        return Answer(body=body, cut_at=int(len(body) * share), reset=reset)

    return fault


def falls_silent(share: float) -> Fault:
    """A list that comes as far as this share of it, and no further, while the connection stays."""

    def fault(call: Call) -> Answer:
        body = call.carry_out().body
        begun = itertools.chain([body[: int(len(body) * share)]], itertools.repeat(b""))
        return Answer(pieces=begun, pause=0.02)

    return fault


def repeated(call: Call) -> Answer:
    """Every item twice."""
    rows = _rows(call)
    return _list([*rows, *rows])


def reordered(call: Call) -> Answer:
    """The items in an order of chance."""
    rows = _rows(call)
    call.chance.shuffle(rows)
    return _list(rows)


def poisoned(*items: bytes) -> Fault:
    """The list with these items strewn in."""

    def fault(call: Call) -> Answer:
        rows = _rows(call)
        for item in items:
            rows.insert(call.chance.randint(0, len(rows)), item)
        return _list(rows)

    return fault


def framed(body: bytes, *, content_type: str = "application/json") -> Fault:
    """Another body than that of a list. `%s` in it is replaced by the items."""

    def fault(call: Call) -> Answer:
        return Answer(body=body.replace(b"%s", b",".join(_rows(call))), headers={"Content-Type": content_type})

    return fault


def replaced(uid: str, raw: bytes) -> Fault:
    """The list with other bytes in the place of one item."""

    def fault(call: Call) -> Answer:
        rows = call.upstream.completions | {uid: raw}
        return _list([row for key, row in rows.items() if key not in call.upstream.unlisted])

    return fault


def huge_page(count: int, item: Callable[[int], bytes]) -> Fault:
    """A list of so many items, sent as they are made."""

    def pieces() -> Iterator[bytes]:
        yield b'{"completions":['
        for number in range(count):
            yield (b"," if number else b"") + item(number)
        yield b"]}"

    def fault(call: Call) -> Answer:
        return Answer(pieces=pieces())

    return fault


def gzip_bomb(megabytes: int) -> Fault:
    """A list that is small on the wire and so many megabytes large when it is unpacked."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    blanks = b" " * (1 << 20)
    packed = [packer.compress(b'{"completions":[{"id":"bomb","x":"')]
    packed += [packer.compress(blanks) for _ in range(megabytes)]
    packed += [packer.compress(b'"}]}'), packer.flush()]
    body = b"".join(packed)

    def fault(call: Call) -> Answer:
        return Answer(body=body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})

    return fault


def _rows(call: Call) -> list[bytes]:
    """The items that the list would have, as one page."""
    upstream = call.upstream
    call.carry_out()
    call.request.truthful = True
    return [raw for uid, raw in upstream.completions.items() if uid not in upstream.unlisted]


def _list(rows: list[bytes]) -> Answer:
    return Answer(body=b'{"completions":[' + b",".join(rows) + b"]}")
