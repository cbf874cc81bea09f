"""What GradeBench still has and shows to a person: asked of the database, in a test or in a shell of an instance."""

from django.db.models import Exists, OuterRef, Q

from reviews.models import Completion, Push, PushKind, PushState
from reviews.models.sync import NEEDS_A_PERSON
from reviews.workflow import documents
from tests.faults.marks import marks_in


def held_marks() -> set[str]:
    """The marks of edits that somebody has to decide about, of the grades behind them, and of grades that wait for a
    person themselves or stay here because the upstream has no such feedback task.
    """
    edit = Push.objects.filter(kind=PushKind.UPDATE, state__in=NEEDS_A_PERSON)
    undecided = Completion.objects.filter(
        ~Q(conflict_document=None) | Exists(edit.filter(completion=OuterRef("pk")))
    ).select_related("current")
    found: set[str] = set()
    for completion in undecided:
        found.update(marks_in(documents.dumps(documents.read(completion.current))))
    own = Q(state__in=(*NEEDS_A_PERSON, PushState.UNLINKED))
    behind = Q(completion__in=undecided.values("pk"), state=PushState.WAITING)
    grades = Push.objects.filter(own | behind, kind=PushKind.FEEDBACK)
    for comment in grades.values_list("feedback__comment", flat=True):
        found.update(marks_in(comment or ""))
    return found
