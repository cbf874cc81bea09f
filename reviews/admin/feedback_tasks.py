"""Feedback tasks: made and revised by the verbs, with every revision in sight."""

import csv
import io
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reviews.admin.base import AnyForm, Managed, Scoped, when
from reviews.admin.showing import arranged, json_text_block
from reviews.admin.site import actor_of, site
from reviews.log10 import strict_json
from reviews.models import FeedbackTask, FeedbackTaskRevision
from reviews.workflow import feedback_tasks, schema
from reviews.workflow.audit import Actor
from reviews.workflow.feedback_tasks import MOST_SELECTOR_TAGS, Content

MOST_TAG = 255
EXAMPLE: dict[str, Any] = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["good", "bad"]}},
    "required": ["verdict"],
}

if TYPE_CHECKING:
    Inline = admin.StackedInline[FeedbackTaskRevision, FeedbackTask]
else:
    Inline = admin.StackedInline


def read_tags(text: str) -> tuple[str, ...]:
    """The names in a comma list, each once; one that has a comma in it stands in double quotes."""
    fields = (field.strip() for line in csv.reader(io.StringIO(text), skipinitialspace=True) for field in line)
    return tuple(dict.fromkeys(field for field in fields if field))


def write_tags(names: list[str]) -> str:
    """The comma list of names, as `read_tags` reads it."""
    quoted = ('"' + name.replace('"', '""') + '"' if set(name) & set(',"\n\r') else name for name in names)
    return ", ".join(quoted)


class FeedbackTaskForm(AnyForm):
    """What a feedback task says. Each change of it is a new revision; grades stay under the one they were given."""

    instruction = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField"}))
    json_schema = forms.CharField(
        label="JSON Schema",
        widget=forms.Textarea(attrs={"rows": 20, "class": "vLargeTextField json", "spellcheck": "false"}),
        help_text="Of the grade: an object whose members, in their order, are the fields of the form.",
    )
    tags = forms.CharField(
        label="Selector",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text="Tags, separated by commas. A completion needs all of them; without any, none is selected.",
    )

    class Meta:
        model = FeedbackTask
        fields = ("organization", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        revision = self.instance.current_revision if self.instance.pk else None
        said = feedback_tasks.schema_of(revision) if revision else EXAMPLE
        self.initial["json_schema"] = arranged(said)
        self.initial["instruction"] = revision.instruction if revision else ""
        self.initial["tags"] = write_tags(feedback_tasks.selector_names(self.instance)) if revision else ""

    def clean_json_schema(self) -> dict[str, Any]:
        text = self.cleaned_data["json_schema"]
        try:
            value: dict[str, Any] = strict_json.loads(text.encode(), max_depth=settings.API_MAX_DEPTH)
            schema.check_schema(value)
        except strict_json.BadJson as error:
            raise ValidationError(str(error).replace(" body ", " schema ")) from error
        except schema.SchemaRefused as error:
            raise ValidationError(str(error)) from error
        return value

    def clean_tags(self) -> tuple[str, ...]:
        """What was not touched stays, also where a comma list could not say it."""
        if self.instance.pk and "tags" not in self.changed_data:
            return tuple(feedback_tasks.selector_names(self.instance))
        try:
            names = read_tags(self.cleaned_data["tags"])
        except csv.Error as error:
            raise ValidationError(f"The tags cannot be read: {error}.") from error
        if len(names) > MOST_SELECTOR_TAGS or any(len(name) > MOST_TAG for name in names):
            raise ValidationError(f"At most {MOST_SELECTOR_TAGS} tags of at most {MOST_TAG} characters.")
        return names


class Revisions(Scoped, Inline):
    organization_path = "feedback_task__organization"
    model = FeedbackTaskRevision
    verbose_name_plural = "Revisions"
    fields = ("created_by", "made", "instruction", "json_schema")
    readonly_fields = fields
    ordering = ("-number",)
    extra = 0
    max_num = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: FeedbackTask | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="created")
    def made(self, revision: FeedbackTaskRevision) -> str:
        return when("created_at")(revision)

    @admin.display(description="JSON Schema")
    def json_schema(self, revision: FeedbackTaskRevision) -> SafeString:
        return format_html("<details><summary>Show</summary>{}</details>", json_text_block(revision.schema_text))


@admin.register(FeedbackTask, site=site)
class FeedbackTasks(Managed[FeedbackTask]):
    organization_path = "organization"
    form = FeedbackTaskForm
    inlines = (Revisions,)
    list_display = ("name", "organization", "origin", "revision", "needed", when("created_at"))
    list_filter = ("organization", "pulled")
    list_select_related = ("organization", "upstream", "current_revision")
    search_fields = ("name", "uid", "upstream_uid")
    search_help_text = "Part of a name or of an id"
    to_say = ("organization", "name", "instruction", "json_schema", "tags")
    facts = ("origin", "uid", "upstream_uid", when("created_at"), when("archived_at"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("selector")

    def has_change_permission(self, request: HttpRequest, obj: FeedbackTask | None = None) -> bool:
        """One that was pulled says what the upstream says."""
        return not (obj and obj.pulled) and super().has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: FeedbackTask | None = None) -> list[Any]:
        if obj is None:
            return [(None, {"fields": self.to_say})]
        said = ("organization", "name", "needed") if obj.pulled else self.to_say
        return [(None, {"fields": said}), ("Where it comes from", {"fields": self.facts})]

    def get_readonly_fields(self, request: HttpRequest, obj: FeedbackTask | None = None) -> tuple[Any, ...]:
        return ("organization", *self.facts) if obj else ()

    def get_inlines(self, request: HttpRequest, obj: FeedbackTask | None) -> Any:
        return super().get_inlines(request, obj) if obj else ()

    @admin.display(description="origin")
    def origin(self, row: FeedbackTask) -> str:
        if row.upstream is None:
            return "made here"
        return f"pulled from {row.upstream}" if row.pulled else f"made here, linked to {row.upstream}"

    @admin.display(description="revision")
    def revision(self, row: FeedbackTask) -> int | None:
        return row.current_revision.number if row.current_revision else None

    @admin.display(description="selector")
    def needed(self, row: FeedbackTask) -> str:
        return write_tags(feedback_tasks.selector_names(row))

    def create(self, values: dict[str, Any], actor: Actor) -> FeedbackTask:
        return feedback_tasks.create(values["organization"], _content(values), actor=actor)

    def save_model(self, request: HttpRequest, obj: FeedbackTask, form: AnyForm, change: bool) -> None:
        if change:
            feedback_tasks.revise(obj, _content(form.cleaned_data), actor=actor_of(request))
        else:
            super().save_model(request, obj, form, change)


def _content(values: dict[str, Any]) -> Content:
    return Content(
        name=values["name"],
        instruction=values["instruction"].replace("\r\n", "\n"),
        json_schema=values["json_schema"],
        selector=values["tags"],
    )
