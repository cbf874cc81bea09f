"""kill -9 between submit and push: what was submitted arrives, once."""

import time
from collections.abc import Callable

import pytest

from tests.e2e import steps
from tests.instances import Instance

pytestmark = pytest.mark.e2e

# A lease of the killed process may have to run out first; the embedded form takes it back when it starts.
LONGEST_LEASE = 90.0
COUNTS = (
    "print(Revision.objects.filter(completion__uid='{uid}').exclude(origin='pull').count(),"
    " Feedback.objects.filter(completions__uid='{uid}').count())"
)


@pytest.mark.parametrize("wait", [0.0, 1.5], ids=["at once", "in the undo window"])
def test_a_kill_between_submit_and_push_loses_and_doubles_nothing(
    instances: Callable[..., Instance], wait: float, record_property: Callable[[str, object], None]
) -> None:
    application = steps.create_organization(instances("a"), "shop")
    b = instances("b", env={"GRADEBENCH_UNDO_SECONDS": "3"})
    team = steps.create_organization(b, "team")
    steps.add_member(team, "alice")
    steps.add_upstream(team, application)
    original = steps.chat("When?", "We open at nine.", organization_id="shop")
    uid = application.create(original)
    application.create_feedback_task(steps.FEEDBACK_TASK)
    alice = steps.Reviewer(b, "alice")
    paths, _ = steps.wait_for("B has the completion", alice.startable)
    assert alice.start(paths[0])

    assert alice.submit(lambda text: text.replace("nine", "ten")) == 200
    time.sleep(wait)
    b.kill()

    assert steps.same(application.document(uid) or {}) == steps.same(original)
    assert application.feedback() == []
    b.start()
    b.wait_ready()
    _, seconds = steps.wait_for("A has the grade", application.feedback, LONGEST_LEASE + 60)
    print(f"\narrived {seconds:.1f} s after the restart")
    record_property("arrived_after_restart_seconds", round(seconds, 1))
    original["response"]["choices"][0]["message"]["content"] = "We open at ten."
    assert steps.same(application.document(uid) or {}) == steps.same(original)
    # Whatever would come twice would come with the next sweeps.
    time.sleep(4)
    assert steps.ask_database(application.instance, COUNTS.format(uid=uid)) == "1 1"
    assert steps.ask_database(b, "print(Push.objects.undecided().count())") == "0"
