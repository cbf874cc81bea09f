"""Every document of whole corpora opened, graded and edited through the pages: what is stored is what was posted.

The corpus of our own always goes; recorded.jsonl.gz and log10-samples/ where GRADEBENCH_TEST_DATA names their folder.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import steps
from tests.e2e.test_corpus import Documents, own_corpus
from tests.instances import Instance

pytestmark = pytest.mark.e2e
# What happens in the browser is the same on either database.
on_one_database = pytest.mark.sqlite

MakeInstance = Callable[..., Instance]
Leaf = tuple[str, Any, Any]
TAG = "corpus"
ADDED = "\n\nRead twice: ü 🚲 <b>&amp;</b> \u2028 end"
FEEDBACK_TASK = {**steps.FEEDBACK_TASK, "name": TAG, "completion_tags_selector": [TAG]}


def recorded(folder: Path) -> Documents:
    """The exchanges with models of many makers."""
    with gzip.open(folder / "recorded.jsonl.gz") as file:
        return [json.loads(line) for line in file]


def samples(folder: Path) -> Documents:
    """What the Log10 clients send in each case, one file each; what the oldest sent as JSON texts, as their values."""
    documents = [json.loads(path.read_text()) for path in sorted((folder / "log10-samples").glob("*.json"))]
    texts = ("request", "response", "stacktrace")
    return [
        {**document, **{name: json.loads(value) for name in texts if isinstance(value := document.get(name), str)}}
        for document in documents
    ]


def prepared(documents: Documents) -> Documents:
    """As the organization of the test would log them, with the tag of the queue."""
    return [
        {**document, "organization_id": "acme", "tags": [*document.get("tags", []), TAG]}
        for document in ({name: value for name, value in given.items() if name != "id"} for given in documents)
    ]


def differences(before: Any, after: Any, pointer: str = "") -> Iterator[Leaf]:
    """The places in which two documents differ; a member in another place is a difference of its object."""
    if isinstance(before, dict) and isinstance(after, dict) and list(before) == list(after):
        for name in before:
            yield from differences(before[name], after[name], f"{pointer}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (was, now) in enumerate(zip(before, after, strict=True)):
            yield from differences(was, now, f"{pointer}/{index}")
    elif json.dumps(before) != json.dumps(after):
        yield pointer, before, after


def test_our_own_corpus_is_reviewed(instances: MakeInstance, record_property: Callable[[str, object], None]) -> None:
    review_all(instances, own_corpus(), record_property)


@on_one_database
def test_the_recorded_exchanges_are_reviewed(
    instances: MakeInstance, corpus_folder: Path | None, record_property: Callable[[str, object], None]
) -> None:
    if corpus_folder is None:
        pytest.skip("GRADEBENCH_TEST_DATA names no folder: the external corpus was not used.")
    documents = recorded(corpus_folder)
    assert len(documents) == 135
    review_all(instances, documents, record_property)


@on_one_database
def test_the_samples_of_log10_are_reviewed(
    instances: MakeInstance, corpus_folder: Path | None, record_property: Callable[[str, object], None]
) -> None:
    if corpus_folder is None:
        pytest.skip("GRADEBENCH_TEST_DATA names no folder: the external corpus was not used.")
    documents = samples(corpus_folder)
    assert len(documents) == 9
    review_all(instances, documents, record_property)


def review_all(instances: MakeInstance, documents: Documents, record_property: Callable[[str, object], None]) -> None:
    """All in by API, all through the review screen, all out again by API."""
    team = steps.create_organization(instances(), "acme")
    steps.add_member(team, "alice")
    team.create_feedback_task(FEEDBACK_TASK)
    sent = {team.create(document): document for document in prepared(documents)}
    # A call that has not ended is nothing to grade yet; its page opens all the same.
    waiting = {uid for uid, document in sent.items() if document.get("status") != "started"}
    keys = "json.dumps(dict(Completion.objects.values_list('uid', 'pk')))"
    pages = json.loads(steps.ask_database(team.instance, f"import json\nprint({keys})"))
    originals = {uid: team.document(uid) or {} for uid in sent}

    alice = steps.Reviewer(team.instance, "alice")
    posted: dict[str, str | None] = {}
    (start,) = alice.startable()
    assert alice.start(start)
    while alice.is_reviewing:
        uid = alice.shown
        assert uid not in posted, f"{uid} is shown twice"
        posted[uid] = grade_and_edit(alice)
    assert set(posted) == waiting

    for uid, original in originals.items():
        assert alice.get(f"/completions/{pages[uid]}") == 200, uid
        found = list(differences(original, team.document(uid)))
        text = posted.get(uid)
        assert [after for _, _, after in found] == ([] if text is None else [text]), uid
        assert all(pointer.startswith("/response/choices/") for pointer, _, _ in found), uid
    graded = {uid: row["json_values"] for row in team.feedback() for uid in row["matched_completion_ids"]}
    assert set(graded) == waiting
    assert all(values == {"verdict": "good", "score": 1, "send": True} for values in graded.values())
    record_property("opened", len(sent))
    record_property("graded", len(graded))
    record_property("edited", sum(text is not None for text in posted.values()))


def grade_and_edit(alice: steps.Reviewer) -> str | None:
    """Answer every question, change the first text that can be changed, submit; that text as she left it."""
    form = alice.forms["grade"]
    name = next((name for name in form.fields if name.startswith("edit-")), None)
    values = {**form.fields, **{name: values[0] for name, values in form.choices.items()}}
    if name is None:
        assert alice.post(form.action, values) == 200, alice.page
        return None
    values[name] = text = form.fields[name] + ADDED
    # Browsers send line ends as CR LF.
    assert alice.post(form.action, {**values, name: text.replace("\n", "\r\n")}) == 200, alice.page
    return text
