"""The pictures, sounds and files of a completion, given out one by one to whoever may read it and asks."""

import base64
import binascii
import logging
import mimetypes
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from reviews.access import completion_for, user_of
from reviews.web.conversation import media_in
from reviews.web.display_blocks import Media
from reviews.web.media_types import media_type
from reviews.workflow import documents, pictures

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 10 * 1024 * 1024
_HEADERS: Final = {
    "Cache-Control": "private, no-store",
    # Whatever it is, it runs nothing and loads nothing.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _Unreadable(Exception):
    """Data that cannot be given out; the sentence says why."""


@login_required
@require_GET
def media(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A picture or sound to be shown, or, with `?download=1`, anything that the document holds, as a file."""
    completion = completion_for(request, pk)
    found = media_in(documents.read(completion.current), number)
    if found is None or not (found.held or found.remote):
        raise Http404
    try:
        data = _decoded(found) if found.held else _fetched(request, pk, found)
    except pictures.TooMany as error:
        return _sentence(str(error), 503)
    except pictures.PictureRefused as error:
        return _sentence(str(error), 502)
    except _Unreadable as error:
        return _sentence(str(error), 422)
    return _given(data, found, as_file=found.held and "download" in request.GET)


def _given(data: bytes, found: Media, *, as_file: bool) -> HttpResponse:
    known = media_type(data)
    if as_file:
        response = HttpResponse(data, content_type="application/octet-stream", headers=_HEADERS)
        response["Content-Disposition"] = content_disposition_header(True, _file_name(found)) or "attachment"  # noqa: FBT003 - Django's order
        return response
    if not known or (found.remote and not known.startswith("image/")):
        return _sentence(_("This is none of the kinds of pictures and sounds that are shown here."), 415)
    return HttpResponse(data, content_type=known, headers=_HEADERS)


def _sentence(words: str, status: int) -> HttpResponse:
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8", headers=_HEADERS)


def _fetched(request: HttpRequest, pk: int, found: Media) -> bytes:
    host = urlsplit(found.source).hostname
    logger.info("%s asks for picture %d of completion %d, at %s", user_of(request), found.number, pk, host)
    return pictures.fetch(found.source)


def _decoded(found: Media) -> bytes:
    """The bytes of a data URL, or of bare base64. Raises _Unreadable."""
    head, comma, body = found.source.partition(",")
    if not (head.startswith("data:") and comma):
        head, body = ";base64", found.source
    if len(body) > MOST_BYTES * 4 // 3 + 4:
        raise _Unreadable(_("It is larger than %(size)d MB.") % {"size": MOST_BYTES // 1024 // 1024})
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(body.translate(_URL_SAFE) + "==")
    except (binascii.Error, ValueError) as error:
        raise _Unreadable(_("The document holds data that is no base64.")) from error


_URL_SAFE = str.maketrans("-_", "+/")


def _file_name(found: Media) -> str:
    """Its own name, or one that says what it is."""
    own = found.name.replace("\\", "/").rsplit("/", 1)[-1].strip(". ")
    return own or f"{found.what}-{found.number + 1}{mimetypes.guess_extension(found.media_type) or ''}"
