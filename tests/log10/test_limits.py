"""How large and how deep a completion may be: the same by API, by pull and by import."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from reviews.log10 import importing, sync
from reviews.models import Completion, Organization, PullRefusal, Upstream
from reviews.workflow import accounts
from tests.fake_upstream import FakeUpstream

LIMIT = 2_000
DEPTH = 20
# Puts a completion in, and says why not, if not.
Door = Callable[[bytes], str]


@pytest.fixture(params=["api", "pull", "import"])
def door(
    request: pytest.FixtureRequest,
    organization: Organization,
    upstream: Upstream,
    fake: FakeUpstream,
    tmp_path: Path,
    settings: Settings,
) -> Door:
    """Each of the ways in."""
    settings.API_MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = LIMIT
    settings.API_MAX_DEPTH = DEPTH
    _, secret = accounts.create_token(organization, name="tests")

    def by_api(raw: bytes) -> str:
        headers = {"X-Log10-Token": secret}
        answer = Client().post("/api/v1/completions", raw, content_type="application/json", headers=headers)
        return str(answer.json().get("error", ""))

    def by_pull(raw: bytes) -> str:
        fake.add(raw, "a")
        sync.pull(upstream)
        return "".join(PullRefusal.objects.values_list("reason", flat=True))

    def by_import(raw: bytes) -> str:
        path = tmp_path / "a.jsonl"
        path.write_bytes(raw + b"\n")
        return "".join(refusal.reason for refusal in importing.import_file(path, organization).refused)

    return {"api": by_api, "pull": by_pull, "import": by_import}[request.param]


def of_size(size: int) -> bytes:
    """A completion of so many bytes."""
    frame = b'{"id":"a","status":"finished","x":""}'
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


def of_depth(depth: int) -> bytes:
    """A completion of so many levels."""
    return b'{"id":"a","x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize("raw", [of_size(LIMIT), of_depth(DEPTH)], ids=["size", "depth"])
def test_it_is_taken_up_to_the_limit(door: Door, raw: bytes) -> None:
    assert door(raw) == ""
    assert Completion.objects.get().uid == "a"


@pytest.mark.parametrize(
    ("raw", "said"),
    [(of_size(LIMIT + 1), "larger than 2,000 bytes"), (of_depth(DEPTH + 1), "deeper than 20 levels")],
    ids=["size", "depth"],
)
def test_it_is_refused_beyond_with_the_same_words(door: Door, raw: bytes, said: str) -> None:
    assert said in door(raw)
    assert not Completion.objects.exists()
