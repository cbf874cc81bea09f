"""What stands where the text of a completion was purged: in the place of its conversation, and of every page of it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from reviews.models import Completion
from reviews.web.display import Conversation, Facts
from reviews.web.display_purging import Tombstone
from reviews.web.http import is_htmx, render
from reviews.workflow.documents import TextPurged
from reviews.workflow.kept_words import shown


def of(row: Completion) -> Tombstone | None:
    """What its page says instead of its text; None while it has one."""
    if row.purged_at is None:
        return None
    return Tombstone(row.purged_at, str(row.purged_by or ""), shown(row.purged_because))


def conversation(row: Completion) -> Conversation:
    """Nothing to read, and the facts that say nothing of what was said."""
    facts = Facts(
        kind=row.kind,
        status=row.status,
        model=row.model,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        duration=row.duration,
        tags=tuple(tag.name for tag in row.tags.all()),
        session_id=row.session_uid,
        created=row.created_at,
    )
    return Conversation(turns=(), choices=(), facts=facts)


class TextPurgedMiddleware:
    """Answers 410, a page or the sentence for a script, wherever a page would read what was purged."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The answer in the place of what a view raised; None for what is another's."""
        if not isinstance(exception, TextPurged):
            return None
        if is_htmx(request):
            words = _("The text of this completion was purged.")
            return HttpResponse(words, content_type="text/plain; charset=utf-8", status=410)
        return render(request, "reviews/purged.html", status=410)
