"""Pages, styles and scripts leave compressed; what the API answers and what is compressed already goes as it is."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TYPES = ("text/html", "text/css", "text/javascript", "application/javascript")


class TextCompressionMiddleware(GZipMiddleware):
    """Compresses whole answers of those types, for whoever accepts gzip."""

    def process_request(self, request: HttpRequest) -> None:
        """Have a weak tag, which a compressed answer gets, match the strong one that it was made from."""
        given = request.META.get("HTTP_IF_NONE_MATCH")
        if given:
            request.META["HTTP_IF_NONE_MATCH"] = given.replace('W/"', '"')

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """A part of a file, or nothing at all, is left alone."""
        content_type = response.get("Content-Type", "").partition(";")[0]
        if response.status_code in (204, 206, 304) or content_type not in TYPES:
            return response
        return super().process_response(request, response)
