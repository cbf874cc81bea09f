"""Texts that would run, fetch or lead away if a page forgot to escape them once, put wherever a text is kept."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.utils import timezone

from reviews.admin.site import site
from reviews.models import (
    ApiToken,
    Assignment,
    Completion,
    FeedbackTask,
    Job,
    JobKind,
    Member,
    Organization,
    Push,
    Queue,
    Session,
    Upstream,
    User,
)
from reviews.web import conversation, edits
from reviews.workflow import accounts, drafts, grading, job_files, jobs, queues
from reviews.workflow import documents as kept
from reviews.workflow.audit import Actor
from reviews.workflow.editing import LeafEdit
from tests import factories
from tests.e2e import answers
from tests.web import sync_scene

ELSEWHERE = "https://elsewhere.example"
RUN = "alert(1)"
DATA = "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="
VECTORS = (
    f"<script>{RUN}</script>",
    f'"><script>{RUN}</script>',
    f"'><img src=x onerror={RUN}>",
    f"<img src=`x`onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><a xlink:href=javascript:{RUN}><text y=9>x</text></a></svg>",
    f'<svg><use href="data:image/svg+xml,<svg id=x onload={RUN}>#x">',
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={RUN}&gt;'>",
    f"<math href=javascript:{RUN}>x</math>",
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    f"<iframe src=javascript:{RUN}></iframe>",
    f"<body onload={RUN} onpageshow={RUN}>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<object data=javascript:{RUN}></object>",
    f"<embed src=javascript:{RUN}>",
    f"<form action=javascript:{RUN}><button>x</button></form>",
    f"<button formaction=javascript:{RUN} form=grade>x</button>",
    f"<a href=javascript:{RUN}>x</a>",
    f'<a href="java\tscript:{RUN}">x</a>',
    f'<a href="&#106;avascript:{RUN}">x</a>',
    f"<a href='{DATA}'>x</a>",
    f"<base href={ELSEWHERE}/>",
    f"<link rel=stylesheet href={ELSEWHERE}/x.css>",
    f'<meta http-equiv=refresh content="0;url={ELSEWHERE}/">',
    f"<style>@import '{ELSEWHERE}/x.css';*{{background:url({ELSEWHERE}/y)}}</style>",
    f"<img src={ELSEWHERE}/pixel srcset='{ELSEWHERE}/pixel2 2x'>",
    f"<table background={ELSEWHERE}/t><tr><td>x</table>",
    f"<p style='background:url({ELSEWHERE}/p)'>x</p>",
    f"</textarea><script>{RUN}</script>",
    f"</title></style></script><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<template><script>{RUN}</script></template>",
    f"<xss style='animation-name:x' onanimationstart={RUN}>x",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;img src=x onerror={RUN}&#62;",
    f"<img\x0bsrc=x\x0conerror={RUN}>",
    f"\x00<script\x00>{RUN}</script>",
    f"' onmouseover='{RUN}' x='",
    f'" autofocus onfocus="{RUN}" x="',
    f"` onfocus=`{RUN}` ",
    f"';{RUN}//",
    f'\\";{RUN}//',
    f"javascript:{RUN}//",
    DATA,
    f"{{{{constructor.constructor('{RUN}')()}}}}{{% debug %}}${{{RUN}}}",
    f"<div hx-get={ELSEWHERE}/ hx-trigger=load hx-on:load={RUN} data-hx-on-load={RUN}>x</div>",
    "<div hx-post=/sign-out hx-trigger=load>x</div>",
    f"[x](javascript:{RUN})",
    f"[x](java&#115;cript:{RUN})",
    f"[x](<{DATA}>)",
    f"![x]({ELSEWHERE}/pixel.png)",
    f"![x](javascript:{RUN})",
    f"[x]: javascript:{RUN}\n\n[x]",
    f"<javascript:{RUN}>",
    f"[x]({ELSEWHERE} \"' onclick={RUN} x='\")",
    f'```html" onfocus={RUN}\n<script>{RUN}</script>\n```',
    f"\u202e<script>{RUN}</script>\u2066\u200f",
)
SPELLED = quote(VECTORS[1])
WRAPS = ("{}", "- {}\n\n> {}", "| a | {} |\n|---|---|\n| {} | b |", '{{"x": ["{}"]}}')
MANY = 12
# The column of a name is short: those that fit, one after another.
SHORT = [vector for vector in VECTORS if len(vector) < 60 and "\x00" not in vector]
_next = itertools.cycle(SHORT)


def payloads() -> list[str]:
    """Each vector in each wrapping: as it is, in a list and a quotation, in a table, in JSON."""
    return [wrap.replace("{}", vector) for wrap, vector in itertools.product(WRAPS, VECTORS)]


def name(most: int = 100) -> str:
    """A short one, another each time."""
    return next(_next)[:most]


def documents() -> Iterator[dict[str, Any]]:
    """So many completions that every payload stands in the texts of one, and names and addresses are hostile too."""
    every = payloads()
    for at in range(MANY):
        yield _document("\n\n".join(every[at::MANY]), at)


def _document(text: str, at: int) -> dict[str, Any]:
    arguments = json.dumps({name(): text, name(): name()}) if at % 2 else f"{{'{text}"
    call = {"id": name(), "type": "function", "function": {"name": name(60), "arguments": arguments}}
    tool = {"name": name(), "description": text, "parameters": {name(): text}}
    parts = [
        {"type": "text", "text": text},
        *({"type": "image_url", "image_url": {"url": url}} for url in addresses()),
        {"type": "file", "file": {"filename": f"{name()}.html", "file_data": DATA}},
        {"type": "input_audio", "input_audio": {"data": "PHN2Zz4=", "format": name(20)}},
        {"type": name(), name(): text},
    ]
    cited = [{"type": "url_citation", "url_citation": {"url": url, "title": name()}} for url in addresses()]
    words: list[answers.Token] = [(f" {vector}", 0.3, {other: 0.2}) for vector, other in itertools.pairwise(SHORT[:8])]
    choice = answers.choice([*words] if at == 0 else [text])
    choice["message"] |= {"annotations": cited, "refusal": text if at % 3 == 1 else None, "reasoning_content": text}
    if at % 2:
        choice["message"]["tool_calls"] = [call]
    return {
        "kind": "chat",
        "status": "failed" if at % 5 == 4 else "finished",
        "failure_kind": name(),
        "failure_reason": text,
        "stacktrace": text,
        "tags": ["hostile", name(), name()],
        "session_id": name(),
        name(): {name(): [text, {name(): name()}]},
        "request": {
            "model": name(),
            "messages": [
                {"role": "system", "content": text, "name": name()},
                {"role": "user", "content": parts},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": call["id"], "content": text},
                {"role": name(), "content": text},
            ],
            "tools": [{"type": "function", "function": tool}],
            "response_format": {"type": name()},
        },
        "response": {"model": name(), "choices": [choice], name(): text, "usage": {name(): name()}},
    }


def addresses() -> tuple[str, ...]:
    """What stands where an address is expected."""
    return (
        f"{ELSEWHERE}/picture.png",
        f"javascript:{RUN}",
        f"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{RUN}'/>",
        DATA,
        f'//elsewhere.example/"onerror="{RUN}',
        f"\x01javascript:{RUN}",
    )


def schema() -> dict[str, Any]:
    """Titles, descriptions, names, choices and examples."""
    texts = itertools.cycle(VECTORS)

    def said() -> dict[str, Any]:
        return {"title": next(texts), "description": next(texts), "examples": [next(texts)]}

    return {
        "type": "object",
        **said(),
        "properties": {
            "verdict": {"enum": [text.replace("\x00", "") for text in VECTORS[:20]], **said()},
            "few": {"enum": [VECTORS[0], VECTORS[2]], **said()},
            VECTORS[1]: {"type": "string", **said()},
            VECTORS[2]: {"type": "boolean", **said()},
            "score": {"type": "integer", "minimum": 1, "maximum": 5, **said()},
            "several": {"type": "array", "items": {"enum": list(SHORT[:6])}, **said()},
            "texts": {"type": "array", "items": {"type": "string", **said()}, **said()},
            "either": {"oneOf": [{"type": "string", **said()}, {"type": "integer", **said()}], **said()},
            "inner": {"type": "object", "properties": {VECTORS[4]: {"type": "string", **said()}}, **said()},
            "given": {"const": VECTORS[0], **said()},
            "preset": {"type": "string", "default": VECTORS[0], "pattern": "<script>", **said()},
        },
        "required": ["score"],
    }


# An instance full of it -----------------------------------------------------------------------------------------


def fill() -> dict[str, Any]:
    """In the process of an instance: an organization in which every text is hostile. The addresses of all its pages, by
    the name of who opens them; both may sign in by the password of the end-to-end tests.
    """
    everything = "\n\n".join(VECTORS).replace("\x00", "")
    organization = accounts.create_organization("team", name=name(), external_id=name())
    lead, reviewer = _people(organization)
    upstream = factories.upstream(organization)
    task = factories.feedback_task(
        organization, name=name(), instruction=everything, schema=schema(), selector=("hostile",), upstream=upstream
    )
    Queue.objects.filter(pk=task.queue.pk).update(name=name(), blind=False, reviews_per_completion=1)
    completions = [
        factories.completion(organization, upstream=upstream, uid=f"{at}{name()}", **one)
        for at, one in enumerate(documents())
    ]
    _work(task, lead, reviewer, everything)
    _sync(upstream, everything)
    _jobs(organization, lead, task, everything)
    Session.objects.create(organization=organization, uid=name())
    ApiToken.objects.create(organization=organization, name=name(), prefix="gb_", hash="h", created_by=lead)
    Organization.objects.filter(pk=organization.pk).update(name=VECTORS[3])
    held = Assignment.objects.get(reviewer=lead, state="held")
    return {"lead": [*_pages(task, completions), f"/reviews/{held.pk}"], "staff": _admin()}


def _people(organization: Organization) -> tuple[User, User]:
    lead = factories.member(organization, username="lead", role="admin").user
    reviewer = factories.member(organization, username=name()).user
    for user in (lead, reviewer):
        User.objects.filter(pk=user.pk).update(first_name=name(), last_name=name(), email=name(), time_zone="UTC")
    return lead, reviewer


def _work(task: FeedbackTask, lead: User, reviewer: User, everything: str) -> None:
    """Graded and edited, in conflict, skipped and flagged with reasons, held with a draft."""
    actor = Actor(user=reviewer)
    for number in range(2):
        claimed = factories.assignment(task, reviewer=reviewer)
        values = {"score": 3, "verdict": VECTORS[0], VECTORS[1]: everything, "inner": {VECTORS[4]: everything}}
        _grade(claimed, values, everything, edited=number == 0)
    conflict = Assignment.objects.filter(reviewer=reviewer, state="done").order_by("pk")[0].item.completion
    upstream = Upstream.objects.get()
    changed = {**next(documents()), "session_id": "x"}
    factories.pulled(upstream, conflict.uid, changed)
    queues.skip(factories.assignment(task, reviewer=reviewer), reason=everything[:1000])
    queues.flag(factories.assignment(task, reviewer=reviewer), reason=everything[:1000], actor=actor)
    held = factories.assignment(task, reviewer=lead)
    fields = [("comment", everything), ("edit-0", everything), ("v-verdict", VECTORS[0]), (VECTORS[1], VECTORS[2])]
    drafts.save(held, fields, base=held.item.completion.current)


def _grade(claimed: Assignment, values: dict[str, Any], comment: str, *, edited: bool) -> None:
    completion = Completion.objects.with_documents().get(queue_items=claimed.item_id)
    boxes = edits.edit_boxes(conversation.read(kept.read(completion.current)))
    changes = [LeafEdit(box.pointer, f"{comment} Edited.") for box in boxes[:1]] if edited else []
    grading.submit(
        claimed, values=values, comment=comment, edits=changes, base_id=completion.current_id,
        actor=Actor(user=claimed.reviewer),
    )  # fmt: skip


def _sync(upstream: Upstream, everything: str) -> None:
    """Errors in the upstream's words, and what was set aside."""
    now = timezone.now()
    Upstream.objects.filter(pk=upstream.pk).update(
        name=name(), upstream_organization=name(), last_error=everything, failing_since=now, token_refused_at=now,
        last_failed_at=now, next_pull_at=now + timedelta(days=900), enabled=False,
    )  # fmt: skip
    upstream.refresh_from_db()
    Push.objects.filter(kind="feedback").update(state="attention", last_error=everything, last_status=400)
    for vector in VECTORS[:3]:
        raw = everything.encode() + vector.encode()
        sync_scene.refusal(upstream, raw=raw, uid=vector, reason=everything[:900] + vector)
    sync_scene.pull(upstream, error=everything, state="failed")


def _jobs(organization: Organization, lead: User, task: FeedbackTask, everything: str) -> None:
    """One about a filter, in a queue, and a failed import with what it did not take."""
    actor = Actor(user=lead)
    filters = {"query": f"q={SPELLED}&model={SPELLED}", "through": 0, "queue": task.queue.pk}
    jobs.ask(organization, JobKind.ADD_TO_QUEUE, filters, by=lead, actor=actor, said=name())
    failed = jobs.ask(organization, JobKind.IMPORT, {"form": "auto"}, by=lead, actor=actor, said=name())
    job_files.refuse(failed, [(at, vector, everything) for at, vector in enumerate(VECTORS)])
    over = {"state": "failed", "error": everything[:1000], "ended_at": timezone.now()}
    Job.objects.filter(pk=failed.pk).update(file_name=VECTORS[0], outcome_text='{"refused": 9}', **over)


def _pages(task: FeedbackTask, completions: list[Completion]) -> list[str]:
    queue = task.queue.pk
    doubtful = Completion.objects.filter(uncertain_tokens__gt=0)
    conflict = Completion.objects.get(conflict_document__isnull=False)
    refusal = upstream_refusal()
    lists = ("waiting", "held", "skipped", "done", "withdrawn")
    return [
        "/",
        f"/queues/{queue}/done",
        f"/queues/{queue}/settings",
        *(f"/queues/{queue}/items?list={one}" for one in lists),
        *(f"/completions/{one.pk}" for one in completions),
        *(f"/completions/{one.pk}/uncertain/{one.current_id}/0" for one in doubtful),
        f"/completions/{conflict.pk}/conflict",
        f"/completions/{conflict.pk}/back/0",
        f"/completions/{conflict.pk}/purge",
        "/completions",
        f"/completions?tag={SPELLED}&session={SPELLED}&model={SPELLED}",
        "/flags",
        "/feedback-tasks",
        f"/feedback-tasks/{task.pk}",
        *(f"/sync?{query}" for query in ("", "state=person", "state=way", f"completion={SPELLED}")),
        "/sync/refusals",
        f"/sync/refusals?reason={SPELLED}",
        f"/sync/refusals/{refusal}",
        "/jobs",
        *(f"/jobs/{pk}" for pk in Job.objects.values_list("pk", flat=True)),
        "/imports/new",
        "/you",
        "/you/sessions",
        "/audit",
        f"/audit?person={SPELLED}&token={SPELLED}",
    ]


def upstream_refusal() -> int:
    """One of what was set aside."""
    found = Upstream.objects.get().refusals.order_by("pk").first()
    assert found is not None
    return found.pk


def _admin() -> list[str]:
    """Every list, and of every noun the first rows."""
    User.objects.filter(username="lead").update(is_staff=True, is_superuser=True)
    found = ["/admin/"]
    for model in site._registry:
        noun = f"/admin/reviews/{model._meta.model_name}/"
        found.append(noun)
        found += [f"{noun}{pk}/change/" for pk in model._base_manager.order_by("-pk").values_list("pk", flat=True)[:2]]
    member = Member.objects.order_by("pk").last()
    assert member is not None
    return [*found, f"/admin/reviews/member/{member.pk}/delete/", "/admin/reviews/feedbacktask/add/"]
