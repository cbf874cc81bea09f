"""Sessions."""

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from reviews.api.http import View
from reviews.api.openapi import sessions as described
from reviews.models import Session


class Sessions(View):
    """POST /api/v1/sessions: open a session. 201, and no other status: log10py takes none."""

    needs = {"POST": "ingest"}
    operations = {"POST": described.OPEN}

    def post(self, request: Request) -> Response:
        self.optional_body()
        session = Session.objects.create(organization=self.organization)
        return Response({"session": {"id": session.uid}}, status=status.HTTP_201_CREATED)
