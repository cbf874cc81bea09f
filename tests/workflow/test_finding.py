"""Filters: what each finds, what it does not, who finds what by grades, and that one list says the same as another."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reviews.models import Completion, FeedbackTask, GradeValue, Organization, Queue, Role, User
from reviews.workflow import finding, found, grading, purging, queues, word_index
from reviews.workflow.audit import Actor
from reviews.workflow.finding import Wanted, WantedRefused
from tests import factories

pytestmark = pytest.mark.django_db
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "score": {"type": "integer"},
        "fair": {"type": "boolean"},
        "verdict": {"enum": ["good", "bad"]},
        "faults": {"type": "array", "items": {"enum": ["tone", "facts"]}},
        "why": {"type": "string"},
    },
}


@pytest.fixture
def team() -> Organization:
    """An organization."""
    return factories.organization()


def names(
    team: Organization, query: str, *, viewer: User | None = None, few: int | None = None, zone: str = "UTC"
) -> set[str]:
    """The ids of what is found, which the query, the list and the count must agree about."""
    wanted = Wanted.read(query, zone=ZoneInfo(zone))
    assert Wanted.read(wanted.said(), zone=ZoneInfo(zone)) == wanted
    ids = {row.uid for row in finding.completions(team, wanted, viewer=viewer)}
    with pytest.MonkeyPatch.context() as patch:
        # As where very many match.
        patch.setattr(found, "FEW", -1 if few is None else few)
        patch.setattr(word_index, "FEW", -1 if few is None else few)
        patch.setattr(word_index, "FEW_SORTED", -1 if few is None else few)
        assert {row.uid for row in found.newest(team, wanted, viewer=viewer, most=50).rows} == ids
    assert {row.uid for row in found.newest(team, wanted, viewer=viewer, most=50).rows} == ids
    assert found.count(team, wanted, viewer=viewer, most=50) == len(ids)
    return ids


# Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        "refund",
        "REFUND",
        "late refund",
        "refund order",
        "where ord",
        "café",
        "CAFE\u0301",
        "straße",
        "日本語",
        "本語",
        "語",
    ],
)
def test_words_of_prompt_and_answer_are_found(team: Organization, asked: str) -> None:
    question, answer = "Where is my order? Strasse 5, 日本語です", "Your late refund comes to the café."
    factories.completion(team, uid="it", question=question, answer=answer)
    factories.completion(team, uid="other")
    assert names(team, f"q={asked}") == {"it"}


@pytest.mark.parametrize("asked", ["refun order", "unwritten", "re", "日語", "refund unwritten"])
def test_all_words_must_be_there_and_only_the_last_may_be_a_beginning(team: Organization, asked: str) -> None:
    factories.completion(team, question="Where is my order? 日本語です", answer="A refund.")
    assert names(team, f"q={asked}") == set()


def test_words_of_earlier_messages_and_of_tool_calls_are_found(team: Organization) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": '{"city":"Oslo"}'}}
    messages = [
        {"role": "system", "content": "Be a pirate."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "user", "content": [{"type": "text", "text": "Thanks"}]},
    ]
    factories.completion(team, uid="it", request={"model": "small", "messages": messages})
    assert names(team, "q=pirate") == names(team, "q=oslo+look") == names(team, "q=thanks+answer") | {"it"} == {"it"}


def test_an_edit_changes_what_it_is_found_by(team: Organization) -> None:
    task = factories.feedback_task(team)
    factories.completion(team, uid="it", answer="Formerly.")
    factories.submit(factories.assignment(task), answer="Nowadays.")
    assert (names(team, "q=formerly"), names(team, "q=nowadays")) == (set(), {"it"})


def test_what_was_purged_is_found_by_no_word_but_as_purged(team: Organization) -> None:
    factories.completion(team, uid="stays", answer="A secret.")
    gone = factories.completion(team, uid="gone", answer="A secret.")
    purging.purge(gone.pk, reason="asked for")
    assert (names(team, "q=secret"), names(team, ""), names(team, "status=purged")) == ({"stays"}, {"stays"}, {"gone"})
    assert names(team, "q=secret&status=purged") == set()


def test_what_a_former_version_wrote_is_found_once_it_is_changed(team: Organization) -> None:
    row = factories.completion(team, uid="it", answer="A secret.")
    Completion.objects.filter(pk=row.pk).update(search_text="A secret,  as text " + "日" * 2_000)
    assert names(team, "q=secret") == set()
    Completion.objects.filter(pk=row.pk).update(search_text=" a secret")
    assert names(team, "q=secret") == {"it"}


# Columns ---------------------------------------------------------------------------------------------------------


def test_another_organization_s_are_never_found(team: Organization) -> None:
    other = factories.organization()
    task = factories.feedback_task(other)
    factories.completion(other, answer="Findable.", session_id="s")
    factories.submit(factories.assignment(task))
    hers = ("", "q=findable", "tag=review", "model=small-1", "session=s", "graded=yes", f"queue={task.queue.pk}")
    for query in (*hers, f"task={task.pk}", f"task={task.pk}&grade=score:4", "edited=no", "status=finished"):
        assert names(team, query) == set(), query


def test_each_column_is_a_filter(team: Organization) -> None:
    upstream = factories.upstream(team)
    logprobs = {"content": [{"token": "a", "logprob": -3.0}, {"token": "b", "logprob": 0.0}]}
    unsure = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "logprobs": logprobs}]}
    factories.completion(team, uid="plain", session_id="s")
    factories.completion(team, uid="unsure", response=unsure, tags=["review", "b"])
    factories.completion(team, uid="started", status="started", tags=["b"])
    factories.completion(team, uid="pulled", upstream=upstream)
    assert names(team, "model=small-1") == {"plain", "pulled"}
    assert names(team, "session=s") == {"plain"}
    assert names(team, "status=started") == {"started"}
    assert names(team, "status=finished&tag=b") == names(team, "tag=b&tag=review") == {"unsure"}
    assert names(team, "tag=unheard+of") == set()
    assert (names(team, "low=5"), names(team, "low=4.9")) == ({"unsure"}, set())
    assert names(team, f"upstream={upstream.pk}") == {"pulled"}


def test_days_are_hers_and_the_last_is_wanted_to_its_end(team: Organization) -> None:
    row = factories.completion(team, uid="it")
    # Already the first of March in Berlin.
    Completion.objects.filter(pk=row.pk).update(received_at=datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    assert names(team, "from=2026-03-01&to=2026-03-01", zone="Europe/Berlin") == {"it"}
    assert names(team, "from=2026-03-01") == names(team, "to=2026-02-27") == set()
    moment = "2026-02-28T23:30:00%2B00:00"
    assert names(team, f"from={moment}&to={moment}") == {"it"}


# Work ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def task(team: Organization) -> FeedbackTask:
    """A feedback task with two items that wait, `one` and `two`."""
    made = factories.feedback_task(team, schema=SCHEMA, reviews_per_completion=2)
    for uid in ("one", "two"):
        factories.completion(team, uid=uid)
    factories.completion(team, uid="elsewhere", tags=[])
    return made


def test_what_became_of_it_is_a_filter(team: Organization, task: FeedbackTask) -> None:
    queue = Queue.objects.get(feedback_task=task)
    factories.submit(factories.assignment(task), answer="Better.")
    assert names(team, f"queue={queue.pk}") == {"one", "two"}
    assert (names(team, "graded=yes"), names(team, "graded=no")) == ({"one"}, {"two", "elsewhere"})
    assert (names(team, "edited=yes"), names(team, "edited=no")) == ({"one"}, {"two", "elsewhere"})
    queues.flag(factories.assignment(task), reason="odd", actor=Actor())
    flagged = names(team, "flagged=yes")
    assert len(flagged) == 1
    assert names(team, "flagged=no") == {"one", "two", "elsewhere"} - flagged
    assert (names(team, "conflict=yes"), len(names(team, "conflict=no"))) == (set(), 3)


def test_grades_are_found_by_what_the_rubric_offered(team: Organization, task: FeedbackTask) -> None:
    given = {"score": 4, "fair": True, "verdict": "good", "faults": ["tone", "facts"], "why": "Since it is."}
    claimed = factories.assignment(task)
    grading.submit(
        claimed, values=given, base_id=claimed.item.completion.current_id, actor=Actor(user=claimed.reviewer)
    )
    for grade in ("score:4", "fair:true", "verdict:good", "faults:tone", "faults:facts"):
        assert names(team, f"task={task.pk}&grade={grade}") == {"one"}, grade
    assert names(team, f"task={task.pk}&grade=score:5") == set()
    assert names(team, f"task={task.pk}") == names(team, f"reviewer={claimed.reviewer}") == {"one"}
    assert not GradeValue.objects.filter(name="why").exists()


def test_a_grade_that_was_corrected_or_taken_back_does_not_count(team: Organization, task: FeedbackTask) -> None:
    taken_back = factories.submit(factories.assignment(task)).feedback
    queues.review_again(taken_back.assignment_id or 0)
    assert names(team, f"task={task.pk}&grade=score:4") == names(team, "graded=yes") == set()


def test_a_reviewer_finds_by_grades_only_what_she_graded(team: Organization, task: FeedbackTask) -> None:
    reviewer, other = factories.reviewer(team), factories.reviewer(team)
    lead = factories.member(team, role=Role.LEAD).user
    factories.submit(factories.assignment(task, reviewer=reviewer))
    factories.submit(factories.assignment(task, reviewer=other))
    graded: dict[User, set[str]] = {
        user: set(Completion.objects.filter(feedback__reviewer=user).values_list("uid", flat=True))
        for user in (reviewer, other)
    }
    for query in (f"task={task.pk}&grade=score:4", f"task={task.pk}"):
        assert names(team, query, viewer=lead) == graded[reviewer] | graded[other]
        assert names(team, query, viewer=reviewer) == graded[reviewer]
    assert names(team, f"reviewer={other}", viewer=reviewer) == set()
    assert names(team, f"reviewer={other}", viewer=lead) == graded[other]


# Addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("modle=x", "modle"),
        ("q=%21%3F", "q"),
        ("q=" + "+".join(f"w{at}" for at in range(21)), "q"),
        ("model=" + "x" * 301, "model"),
        ("&".join(f"tag=t{at}" for at in range(21)), "tag"),
        ("status=odd", "status"),
        ("from=yesterday", "from"),
        ("to=2026-02-30", "to"),
        ("to=2026-02-03T10:00", "to"),
        ("from=9999-12-31", "from"),
        ("low=nan", "low"),
        ("low=101", "low"),
        ("queue=0", "queue"),
        ("task=99999999999999999999", "task"),
        ("grade=score:4", "grade"),
        ("task=1&grade=score", "grade"),
        ("edited=maybe", "edited"),
        ("&".join(["a=b"] * 101), ""),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(query: str, name: str) -> None:
    with pytest.raises(WantedRefused) as refused:
        Wanted.read(query, zone=UTC)
    assert refused.value.name == name
    assert str(refused.value).endswith(".")


def test_an_address_says_the_same_whatever_order_it_has() -> None:
    one = Wanted.read("tag=a&q=+Two++words&tag=a&edited=yes&model=&before=x&organization=y", zone=UTC)
    assert one.said() == "q=Two+words&tag=a&edited=yes"
    assert Wanted.read("", zone=UTC).said() == ""


# Lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "q=find", "tag=review"])
def test_a_list_is_walked_there_and_back(team: Organization, query: str) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(7):
        row = factories.completion(team, uid=str(number), answer="Findable.")
        # Two at each moment.
        Completion.objects.filter(pk=row.pk).update(received_at=now + timedelta(seconds=number // 2))
    wanted = Wanted.read(query, zone=UTC)
    seen: list[str] = []
    stretch = found.newest(team, wanted, viewer=None, most=3)
    assert not stretch.newer
    while True:
        seen += [row.uid for row in stretch.rows]
        if not stretch.older:
            break
        stretch = found.newest(team, wanted, viewer=None, most=3, before=found.place_of(stretch.rows[-1]))
    assert seen == list("6543210")
    back = found.after(team, wanted, viewer=None, most=3, place=found.place_of(stretch.rows[0]))
    assert [row.uid for row in back.rows] == ["3", "2", "1"]
    assert (back.newer, back.older) == (True, True)


@pytest.mark.postgres
def test_a_word_that_hardly_anything_has_is_not_sought_by_walking_the_list(team: Organization) -> None:
    for number in range(3):
        factories.completion(team, question=f"Question {number}")
    wanted = Wanted.read("q=unwritten", zone=ZoneInfo("UTC"))
    with CaptureQueriesContext(connection) as asked:
        assert found.newest(team, wanted, viewer=None, most=50).rows == ()
        assert found.count(team, wanted, viewer=None, most=50) == 0
    of_words = [query["sql"] for query in asked.captured_queries if "@@" in query["sql"]]
    assert len(of_words) == 2
    assert all(statement.startswith("WITH found AS MATERIALIZED") for statement in of_words)


@pytest.mark.parametrize("query", ["q=order&tag=nobody", "q=order&low=5&tag=nobody", "q=unwritten&tag=nobody"])
def test_words_beside_a_filter_that_nothing_meets_find_nothing(team: Organization, query: str) -> None:
    factories.completion(team, question="Where is my order?", tags=["support"])
    assert names(team, query) == set()


def test_it_counts_no_further_than_asked(team: Organization) -> None:
    for _ in range(4):
        factories.completion(team)
    assert found.count(team, Wanted(), viewer=None, most=2) == 3
