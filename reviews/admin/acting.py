"""What actions on lists have in common: each row by the verb that the pages use, then a sentence that says what was
done, what was left as it is, and why.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

M = TypeVar("M", bound=Model)


def act(
    request: HttpRequest,
    rows: Iterable[M],
    verb: Callable[[M], object],
    *,
    refusals: tuple[type[Exception], ...],
    done: str,
) -> None:
    """Do it with each row. What raises one of the `refusals` is left, and its sentence shown."""
    count, left = 0, Counter[str]()
    for row in rows:
        try:
            verb(row)
        except refusals as error:
            left[str(error)] += 1
        else:
            count += 1
    say(request, f"{done}: {count}." if count else "", left)


def say(request: HttpRequest, done: str, left: Counter[str]) -> None:
    """What was done, and what was left and why."""
    if done:
        messages.info(request, done)
    if left:
        messages.warning(request, f"Left as they are: {left.total()}. {' '.join(left)}")


def to_confirm(
    request: HttpRequest,
    model_admin: Any,
    rows: QuerySet[Any],
    *,
    title: str,
    sentence: str,
    button: str,
    error: str = "",
    reason: int = 0,
) -> TemplateResponse | None:
    """The page that asks before what cannot be taken back, or None where she has been asked. With `reason`, a text of
    so many characters is asked for as well; `error` says what is wrong with the one that was given.
    """
    if request.POST.get("confirmed") == "yes" and not error:
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "plural": str(model_admin.plural or model_admin.opts.verbose_name_plural),
        "sentence": sentence,
        "button": button,
        "rows": [(row.pk, model_admin.name_of(row)) for row in rows],
        "action": request.POST.get("action", ""),
        "checkbox": ACTION_CHECKBOX_NAME,
        "reason": reason,
        "error": error,
        "given": request.POST.get("reason", ""),
        "asked": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/confirm.html", context, status=422 if error else 200)
