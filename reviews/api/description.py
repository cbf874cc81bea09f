"""The API's description of itself: the OpenAPI document, and the same as a page."""

from functools import lru_cache
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reviews.api.http import View
from reviews.api.openapi import description as described
from reviews.api.openapi.document import document
from reviews.api.openapi.page import page


class _Public(View):
    """Open to everybody: what it answers holds nothing of anybody, and an integrator reads before she has a token."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Without a token there is no organization that a request could contradict.
        APIView.initial(self, request, *args, **kwargs)


class Schema(_Public):
    """GET /api/schema: the OpenAPI document."""

    operations = {"GET": described.SCHEMA}

    def get(self, request: Request) -> Response:
        return Response(_document())


class Docs(_Public):
    """GET /api/docs: the same for people, without a script and without anything from elsewhere."""

    operations = {"GET": described.DOCS}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        # The page's frame shows who is signed in, and REST framework's own request knows nobody here.
        self.page_request = request

    def get(self, request: Request) -> HttpResponse:
        return render(self.page_request, "reviews/api_docs.html", {"page": page()})


@lru_cache(maxsize=1)
def _document() -> bytes:
    return orjson.dumps(document())
