"""Answers to what no view answers: JSON for clients, which read `error`, and a page for people."""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views import defaults

from gradebench.outages import Outage, outage_of

FAILED = "GradeBench failed on this request and nothing of it was written. Its log says why."


def _is_api(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if _is_api(request):
        words = f"There is no {request.path} here. Paths have no slash at their end."
        return JsonResponse({"error": words}, status=404)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """500, or, where the database is to blame, what there is to say about that: Django calls it within the `except`."""
    outage = outage_of(sys.exception())
    if outage is not None:
        return _out(request, outage)
    return JsonResponse({"error": FAILED}, status=500) if _is_api(request) else defaults.server_error(request)


def _out(request: HttpRequest, outage: Outage) -> HttpResponse:
    """The outage as JSON, as a page, or, for a script that would not swap a page, as the sentence alone."""
    if _is_api(request):
        response: HttpResponse = JsonResponse({"error": outage.words}, status=outage.status)
    elif request.headers.get("HX-Request") == "true":
        response = HttpResponse(outage.words, content_type="text/plain; charset=utf-8", status=outage.status)
    else:
        # Without the request: nothing on this page may ask the database who is looking at it.
        again = request.get_full_path() if request.method in ("GET", "HEAD") else ""
        page = loader.render_to_string("503.html", {"outage": outage, "again": again})
        response = HttpResponse(page, status=outage.status)
    response["Retry-After"] = str(outage.retry_after)
    return response
