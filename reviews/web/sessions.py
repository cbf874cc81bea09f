"""A completion's neighbours in its session."""

from typing import Final

from reviews.models import Completion
from reviews.web.display import SessionPlace

# A session with more than this has no neighbours here: finding them would cost more than the page.
MOST: Final = 2_000


def place_in_session(completion: Completion, *, review_id: int | None = None) -> SessionPlace | None:
    """Where it stands among those of its session; None for one that is alone. One query, none without a session.

    Whoever may see a completion may see the others of its organization too.
    """
    if not completion.session_uid:
        return None
    ids = list(Completion.objects.of_session(completion).values_list("pk", flat=True)[: MOST + 1])
    if not 1 < len(ids) <= MOST:
        return None
    at = ids.index(completion.pk)
    return SessionPlace(
        position=at + 1,
        total=len(ids),
        previous_id=ids[at - 1] if at else None,
        next_id=ids[at + 1] if at + 1 < len(ids) else None,
        review_id=review_id,
    )
