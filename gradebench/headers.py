"""What every answer tells the browser not to do: guess types, say where it came from, be framed, lend itself to other
sites. The content security policy is django-csp's, see the settings.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

# An answer that says otherwise for itself, such as a picture, is left as it is.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
}


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Give each answer the headers that it does not have yet."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            # The length that Django saw is nothing; the one that belongs here is that of what was not sent.
            response.headers.pop("Content-Length", None)
        return response

    return handle


def csp_nonce(request: HttpRequest) -> dict[str, object]:
    """The nonce for templates, under the name by which django-htmx asks for it. It is made when a template shows it."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}
