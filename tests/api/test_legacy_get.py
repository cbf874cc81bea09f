"""GET /api/completions/{id} as log10-io reads it. For other clients see test_completion_get."""

import pytest

from reviews.models import Completion
from tests.api.conftest import Api
from tests.api.log10io import HEADERS, logged
from tests.api.samples import CORPUS, UID, document

PATH = f"/api/completions/{UID}?organization_id=acme"


def test_it_works(api: Api) -> None:
    api.create(document(id=UID))
    came_at = Completion.objects.get().received_at.isoformat()
    tags = [{"id": Completion.objects.get().tags.get().uid, "name": "support"}]
    expected = {**document(), "id": UID, "duration": 1250, "created_at": came_at, "tagResolved": tags}
    assert api.get(PATH, headers=HEADERS).json["data"] == expected


def test_it_gives_back_what_log10_io_logged(api: Api) -> None:
    api.post(f"/api/completions/{UID}", logged(CORPUS["prompt"]))
    data = api.get(PATH, headers=HEADERS).json["data"]
    assert (data["kind"], data["duration"]) == ("completion", 1250)
    assert data["request"] == CORPUS["prompt"]["request"]


def test_it_gives_benchmark_models_what_it_reads(api: Api) -> None:
    for sample in CORPUS.values():
        uid = api.create(sample)
        data = api.get(f"/api/completions/{uid}", headers=HEADERS).json["data"]
        assert data["kind"] in ("chat", "completion")
        assert isinstance(data.get("request", {}), dict)
        assert isinstance(data.get("response", {}), dict)
        assert [tag["name"] for tag in data["tagResolved"]] == sorted(sample.get("tags") or [])


@pytest.mark.parametrize("agent", ["", "python-httpx/0.28.1", "python-requests/2.32", "GradeBench/1", "curl/8"])
def test_it_leaves_the_document_as_it_is_for_every_other_client(api: Api, agent: str) -> None:
    api.create(CORPUS["prompt"] | {"id": UID})
    assert api.get(PATH, headers={"User-Agent": agent}).json["data"] == CORPUS["prompt"] | {"id": UID}


def test_it_does_not_find_another_organizations(api: Api, beta: Api) -> None:
    beta.create(document(id=UID, organization_id="beta"))
    api.get(PATH, headers=HEADERS).refusal(404)
