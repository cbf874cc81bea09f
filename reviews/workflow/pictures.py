"""Pictures that a document names by an address, fetched for whoever reads it.

Whoever writes a document chooses the address, so it is reached through the outbound guard, with a list of exceptions of
its own, without cookies, credentials, referrer or redirects, and for a short time.
"""

import threading
import time
from typing import Final
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from urllib3.exceptions import HTTPError

from gradebench.version import VERSION
from reviews.workflow.guard import GuardedSession

SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 3.0
MOST_BYTES: Final = 10 * 1024 * 1024
# Each holds a thread of the web server until its picture came, or the time was over.
_PLACES = threading.BoundedSemaphore(2)
_PIECE: Final = 64 * 1024


class PictureRefused(Exception):
    """A picture that does not come; the sentence says why."""


class TooMany(PictureRefused):
    """Others are being fetched; a moment later there is room."""


def fetch(address: str) -> bytes:
    """What is at the address, at most `MOST_BYTES`. Raises PictureRefused."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise PictureRefused(_("This is not an address that pictures are fetched from."))
    if not _PLACES.acquire(blocking=False):
        raise TooMany(_("Other pictures are being fetched. Ask again in a moment."))
    try:
        return _fetched(address)
    finally:
        _PLACES.release()


def _fetched(address: str) -> bytes:
    deadline = time.monotonic() + SECONDS
    headers = {"User-Agent": f"GradeBench/{VERSION}", "Accept": "image/*", "Accept-Encoding": "identity"}
    try:
        with GuardedSession(settings.PICTURES_ALLOW) as session, session.cut_after(SECONDS):
            answer = session.get(
                address, headers=headers, timeout=(CONNECT_SECONDS, SECONDS), allow_redirects=False, stream=True
            )
            with answer:
                data = _body(answer)
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise PictureRefused(_late() if time.monotonic() >= deadline else _UNREACHED) from error
    # A connection that is cut looks, to a body without a length, like its end.
    if time.monotonic() >= deadline:
        raise PictureRefused(_late())
    return data


def _body(answer: requests.Response) -> bytes:
    if 300 <= answer.status_code < 400:
        raise PictureRefused(_("The address leads on to another one, which is not followed."))
    if answer.status_code != 200:
        raise PictureRefused(_("The server there answered %(status)d.") % {"status": answer.status_code})
    data = b""
    while piece := answer.raw.read(_PIECE, decode_content=False):
        data += piece
        if len(data) > MOST_BYTES:
            raise PictureRefused(_("It is larger than %(most)d MB.") % {"most": MOST_BYTES // 1024 // 1024})
    return data


def _late() -> str:
    return _("It did not come within %(seconds)d s.") % {"seconds": SECONDS}


_UNREACHED = gettext_lazy("Nothing could be fetched from there: no server answers, or its address is not a public one.")
