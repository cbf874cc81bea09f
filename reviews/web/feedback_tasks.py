"""Feedback tasks for leads: the list, making and changing one with its form in view, archiving it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reviews.access import feedback_task_to_lead, organizations_led, user_of
from reviews.models import Assignment, Feedback, FeedbackTask, Organization, QueueItem, Tag
from reviews.web import schema_form
from reviews.web.display_leads import RevisionLine, TaskForm, TaskPage, TaskPreview, TaskRow, TasksPage, Theirs
from reviews.web.display_sync import Figure, Option
from reviews.web.http import actor_of, go_to, is_htmx, posted_id, render
from reviews.web.task_examples import EXAMPLES, STARTER
from reviews.workflow import feedback_tasks as verbs
from reviews.workflow import stats
from reviews.workflow.feedback_tasks import Content, ContentRefused, Overtaken
from reviews.workflow.schema import SchemaRefused

MOST_MATCHED = 10_000
MOST_TAGS_OFFERED = 500
SPARE_TAGS = 2
LEAST_TAG_BOXES = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """What a lead has written so far: the schema as text, tags as they stand in the boxes."""

    name: str
    instruction: str
    schema: str
    tags: tuple[str, ...]
    seen: str = ""

    @classmethod
    def read(cls, posted: QueryDict, keep: tuple[str, ...] = ()) -> "Draft":
        """From a form. A tag that it has already is left as it is, others lose the spaces around them."""
        texts = {name: posted.get(name, "").replace("\r\n", "\n") for name in ("name", "instruction", "schema")}
        tags = (tag if tag in keep else tag.strip() for tag in posted.getlist("tag"))
        return cls(
            name=_clean(texts["name"]).strip(),
            instruction=_clean(texts["instruction"]),
            schema=texts["schema"],
            tags=tuple(dict.fromkeys(_clean(tag) for tag in tags if tag)),
            seen=posted.get("seen", ""),
        )

    @classmethod
    def of(cls, feedback_task: FeedbackTask) -> "Draft":
        """What it says now."""
        revision = feedback_task.current_revision
        return cls(
            name=feedback_task.name,
            instruction=revision.instruction if revision else "",
            schema=_arranged(verbs.schema_of(revision)) if revision else "",
            tags=tuple(verbs.selector_names(feedback_task)),
            seen=verbs.standing(feedback_task),
        )

    def content(self) -> Content:
        """What is to be saved. Raises SchemaRefused, ContentRefused."""
        content = Content(self.name, self.instruction, verbs.read_schema(self.schema), self.tags)
        verbs.check_content(content)
        return content


# Pages -----------------------------------------------------------------------------------------------------------


@login_required
@never_cache
@require_GET
def feedback_tasks(request: HttpRequest) -> HttpResponse:
    """All of the organizations where she is a lead."""
    led = _led(request)
    found = FeedbackTask.objects.filter(organization__in=led)
    found = found.select_related("organization", "queue", "upstream", "current_revision").prefetch_related("selector")
    tasks = list(found.order_by("name", "pk"))
    counts = stats.count_items([task.queue for task in tasks])
    rows = [_row(task, counts[task.queue.pk].total) for task in tasks]
    page = TasksPage(
        rows=tuple(row for row in rows if row.archived_at is None),
        archived=tuple(row for row in rows if row.archived_at is not None),
        several=len(led) > 1,
    )
    return render(request, "reviews/feedback_tasks.html", {"page": page})


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def feedback_task_new(request: HttpRequest) -> HttpResponse:
    """Begin one; a POST makes it."""
    organization = _organization(request)
    if request.method == "GET":
        return _show(request, organization, None, Draft("", "", _arranged(STARTER), ()))
    draft = Draft.read(request.POST)
    try:
        made = verbs.create(organization, draft.content(), actor=actor_of(request))
    except (SchemaRefused, ContentRefused) as error:
        return _show(request, organization, None, draft, errors=_errors(error), status=422)
    messages.info(request, _("Made, with a queue of its own. Set who reviews it and how often."))
    return go_to(request, "queue_settings", made.queue.pk)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def feedback_task(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one; a POST makes a new revision of it."""
    row = feedback_task_to_lead(request, pk)
    if request.method == "GET":
        return _show(request, row.organization, row, Draft.of(row))
    if row.pulled:
        raise PermissionDenied(_("This feedback task is its upstream's, and is changed there."))
    draft = Draft.read(request.POST, tuple(verbs.selector_names(row)))
    try:
        changed = verbs.revise(row, draft.content(), seen=draft.seen, actor=actor_of(request))
    except (SchemaRefused, ContentRefused) as error:
        return _show(request, row.organization, row, draft, errors=_errors(error), status=422)
    except Overtaken:
        return _overtaken(request, feedback_task_to_lead(request, pk), draft)
    row.refresh_from_db()
    number = row.current_revision.number if row.current_revision else 0
    messages.info(request, _("Saved as revision %d.") % number if changed else _("Nothing was changed."))
    return go_to(request, "feedback_task", row.pk)


@login_required
@require_POST
def feedback_task_preview(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """What reviewers would see of what is written so far. Nothing is saved."""
    row = feedback_task_to_lead(request, pk) if pk is not None else None
    organization = row.organization if row else _organization(request)
    draft = Draft.read(request.POST, tuple(verbs.selector_names(row)) if row else ())
    example = EXAMPLES.get(request.POST.get("example", ""))
    if example:
        draft = replace(draft, schema=_arranged(example[1]))
    if is_htmx(request):
        return render(request, "reviews/_task_preview.html", {"preview": _preview(organization, draft), "oob": True})
    return _show(request, organization, row, draft)


@login_required
@require_POST
def feedback_task_archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask nobody to grade by it any more."""
    row = feedback_task_to_lead(request, pk)
    withdrawn = verbs.archive(row, actor=actor_of(request))
    words = ngettext("Archived. %d open item was withdrawn.", "Archived. %d open items were withdrawn.", withdrawn)
    messages.info(request, words % withdrawn)
    return go_to(request, "feedback_task", row.pk)


@login_required
@require_POST
def feedback_task_restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring an archived one back."""
    row = feedback_task_to_lead(request, pk)
    reopened = verbs.restore(row, actor=actor_of(request))
    words = ngettext("Brought back. %d item is open again.", "Brought back. %d items are open again.", reopened)
    messages.info(request, words % reopened)
    return go_to(request, "feedback_task", row.pk)


# What they show --------------------------------------------------------------------------------------------------


def _led(request: HttpRequest) -> list[Organization]:
    """Where she is a lead. Raises PermissionDenied for who is one nowhere."""
    led = list(organizations_led(user_of(request)).order_by("name", "pk"))
    if not led:
        raise PermissionDenied(_("Only a lead sees feedback tasks."))
    return led


def _organization(request: HttpRequest) -> Organization:
    """The one a form names among those that she leads, or the first."""
    led = _led(request)
    named = posted_id(request.POST, "organization")
    return next((organization for organization in led if organization.pk == named), led[0])


def _row(task: FeedbackTask, items: int) -> TaskRow:
    revision = task.current_revision
    return TaskRow(
        id=task.pk,
        name=task.name,
        organization=task.organization.name,
        origin=_origin(task),
        queue_id=task.queue.pk,
        queue_name=task.queue.name,
        paused=not task.queue.is_open,
        tags=tuple(sorted(tag.name for tag in task.selector.all())),
        items=items,
        revision=revision.number if revision else 0,
        at=revision.created_at if revision else task.created_at,
        archived_at=task.archived_at,
        offering=task.routed_through is not None and task.archived_at is None,
    )


def _origin(task: FeedbackTask) -> str:
    if task.upstream is None:
        return _("made here")
    named = {"upstream": task.upstream.name}
    return _("pulled from %(upstream)s") % named if task.pulled else _("made here, linked to %(upstream)s") % named


def _show(
    request: HttpRequest,
    organization: Organization,
    row: FeedbackTask | None,
    draft: Draft,
    *,
    errors: Mapping[str, str] | None = None,
    theirs: Theirs | None = None,
    status: int = 200,
) -> HttpResponse:
    preview = _preview(organization, draft)
    said = dict(errors or {})
    if preview.schema_error:
        said.setdefault("schema", preview.schema_error)
    led = _led(request) if row is None else []
    form = _form(organization, draft, said, theirs, led)
    examples = tuple((name, str(label)) for name, (label, _schema) in EXAMPLES.items())
    page = TaskPage(
        id=None,
        name=_("New feedback task"),
        preview_address=resolve_url("feedback_task_preview_new"),
        form=form,
        preview=preview,
        examples=examples,
    )
    if row is not None:
        page = _of(row, replace(page, examples=()))
    return render(request, "reviews/feedback_task.html", {"page": page}, status=status)


def _of(row: FeedbackTask, page: TaskPage) -> TaskPage:
    """The page of one that exists."""
    return replace(
        page,
        id=row.pk,
        name=row.name,
        preview_address=resolve_url("feedback_task_preview", row.pk),
        may_change=not row.pulled,
        origin=_origin(row),
        upstream=row.upstream.name if row.upstream else "",
        pulled=row.pulled,
        queue_id=row.queue.pk,
        archived_at=row.archived_at,
        offered=_offered(row),
        held=Assignment.objects.held().filter(item__queue=row.queue).count(),
        open=QueueItem.objects.open().filter(queue=row.queue).count(),
        revisions=_revisions(row),
    )


def _offered(row: FeedbackTask) -> Figure | None:
    """How many of what it matches stand in its queue so far; None once all do."""
    if row.routed_through is None or row.archived_at is not None:
        return None
    names = verbs.selector_names(row)
    found = verbs.match(row.organization, names, most=MOST_MATCHED, through=row.routed_through)
    return Figure(found.count, MOST_MATCHED)


def _revisions(row: FeedbackTask) -> tuple[RevisionLine, ...]:
    """Newest first, each with the grades that were given under it."""
    given = Feedback.objects.filter(feedback_task=row).order_by().values_list("task_revision_id")
    grades = dict(given.annotate(Count("pk")))
    revisions = row.revisions.select_related("created_by").defer("schema_text", "instruction")
    return tuple(
        RevisionLine(
            revision.number,
            revision.created_at,
            revision.created_by.get_username() if revision.created_by else "GradeBench",
            grades.get(revision.pk, 0),
        )
        for revision in revisions.order_by("-number")
    )


def _form(
    organization: Organization,
    draft: Draft,
    errors: dict[str, str],
    theirs: Theirs | None,
    led: list[Organization],
) -> TaskForm:
    known = Tag.objects.filter(organization=organization).order_by("name").values_list("name", flat=True)
    spare = max(SPARE_TAGS, LEAST_TAG_BOXES - len(draft.tags))
    return TaskForm(
        name=draft.name,
        instruction=draft.instruction,
        schema=draft.schema,
        tags=draft.tags,
        spare=tuple(range(len(draft.tags) + 1, len(draft.tags) + 1 + spare)),
        known_tags=tuple(known[:MOST_TAGS_OFFERED]),
        organizations=tuple(Option(str(one.pk), one.name, one == organization) for one in led),
        seen=draft.seen,
        errors=errors,
        theirs=theirs,
    )


def _preview(organization: Organization, draft: Draft) -> TaskPreview:
    form, wrong = None, ""
    try:
        form = schema_form.unbound(verbs.read_schema(draft.schema))
    except SchemaRefused as error:
        wrong = str(error)
    found = verbs.match(organization, draft.tags[: verbs.MOST_SELECTOR_TAGS], most=MOST_MATCHED)
    return TaskPreview(
        name=draft.name,
        instruction=draft.instruction,
        form=form,
        schema_error=wrong,
        selects=bool(draft.tags),
        matched=Figure(found.count, MOST_MATCHED),
        unknown=found.unknown,
    )


def _overtaken(request: HttpRequest, row: FeedbackTask, draft: Draft) -> HttpResponse:
    """Her words in the form, theirs beside it; saved again, hers become the next revision."""
    now, event = Draft.of(row), verbs.last_change(row)
    by = event.user.get_username() if event and event.user else _("Somebody")
    theirs = Theirs(by, event.at if event else row.created_at, now.name, now.instruction, now.schema, now.tags)
    return _show(request, row.organization, row, replace(draft, seen=now.seen), theirs=theirs, status=409)


def _errors(error: SchemaRefused | ContentRefused) -> dict[str, str]:
    return {error.name if isinstance(error, ContentRefused) else "schema": str(error)}


def _arranged(schema: object) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2)


def _clean(text: str) -> str:
    """Without NUL, which no database keeps."""
    return text.replace("\x00", "")
