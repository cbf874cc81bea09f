"""import_completions, from files as people have them."""

import gzip
from pathlib import Path

import orjson
import pytest
from pytest_django.fixtures import Settings

from reviews.log10 import importing, wire
from reviews.models import Completion, Organization
from reviews.workflow import documents, ingest
from tests import factories
from tests.api.samples import CORPUS, UID, document


def write(path: Path, lines: list[bytes]) -> Path:
    data = b"\n".join(lines)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_it_works(organization: Organization, tmp_path: Path, name: str) -> None:
    lines = [orjson.dumps(sample) for sample in CORPUS.values()]
    report = importing.import_file(write(tmp_path / name, lines), organization)
    assert (report.created, report.changed, report.unchanged, report.refused) == (len(lines), 0, 0, [])
    kept = [documents.unpack(row.received.data) for row in Completion.objects.order_by("pk").select_related("received")]
    assert kept == lines


def test_it_merges_and_counts_what_was_there(organization: Organization, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [orjson.dumps(document(id=UID))])
    assert importing.import_file(path, organization).created == 1
    assert importing.import_file(path, organization).unchanged == 1
    write(path, [orjson.dumps({"id": UID, "x": 1})])
    assert importing.import_file(path, organization).changed == 1
    assert Completion.objects.count() == 1


def test_it_takes_what_the_command_of_log10_downloaded(organization: Organization, tmp_path: Path) -> None:
    logged = document(id=UID, kind="prompt", duration=2.5, tags=["support", "late"])
    ingest.receive(organization, UID, logged)
    row = Completion.objects.get()
    downloaded = wire.logged_completion(
        logged, uid="downloaded", organization_id="theirs", received_at=row.received_at, tags=row.tags.all()
    )
    there = factories.organization()
    path = write(tmp_path / "a.jsonl", [orjson.dumps(downloaded)])
    assert importing.import_file(path, there).created == 1
    taken = Completion.objects.get(organization=there)
    assert (taken.duration, taken.kind) == (2.5, "prompt")
    assert {tag.name for tag in taken.tags.all()} == {"support", "late"}


def test_it_says_what_is_wrong_with_the_tags_of_a_download(organization: Organization, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [orjson.dumps(document(tagResolved=["support"]))])
    assert "tagResolved" in importing.import_file(path, organization).refused[0].reason


def test_it_takes_lines_of_any_organization(organization: Organization, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [orjson.dumps(document(organization_id="whoever"))])
    assert importing.import_file(path, organization).created == 1


def test_it_names_the_lines_that_it_does_not_take(
    organization: Organization, tmp_path: Path, settings: Settings
) -> None:
    settings.API_MAX_BODY_BYTES = 2_000
    good = orjson.dumps({"kind": "chat"})
    long = b'{"x":"' + b"x" * 5_000 + b'"}'
    lines = [good, b"{", b"", b"  \r", b'{"a":1,"a":2}', b"[1]", long, good + b"\r", b'{"a":NaN}', b'{"id":7}', good]
    report = importing.import_file(write(tmp_path / "a.jsonl", lines), organization)
    # The same three times: what has no id is told apart by what it says.
    assert (report.created, report.unchanged) == (1, 2)
    assert [refusal.line for refusal in report.refused] == [2, 5, 6, 7, 9, 10]
    reasons = {refusal.line: refusal.reason for refusal in report.refused}
    assert "two members" in reasons[5]
    assert "larger than 2,000 bytes" in reasons[7]


def test_it_takes_an_id_that_another_organization_has_too(organization: Organization, tmp_path: Path) -> None:
    other = Organization.objects.create(slug="other", external_id="other")
    ingest.receive(other, UID, document())
    path = write(tmp_path / "a.jsonl", [orjson.dumps(document(id=UID, kind="prompt"))])
    assert importing.import_file(path, organization).created == 1
    assert {row.organization_id: row.kind for row in Completion.objects.all()} == {
        other.pk: "chat",
        organization.pk: "prompt",
    }


@pytest.mark.parametrize("cut", [slice(None, -10), slice(None, 20), slice(5, None)])
def test_it_says_so_of_a_file_that_is_no_whole_gzip(organization: Organization, tmp_path: Path, cut: slice) -> None:
    path = write(tmp_path / "a.jsonl.gz", [orjson.dumps(sample) for sample in CORPUS.values()])
    path.write_bytes(path.read_bytes()[cut])
    with pytest.raises(OSError, match=r".+"):
        importing.import_file(path, organization)


def test_it_says_so_of_a_file_that_is_damaged(organization: Organization, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", [orjson.dumps(sample) for sample in CORPUS.values()])
    data = bytearray(path.read_bytes())
    data[40:60] = b"\xff" * 20
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match=r".+"):
        importing.import_file(path, organization)


def test_it_takes_the_external_corpus(organization: Organization, corpus_folder: Path | None) -> None:
    for name, count in (("completions.jsonl.gz", 400), ("recorded.jsonl.gz", 135)):
        if corpus_folder:
            report = importing.import_file(corpus_folder / name, organization)
            assert (report.created, report.refused) == (count, [])


QUESTION = {"role": "user", "content": "What is it?"}
ANSWER = {"role": "assistant", "content": "It is 42."}
CHAT = {"id": "chatcmpl-7", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": ANSWER}]}


@pytest.mark.parametrize(
    "line",
    [
        {"messages": [QUESTION, ANSWER], "tools": []},
        {**CHAT, "messages": [QUESTION]},
        {**CHAT, "request": {"model": "m", "messages": [QUESTION]}, "tags": ["t"]},
        {"request": {"messages": [QUESTION]}, "response": CHAT},
    ],
)
@pytest.mark.parametrize("form", ["auto", "openai"])
def test_it_takes_the_forms_of_openai(
    organization: Organization, tmp_path: Path, line: dict[str, object], form: str
) -> None:
    path = write(tmp_path / "a.jsonl", [orjson.dumps(line)])
    assert importing.import_file(path, organization, form=form).created == 1
    assert importing.import_file(path, organization, form=form).unchanged == 1
    taken = Completion.objects.select_related("current").get()
    read = documents.read(taken.current)
    assert (read["kind"], read["status"], read.get("tags")) == ("chat", "finished", line.get("tags"))
    assert (documents.prompt_of(read), documents.answer_of(read)) == ("What is it?", "It is 42.")
    assert (taken.uid == "chatcmpl-7") == (read["response"].get("id") == "chatcmpl-7")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"messages": [ANSWER, QUESTION]}, "The last message must be the assistant's"),
        ({"messages": []}, "must be a list of messages"),
        (CHAT, "has no request"),
        ({"id": "x", "document": None, "provenance": {}}, "was purged"),
    ],
)
def test_it_says_what_a_line_lacks(
    organization: Organization, tmp_path: Path, line: dict[str, object], reason: str
) -> None:
    report = importing.import_file(write(tmp_path / "a.jsonl", [orjson.dumps(line)]), organization)
    assert reason in report.refused[0].reason
