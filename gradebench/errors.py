"""Answers to what no view answers: JSON for clients, which read `error`, and a page for people."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

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
    """500."""
    return JsonResponse({"error": FAILED}, status=500) if _is_api(request) else defaults.server_error(request)
