"""The HTTP client of an upstream. Every failure is a TransportError that says whether to come again."""

import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import IO, Any
from urllib.parse import quote

import orjson
import requests
from django.conf import settings
from django.utils.translation import gettext_noop
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from gradebench import request_ids
from gradebench.version import VERSION
from reviews.log10 import strict_json
from reviews.models import Upstream
from reviews.workflow import guard, upstreams

TOTAL_SECONDS = 60.0
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
LONGEST_PAGE = 64 * 1024 * 1024
LONGEST_WORDS = 500
# So much of a page is held in memory; what is longer lies in a file while it is read.
SPOOLED = 2 * 1024 * 1024
PIECE = 256 * 1024
CHUNK = 64 * 1024
GOOD = frozenset({200, 201})
PERMANENT = frozenset({400, 403, 404, 405, 409, 410, 413, 415, 422})


class TransportError(Exception):
    """A request that did not succeed.

    `permanent`: coming again will not help. `ambiguous`: it may have been carried out. `wait`: what the upstream asked
    for by Retry-After.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        status: int | None = None,
        ambiguous: bool = False,
        wait: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.status = status
        self.ambiguous = ambiguous
        self.wait = wait


class TokenRefused(TransportError):
    """401: the upstream does not accept the token."""


class Page:
    """The bytes of one page of a list, `size` in all; `broken` says how it ended, where that was not its end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.broken: TransportError | None = None

    def pieces(self) -> Iterator[bytes]:
        """The bytes, in pieces."""
        while piece := self._file.read(PIECE):
            yield piece


class Client:
    """One upstream, for the time of one pull or push. Use it as a context manager."""

    def __init__(self, url: str, *, token: str, organization: str, allow: list[str] | None = None) -> None:
        self._url = url.rstrip("/")
        self._organization = organization
        self._session = guard.GuardedSession(settings.OUTBOUND_ALLOW if allow is None else allow)
        self._session.headers.update(
            {
                "X-Log10-Token": token,
                "X-Log10-Organization": organization,
                "User-Agent": f"GradeBench/{VERSION}",
                "Accept": "application/json",
                **request_ids.headers(),
            }
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def feedback_tasks(self) -> list[Any]:
        """The rows of GET feedback_task: a bare list, or a list under `data`."""
        value = self._json("GET", "/api/v1/feedback_task")
        rows = value.get("data") if isinstance(value, dict) else value
        if not isinstance(rows, list):
            raise TransportError(gettext_noop("The upstream's feedback tasks are not a list."), permanent=True)
        return rows

    @contextmanager
    def ungraded(self, after: str | None = None) -> Iterator["Page"]:
        """One page of the ungraded list. `after` is the `next` of a GradeBench's truncated page.

        What came before a connection broke is in the page, and `Page.broken` says how it broke.
        """
        query = f"?after={quote(after, safe='')}" if after else ""
        with tempfile.SpooledTemporaryFile(max_size=SPOOLED) as file:
            page = Page(file)
            try:
                self._send("GET", f"/api/v1/completions/ungraded{query}", into=file)
            except TransportError as error:
                if not file.tell():
                    raise
                page.broken = error
            page.size = file.tell()
            file.seek(0)
            yield page

    def completion(self, uid: str) -> Any | None:
        """The completion of that id, whether it is listed or not; None when the upstream does not say.

        This is log10-io's call; a service need not have it, so whatever it refuses is no failure.
        """
        organization = quote(self._organization, safe="")
        try:
            value = self._json("GET", f"/api/completions/{quote(uid, safe='')}?organization_id={organization}")
        except TransportError as error:
            if error.permanent:
                return None
            raise
        return value.get("data") if isinstance(value, dict) else None

    def feedback_on(self, uid: str, *, task_uid: str) -> list[Any] | None:
        """The feedback of a feedback task on a completion, the newest hundred; None when the upstream does not say, or
        answers with that of other completions as well, so that what is missing says nothing.
        """
        wanted = {"completion_id": uid, "task_id": task_uid, "limit": 100, "offset": 0}
        try:
            value = self._json("GET", "/api/v1/feedback", wanted)
        except TransportError as error:
            if error.permanent:
                return None
            raise
        rows = value.get("feedback") if isinstance(value, dict) else None
        return rows if isinstance(rows, list) and all(_is_about(row, uid) for row in rows) else None

    def update(self, uid: str, document: Mapping[str, Any]) -> Any:
        """POST the whole completion; the completion that the upstream then says it has."""
        return self._json("POST", f"/api/v1/completions/{quote(uid, safe='')}", document)

    def create_feedback(self, feedback: Mapping[str, Any]) -> Any:
        """POST one feedback; the feedback that the upstream says it has."""
        return self._json("POST", "/api/v1/feedback", feedback)

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        raw = self._send(method, path, body)
        try:
            return strict_json.loads(raw, max_depth=settings.API_MAX_DEPTH + 8)
        except strict_json.BadJson as error:
            raise TransportError(
                f"The upstream answered 200, but not with JSON: {_words(raw)}", ambiguous=method == "POST"
            ) from error

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, into: IO[bytes] | None = None
    ) -> bytes:
        """The body of a good answer; with `into` it is written there instead, as far as it came."""
        deadline = time.monotonic() + TOTAL_SECONDS
        writes = method == "POST"
        try:
            with self._session.cut_after(TOTAL_SECONDS):
                response, raw = self._exchange(method, path, body, into)
        except requests.RequestException as error:
            if time.monotonic() >= deadline:
                raise _late(ambiguous=writes) from error
            raise _unanswered(error, writes=writes) from error
        # A connection that is cut looks, to a body without a length, like its end.
        if time.monotonic() >= deadline:
            raise _late(ambiguous=writes)
        if response.status_code in GOOD:
            return raw
        raise _failure(response, raw)

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, into: IO[bytes] | None
    ) -> tuple[requests.Response, bytes]:
        response = self._session.request(
            method,
            f"{self._url}{path}",
            data=None if body is None else orjson.dumps(body),
            headers={} if body is None else {"Content-Type": "application/json"},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,
        )
        with response:
            chunks = _bounded(response, ambiguous=method == "POST")
            if into is None or response.status_code not in GOOD:
                return response, b"".join(chunks)
            for chunk in chunks:
                into.write(chunk)
            return response, b""


def _is_about(row: object, uid: str) -> bool:
    about = row.get("matched_completion_ids") if isinstance(row, dict) else None
    return isinstance(about, list) and uid in about


def client_of(upstream: Upstream) -> Client:
    """The client of an upstream. Raises sealing.SealBroken when its token cannot be opened."""
    return Client(upstream.url, token=upstreams.token_of(upstream), organization=upstream.upstream_organization)


def _bounded(response: requests.Response, *, ambiguous: bool) -> Iterator[bytes]:
    """The body, as long as it is not longer than it may be."""
    size = 0
    for chunk in _chunks(response):
        size += len(chunk)
        if size > LONGEST_PAGE:
            raise TransportError(
                f"The answer is longer than {LONGEST_PAGE:,} bytes.", permanent=True, ambiguous=ambiguous
            )
        yield chunk


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes. requests' own way holds back what does not fill a chunk, and drops it when the rest fails
    to come.
    """
    try:
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            yield chunk
    except HTTPError as error:
        raise requests.ConnectionError(error) from error
    if response.raw.length_remaining:
        raise requests.ConnectionError(gettext_noop("The answer broke off before its end."))


def _late(*, ambiguous: bool) -> TransportError:
    return TransportError(f"The answer took longer than {TOTAL_SECONDS:.0f} s.", ambiguous=ambiguous)


def _unanswered(error: requests.RequestException, *, writes: bool) -> TransportError:
    """What to make of a request without an answer. Where no connection was made, nothing was carried out."""
    if isinstance(error, requests.ConnectTimeout):
        return TransportError(f"No connection within {CONNECT_SECONDS:.0f} s.")
    cause = _cause(error)
    if isinstance(cause, guard.Blocked):
        return TransportError(cause.sentence, permanent=True)
    return TransportError(_reason(error), ambiguous=writes and not isinstance(cause, NewConnectionError))


def _cause(error: requests.RequestException) -> object:
    """What urllib3 says within what requests says."""
    inner = error.args[0] if error.args else None
    return inner.reason if isinstance(inner, MaxRetryError) else inner


def _failure(response: requests.Response, raw: bytes) -> TransportError:
    status, words = response.status_code, _words(raw)
    if 300 <= status < 400:
        return TransportError(
            f"The upstream answers with a redirect ({status}); its token is sent nowhere else.",
            permanent=True,
            status=status,
        )
    if status == 401:
        return TokenRefused(f"The upstream refuses the token: {words}", status=status)
    permanent = status in PERMANENT
    return TransportError(
        f"The upstream answered {status}: {words}",
        permanent=permanent,
        status=status,
        ambiguous=status < 300 or (status >= 500 and status not in (501, 503)),
        wait=_retry_after(response.headers.get("Retry-After")),
    )


def _retry_after(value: str | None) -> timedelta | None:
    """Retry-After in either spelling, seconds or a date; None when there is none that can be read."""
    if not value:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return timedelta(seconds=min(int(value), 86_400))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(timedelta(0), min(moment - datetime.now(UTC), timedelta(days=1)))


def _words(raw: bytes) -> str:
    """What the upstream said, as a sentence: the `error` of its JSON, or the beginning of whatever came."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = None
    said = value.get("error") if isinstance(value, dict) else None
    text = said if isinstance(said, str) else raw[: 4 * LONGEST_WORDS].decode(errors="replace")
    return " ".join(text.split())[:LONGEST_WORDS] or "(nothing)"


def _reason(error: Exception) -> str:
    text = str(error)
    if "Connection refused" in text:
        return gettext_noop("The upstream refuses the connection: nothing listens there.")
    if "Name or service not known" in text or "NameResolutionError" in text:
        return gettext_noop("The upstream's host name is not known.")
    if "timed out" in text.lower():
        return gettext_noop("The upstream did not answer in time.")
    return f"The connection to the upstream failed: {text[:LONGEST_WORDS]}"
