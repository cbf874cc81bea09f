"""What every API view shares: strict JSON in, JSON out, errors as `{"error": sentence}`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from django.http.request import RawPostDataException
from django.utils.http import parse_header_parameters
from rest_framework import exceptions, status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gradebench import measures, outages
from gradebench.addresses import address_of
from reviews.access import organization_named
from reviews.api.authentication import HasToken, TokenAuthentication
from reviews.api.openapi import Operation
from reviews.log10 import strict_json, wire
from reviews.models import ApiToken, Organization
from reviews.workflow.audit import Actor
from reviews.workflow.documents import TextPurged
from reviews.workflow.grading import FeedbackRefused
from reviews.workflow.idempotency import Answer, InFlight, Keyed, KeyRefused, KeyReused, answer_once
from reviews.workflow.ingest import CompletionTooLarge, HeldElsewhere, IdPurged, IngestRefused
from reviews.workflow.schema import SchemaRefused, ValuesRefused

log = logging.getLogger(__name__)

UTF_8 = "utf-8"


@dataclass(frozen=True)
class Body:
    """A request's JSON, parsed once, and the bytes it came in."""

    value: Any
    raw: bytes


class LengthRequired(exceptions.APIException):
    """411."""

    status_code = status.HTTP_411_LENGTH_REQUIRED


class TooLarge(exceptions.APIException):
    """413."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class WrongEncoding(exceptions.APIException):
    """415, with a sentence of its own."""

    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE


class Reused(exceptions.APIException):
    """422."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class AtWork(exceptions.APIException):
    """409; `wait` is in seconds."""

    status_code = status.HTTP_409_CONFLICT
    wait = 1


class StrictJSONParser(BaseParser):
    """Reads JSON through the strict gate: UTF-8, as it is, up to a size and a depth."""

    media_type = "application/json"

    def parse(  # type: ignore[override] # DRF passes on whatever a parser returns
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Body:
        """Raises ParseError, TooLarge, WrongEncoding."""
        _check_encoding(media_type or "", parser_context or {})
        most = settings.API_MAX_BODY_BYTES
        try:
            raw = stream.read(most + 1)
        except RequestDataTooBig:
            raw = b" " * (most + 1)
        if len(raw) > most:
            raise TooLarge(f"The body is larger than {most:,} bytes.")
        try:
            return Body(strict_json.loads(raw, max_depth=settings.API_MAX_DEPTH), raw)
        except strict_json.BadJson as error:
            raise exceptions.ParseError(str(error)) from error


def _check_encoding(media_type: str, context: Mapping[str, Any]) -> None:
    """Raises WrongEncoding."""
    charset = parse_header_parameters(media_type)[1].get("charset", UTF_8)
    if charset.lower().replace("_", "-") not in (UTF_8, "utf8", "us-ascii", "ascii"):
        raise WrongEncoding("Send the body in UTF-8: JSON is exchanged in no other encoding.")
    encoding = context["request"].headers.get("Content-Encoding", "") if "request" in context else ""
    if encoding.strip().lower() not in ("", "identity"):
        raise WrongEncoding("Send the body as it is, without a Content-Encoding: GradeBench does not unpack it here.")


class JSONBytesRenderer(BaseRenderer):
    """Writes JSON by orjson; bytes are sent as they are."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return data if isinstance(data, bytes) else orjson.dumps(data)


class AlwaysJSON(BaseContentNegotiation):
    """Every answer is JSON, whatever the client says it accepts: log10py raises on anything else."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return parsers[0] if media_type in ("", "application/json") or media_type.endswith("+json") else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


_STATUS: dict[type[Exception], int] = {
    wire.WireRefused: status.HTTP_400_BAD_REQUEST,
    SchemaRefused: status.HTTP_400_BAD_REQUEST,
    ValuesRefused: status.HTTP_400_BAD_REQUEST,
    FeedbackRefused: status.HTTP_400_BAD_REQUEST,
    HeldElsewhere: status.HTTP_404_NOT_FOUND,
    IdPurged: status.HTTP_410_GONE,
    TextPurged: status.HTTP_410_GONE,
    CompletionTooLarge: status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    IngestRefused: status.HTTP_400_BAD_REQUEST,
    RequestDataTooBig: status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    RawPostDataException: status.HTTP_400_BAD_REQUEST,
}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Any failure as `{"error": sentence}`: the clients read that key, and a person can act on the sentence."""
    measures.API_REFUSALS.labels(type(error).__name__).inc()
    if isinstance(error, exceptions.APIException):
        # DRF's views leave these on the exception for whoever answers it.
        given = {"WWW-Authenticate": getattr(error, "auth_header", None), "Retry-After": getattr(error, "wait", None)}
        headers = {name: str(value) for name, value in given.items() if value is not None}
        return Response({"error": _sentence(error)}, status=error.status_code, headers=headers)
    if isinstance(error, Http404):
        return Response({"error": str(error) or "There is nothing here."}, status=status.HTTP_404_NOT_FOUND)
    for kind, code in _STATUS.items():
        if isinstance(error, kind):
            return Response({"error": str(error)}, status=code)
    outage = outages.outage_of(error)
    if outage is None:
        return None
    log.error("The database failed during an API request.", exc_info=error)
    headers = {"Retry-After": str(outage.retry_after)}
    return Response({"error": outage.words}, status=outage.status, headers=headers)


def _sentence(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.MethodNotAllowed):
        return f"{error.detail} Look at the path: it takes other methods."
    if isinstance(error, exceptions.UnsupportedMediaType):
        return "Send the body as application/json."
    detail = error.detail
    return " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)


class View(APIView):
    """An API view. `organization` is the token's; the views never ask the request for another.

    `needs` has, by method, the scope that the token must have, `operations` what the API's description says.
    """

    needs: ClassVar[Mapping[str, str]] = {}
    operations: ClassVar[Mapping[str, Operation]] = {}
    authentication_classes = [TokenAuthentication]
    permission_classes = [HasToken]
    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONBytesRenderer]
    content_negotiation_class = AlwaysJSON
    # Whether a body of unannounced length is read; REST framework does not.
    takes_chunks = False
    # Whether a POST with an Idempotency-Key does its work once. All its effects must be in the database.
    takes_keys = True

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return exception_handler

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if is_chunked(request.META) and not self.takes_chunks:
            # REST framework would take a body of unannounced length for none, and what was sent would be lost.
            raise LengthRequired("Send the body with a Content-Length; GradeBench does not read it in chunks.")
        if "\x00" in kwargs.get("uid", ""):
            raise Http404("No id has a NUL character in it.")
        for name in _named_in_headers(request):
            organization_named(self.organization, name)
        key = request.headers.get("Idempotency-Key")
        if key is not None and request.method == "POST" and hasattr(self, "post"):
            if not self.takes_keys:
                raise exceptions.ParseError("This path takes no Idempotency-Key: name each completion by an “id”.")
            # REST framework asks the instance for its handler next.
            vars(self)["post"] = partial(self._once, key.strip(), self.post)

    def _once(
        self, key: str, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any
    ) -> Response:
        """What `handler` answers, or answered when this request first came. Raises APIException."""
        raw = request.data.raw if isinstance(request.data, Body) else b""

        def work() -> Answer:
            response = handler(request, *args, **kwargs)
            about = response.data.get("id") if isinstance(response.data, dict) else None
            body = JSONBytesRenderer().render(response.data)
            return Answer(response.status_code, body, about if isinstance(about, str) else "")

        try:
            answer = answer_once(Keyed(self.token, key, "POST", request.path, raw), work)
        except KeyRefused as error:
            raise exceptions.ParseError(str(error)) from error
        except KeyReused as error:
            raise Reused(str(error)) from error
        except InFlight as error:
            raise AtWork(str(error)) from error
        headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
        return Response(answer.body, status=answer.status, headers=headers)

    @property
    def token(self) -> ApiToken:
        return cast(ApiToken, self.request.auth)

    @property
    def organization(self) -> Organization:
        return self.token.organization

    @property
    def actor(self) -> Actor:
        return Actor(api_token=self.token, address=address_of(self.request))

    @property
    def reader(self) -> wire.Reader:
        headers = self.request.headers
        return wire.Reader(headers.get("User-Agent", ""), logs="X-Log10-Organization-Id" in headers)

    def body(self) -> Body:
        """The request's JSON; what the body names as its organization must be this one. Raises APIException."""
        data = self.request.data
        if not isinstance(data, Body):
            raise exceptions.ParseError("The body is empty; JSON is expected.")
        if isinstance(data.value, dict):
            organization_named(self.organization, data.value.get("organization_id"))
        return data

    def optional_body(self) -> dict[str, Any]:
        """The members of the body, empty where there is none: log10py sends filters in the body of a GET."""
        value = self.body().value if isinstance(self.request.data, Body) else {}
        if not isinstance(value, dict):
            raise exceptions.ParseError("The body must be a JSON object.")
        return value


def is_chunked(meta: Mapping[str, Any]) -> bool:
    """Whether the body comes in chunks, its length unannounced. The embedded server puts them together itself."""
    return "HTTP_TRANSFER_ENCODING" in meta and not meta.get("CONTENT_LENGTH")


def _named_in_headers(request: Request) -> list[str | None]:
    return [
        request.headers.get("X-Log10-Organization"),
        request.headers.get("X-Log10-Organization-Id"),
        request.query_params.get("organization_id"),
    ]
