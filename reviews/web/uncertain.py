"""The uncertain words of a long answer, on a page of their own. Scripts read it to show what else could stand there."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.views.decorators.http import require_GET

from reviews.access import completion_for, document_of
from reviews.models import Completion
from reviews.web import conversation
from reviews.web.http import render
from reviews.workflow import documents


def list_at(completion: Completion) -> conversation.ListAt:
    """Where the uncertain words of each choice of the completion as it stands are listed."""
    return lambda index: resolve_url("uncertain_words", completion.pk, completion.current_id, index)


@login_required
@require_GET
def uncertain_words(request: HttpRequest, pk: int, document: int, index: int) -> HttpResponse:
    """What else the model could have written in each uncertain place of one choice, in a document that the completion
    has or had.
    """
    completion = completion_for(request, pk)
    found = document_of(completion, document)
    if found is None:
        raise Http404
    read = conversation.read(documents.read(found))
    choice = next((choice for choice in read.choices if choice.index == index), None)
    if choice is None or choice.tokens is None or not choice.tokens.uncertain:
        raise Http404
    where = {"completion_id": pk, "completion_name": completion.uid, "choice": choice, "number": index + 1}
    return render(request, "reviews/uncertain.html", {**where, "of": len(read.choices)})
