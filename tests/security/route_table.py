"""Who gets what at which address: frozen. For each route what a GET answers, and a POST without anything in it.

The columns are nobody, a reviewer, a lead and an admin of the organization, the admin of another one, and site staff
who are in neither. The addresses are the organization's. tests/security/test_routes.py prints the row of a route that
has none, and what a row should say that says something else.
"""

from collections.abc import Iterator

WHO = ("nobody", "reviewer", "lead", "admin", "other", "staff")
Row = tuple[str, str]

ALL_200, ALL_302, ALL_401 = "200 200 200 200 200 200", "302 302 302 302 302 302", "401 401 401 401 401 401"
ALL_405, ALL_422 = "405 405 405 405 405 405", "422 422 422 422 422 422"
# Signed out one is led to the sign-in page, whatever the method; signed in it is the wrong one.
WRONG = "302 405 405 405 405 405"
# What scripts ask for is not led anywhere.
WRONG_AT_ONCE = ALL_405

# Pages -----------------------------------------------------------------------------------------------------------

SHOWN = "302 200 200 200 404 404"
SHOWN_TO_LEADS = "302 404 200 200 404 404"
SHOWN_WITH_HERS_ALONE = "302 200 200 200 200 200"
FOR_LEADS_SOMEWHERE = "302 403 200 200 200 403"
DONE = "302 303 303 303 404 404"
DONE_BY_LEADS = "302 404 303 303 404 404"
REFUSED_TO_LEADS = "302 404 422 422 404 404"

PAGES: dict[str, Row] = {
    "queues": (SHOWN_WITH_HERS_ALONE, WRONG),
    "sign_in": ("200 302 302 302 302 302", ALL_422),
    "sign_out": (ALL_405, ALL_302),
    "welcome": (ALL_200, ALL_302),
    "queue_start": (WRONG, DONE),
    "queue_prefetch": (WRONG_AT_ONCE, "401 200 200 200 404 404"),
    "queue_back": (DONE, WRONG),
    "queue_resume": (DONE, WRONG),
    "queue_done": (SHOWN, WRONG),
    "queue_settings": (SHOWN_TO_LEADS, REFUSED_TO_LEADS),
    "queue_pause": (WRONG, DONE_BY_LEADS),
    "queue_items": (SHOWN_TO_LEADS, WRONG),
    "queue_items_act": (WRONG, DONE_BY_LEADS),
    "claim_release": (WRONG, DONE_BY_LEADS),
    "review": (SHOWN, WRONG),
    "review_claim": ("401 200 200 200 404 404", WRONG_AT_ONCE),
    "review_draft": (WRONG_AT_ONCE, "401 422 422 422 404 404"),
    "draft_drop": (WRONG, DONE),
    # The reviewer's own: nobody else's business, whatever her role.
    "review_undo": (WRONG, "302 303 404 404 404 404"),
    "review_amend": ("302 200 404 404 404 404", "302 422 404 404 404 404"),
    "review_form": (DONE, SHOWN),
    "review_preview": (WRONG, SHOWN),
    "review_submit": (WRONG, "302 422 422 422 404 404"),
    "review_skip": (WRONG, DONE),
    "review_flag": (WRONG, "302 422 422 422 404 404"),
    "completion": (SHOWN, WRONG),
    "uncertain_words": (SHOWN, WRONG),
    "media": (SHOWN, WRONG),
    # A conflict about what somebody else edited, and an edit of the reviewer's own.
    "conflict": ("302 403 200 200 404 404", "302 403 422 422 404 404"),
    "going_back": (SHOWN, "302 409 409 409 404 404"),
    "feedback_tasks": (FOR_LEADS_SOMEWHERE, WRONG),
    "feedback_task_new": (FOR_LEADS_SOMEWHERE, "302 403 422 422 422 403"),
    "feedback_task_preview_new": (WRONG, FOR_LEADS_SOMEWHERE),
    "feedback_task": (SHOWN_TO_LEADS, REFUSED_TO_LEADS),
    "feedback_task_preview": (WRONG, SHOWN_TO_LEADS),
    "feedback_task_archive": (WRONG, DONE_BY_LEADS),
    "feedback_task_restore": (WRONG, DONE_BY_LEADS),
    "flags": (FOR_LEADS_SOMEWHERE, WRONG),
    "flag_back": (WRONG, DONE_BY_LEADS),
    "flag_close": (WRONG, DONE_BY_LEADS),
    "flag_grade": (WRONG, DONE_BY_LEADS),
    "sync": (SHOWN_WITH_HERS_ALONE, WRONG),
    "sync_live": ("401 200 200 200 200 200", WRONG_AT_ONCE),
    # About all that she leads, which may be nothing.
    "pushes_retry": (WRONG, "302 303 303 303 303 303"),
    "push_retry": (WRONG, DONE_BY_LEADS),
    "push_give_up": (WRONG, DONE_BY_LEADS),
    "refusals": (SHOWN_WITH_HERS_ALONE, WRONG),
    "refusals_retry": (WRONG, "302 303 303 303 303 303"),
    "refusal": (SHOWN, WRONG),
    "refusal_retry": (WRONG, DONE_BY_LEADS),
    "pull_now": (WRONG, DONE_BY_LEADS),
    "scripts": (ALL_200, WRONG_AT_ONCE),
    "healthz": (ALL_200, WRONG_AT_ONCE),
    # No sweep has run in a test.
    "readyz": (" ".join(["503"] * len(WHO)), WRONG_AT_ONCE),
}

# API -------------------------------------------------------------------------------------------------------------

# A session is no token: whoever is signed in is nobody here. What its scopes open: tests/api/test_authentication.py.
API: dict[str, Row] = {
    "api_completions": (ALL_401, ALL_401),
    "api_ungraded": (ALL_401, ALL_401),
    "api_completion_update": (ALL_401, ALL_401),
    "api_sessions": (ALL_401, ALL_401),
    "api_feedback": (ALL_401, ALL_401),
    "api_feedback_detail": (ALL_401, ALL_401),
    "api_feedback_tasks": (ALL_401, ALL_401),
    "api_feedback_task": (ALL_401, ALL_401),
    "api_legacy_sessions": (ALL_401, ALL_401),
    "api_legacy_completions": (ALL_401, ALL_401),
    "api_completion": (ALL_401, ALL_401),
    "api_tag_search": (ALL_401, ALL_401),
    "api_autoprompt_convert": (ALL_401, ALL_401),
    "api_autoprompt_suggestions": (ALL_401, ALL_401),
    "api_autoprompt_report": (ALL_401, ALL_401),
    "api_completions_bulk": (ALL_401, ALL_401),
    "api_schema": (ALL_200, ALL_405),
    "api_docs": (ALL_200, ALL_405),
}

# Admin -----------------------------------------------------------------------------------------------------------

# What site staff may do with each noun beside looking at it.
STAFF: dict[str, str] = {
    "apitoken": "add",
    "assignment": "",
    "auditevent": "",
    "claimevent": "",
    "completion": "",
    "feedback": "",
    "feedbacktask": "add",
    "member": "add change delete",
    "organization": "add change",
    "pull": "",
    "pullrefusal": "",
    "push": "",
    "queue": "change",
    "queueitem": "",
    "revision": "",
    "session": "",
    "tag": "",
    "upstream": "add change",
    "user": "add change",
}
# What the admin of an organization may do with each noun there; None: she does not enter.
ADMIN: dict[str, str] | None = None
ACTIONS = ("changelist", "add", "change", "delete", "history")


def _admin() -> Iterator[tuple[str, Row]]:
    for noun, may in STAFF.items():
        for action in ACTIONS:
            yield (
                f"admin:reviews_{noun}_{action}",
                (_codes(noun, action, may, "GET"), _codes(noun, action, may, "POST")),
            )
        # A row's address without its page leads on to that.
        yield f"admin/reviews/{noun}/<path:object_id>/", (ALL_302, ALL_302)


def _codes(noun: str, action: str, may: str, method: str) -> str:
    entered, other = "302", "302"
    if ADMIN is not None:
        hers = ADMIN.get(noun)
        entered = "403" if hers is None else _code(action, hers, method)
        # A row that is not there is told on the front page.
        other = "302" if hers is not None and action in ("change", "delete", "history") else entered
    return f"302 302 302 {entered} {other} {_code(action, may, method)}"


def _code(action: str, may: str, method: str) -> str:
    looks = action in ("changelist", "history") or (action == "change" and method == "GET")
    return "200" if looks or action in may.split() else "403"


ENTERS = "302" if ADMIN is None else "200"
LED_IN = "403" if ADMIN is None else "302"
INSIDE = f"302 302 302 {ENTERS} {ENTERS} 200"
ADMIN_SITE: dict[str, Row] = {
    "admin:index": (INSIDE, INSIDE),
    "admin:app_list": (INSIDE, INSIDE),
    "admin:login": (f"302 403 403 {LED_IN} {LED_IN} 302",) * 2,
    "admin:logout": (INSIDE.replace("200", "405"), ALL_302),
    "admin:password_change": (ALL_302, ALL_302),
    "admin:password_change_done": (INSIDE, INSIDE.replace("200", "405")),
    # It says neither which field it is for: refused.
    "admin:autocomplete": (INSIDE.replace("200", "403"), INSIDE.replace("200", "405")),
    "admin:jsi18n": (INSIDE, INSIDE.replace("200", "405")),
    "admin:view_on_site": (INSIDE.replace("200", "404"),) * 2,
    "admin:auth_user_password_change": ("302 302 302 302 302 200",) * 2,
    "admin/(?P<url>.*)$": (INSIDE.replace("200", "404"),) * 2,
}

TABLE: dict[str, Row] = {**PAGES, **API, **ADMIN_SITE, **dict(_admin())}
