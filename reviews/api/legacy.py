"""What else log10-io asks for: sessions, the ids of tags, and what GradeBench does not have."""

from urllib.parse import unquote

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from reviews.api.http import View
from reviews.api.openapi import legacy as described
from reviews.models import Session, Tag

NO_AUTOPROMPT = (
    "GradeBench has no prompt analyzer: it is where people review completions. Send this call to a service that has "
    "one, or let a reviewer judge the prompt by a feedback task."
)


class LegacySessions(View):
    """POST /api/sessions: open a session."""

    needs = {"POST": "ingest"}
    operations = {"POST": described.OPEN}

    def post(self, request: Request) -> Response:
        self.optional_body()
        session = Session.objects.create(organization=self.organization)
        return Response({"sessionID": session.uid})


class TagSearch(View):
    """GET /api/tags/search: the tag of exactly this name, or none: log10-io takes a single hit as it comes."""

    needs = {"GET": "read"}
    operations = {"GET": described.FIND_TAG}

    def get(self, request: Request) -> Response:
        name = _asked(request) if self.reader.logs else request.query_params.get("query", "")
        tags = Tag.objects.filter(
            organization=self.organization, name=name.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        )
        return Response({"data": [{"id": tag.uid, "name": tag.name} for tag in tags]})


class Autoprompt(View):
    """POST /api/experimental/autoprompt/…: 501, for GradeBench has no such thing."""

    needs = {"POST": "read"}
    operations = {"POST": described.AUTOPROMPT}

    def post(self, request: Request) -> Response:
        self.optional_body()
        return Response({"error": NO_AUTOPROMPT}, status=status.HTTP_501_NOT_IMPLEMENTED)


def _asked(request: Request) -> str:
    """The name that log10-io asks for. It writes `query=` last and the name as it is: an ampersand or a plus sign there
    belongs to the name.
    """
    return unquote(request.META.get("QUERY_STRING", "").partition("query=")[2], errors="replace")
