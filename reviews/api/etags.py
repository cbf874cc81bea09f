"""Entity tags (RFC 9110): which state of something an answer shows, and whether whoever asks has that one already."""

from hashlib import sha256

from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from gradebench.version import VERSION


def tag_of(*parts: object) -> str:
    """The tag of an answer that depends on `parts` and on the code that writes it, and on nothing else.

    It is weak, since what stands between may compress the bytes, and it tells nobody the keys that it was made from.
    """
    return f'W/"{sha256(repr((VERSION, *parts)).encode()).hexdigest()[:32]}"'


def is_held(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names the tag, among others, weak or strong; `*` is any."""
    held = parse_etags(request.headers.get("If-None-Match", ""))
    return held == ["*"] or _opaque(tag) in map(_opaque, held)


def not_modified(tag: str) -> Response:
    """304."""
    return Response(b"", status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")
