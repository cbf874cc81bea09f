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
    "account_login": ("200 302 302 302 302 302", ALL_422),
    # Between the password and the second factor: nobody here is.
    "mfa_authenticate": (ALL_302, ALL_302),
    # No provider is set.
    "openid_start": (ALL_405, "404 404 404 404 404 404"),
    "openid_connect_callback": ("404 404 404 404 404 404", ALL_405),
    "you": (SHOWN_WITH_HERS_ALONE, WRONG),
    "you_details": (WRONG, "302 303 303 303 303 303"),
    "account_reauthenticate": (SHOWN_WITH_HERS_ALONE, "302 422 422 422 422 422"),
    # The password is asked for first.
    "you_password": (ALL_302, ALL_302),
    "app_add": (ALL_302, ALL_302),
    "app_remove": (ALL_302, ALL_302),
    "key_add": (ALL_302, ALL_302),
    "key_remove": (ALL_302, ALL_302),
    "recovery_codes": (ALL_302, ALL_302),
    "sessions": (SHOWN_WITH_HERS_ALONE, WRONG),
    "sessions_end_others": (WRONG, "302 303 303 303 303 303"),
    "session_end": (WRONG, "302 404 404 404 404 404"),
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
    "completion_purge": ("302 403 403 200 404 404", "302 403 403 422 404 404"),
    "completions_act": (WRONG, "302 403 303 303 303 403"),
    "import_new": (FOR_LEADS_SOMEWHERE, "302 403 422 422 422 403"),
    "jobs": (FOR_LEADS_SOMEWHERE, WRONG),
    "job": (SHOWN_TO_LEADS, WRONG),
    "job_live": ("401 404 200 200 404 404", WRONG_AT_ONCE),
    "job_cancel": (WRONG, DONE_BY_LEADS),
    "job_download": (WRONG, DONE_BY_LEADS),
    "audit": ("302 403 403 200 200 200", WRONG),
    "audit_export": (WRONG, "302 403 403 303 303 303"),
    "feedback_tasks": (FOR_LEADS_SOMEWHERE, WRONG),
    "feedback_task_new": (FOR_LEADS_SOMEWHERE, "302 403 422 422 422 403"),
    "feedback_task_preview_new": (WRONG, FOR_LEADS_SOMEWHERE),
    "feedback_task": (SHOWN_TO_LEADS, REFUSED_TO_LEADS),
    "feedback_task_preview": (WRONG, SHOWN_TO_LEADS),
    "feedback_task_archive": (WRONG, DONE_BY_LEADS),
    "feedback_task_restore": (WRONG, DONE_BY_LEADS),
    "completions": (SHOWN_WITH_HERS_ALONE, WRONG),
    # Without a filter there is nothing to save; who is in no organization is led to a page that says so.
    "view_save": (WRONG, "302 422 422 422 422 303"),
    # The reviewer's own.
    "view_change": (WRONG, "302 422 404 404 404 404"),
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
    # No token is set.
    "metrics": (" ".join(["404"] * len(WHO)), WRONG_AT_ONCE),
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
# What the admin of an organization may do with each noun there.
ADMIN: dict[str, str] = {**STAFF, "organization": "change", "user": "change"}
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
    hers = _code(action, ADMIN[noun], method)
    # A row of another organization is not there, which is told on the front page.
    elsewhere = "302" if hers == "200" and action in ("change", "delete", "history") else hers
    return f"302 302 302 {hers} {elsewhere} {_code(action, may, method)}"


def _code(action: str, may: str, method: str) -> str:
    looks = action in ("changelist", "history") or (action == "change" and method == "GET")
    return "200" if looks or action in may.split() else "403"


INSIDE = "302 302 302 200 200 200"
ADMIN_SITE: dict[str, Row] = {
    "admin:index": (INSIDE, INSIDE),
    "admin:app_list": (INSIDE, INSIDE),
    "admin:login": ("302 403 403 302 302 302",) * 2,
    "admin:logout": (INSIDE.replace("200", "405"), ALL_302),
    "admin:password_change": (ALL_302, ALL_302),
    "admin:password_change_done": (INSIDE, INSIDE.replace("200", "405")),
    # It says neither which field it is for: refused.
    "admin:autocomplete": (INSIDE.replace("200", "403"), INSIDE.replace("200", "405")),
    "admin:jsi18n": (INSIDE, INSIDE.replace("200", "405")),
    "admin:auth_user_password_change": ("302 302 302 403 403 200",) * 2,
    "admin:choose_organization": (INSIDE.replace("200", "405"), ALL_302),
    "admin/(?P<url>.*)$": (INSIDE.replace("200", "404"),) * 2,
}

# Where it depends on the row.
ODD_ROWS: dict[str, Row] = {
    # Nothing in these forms must be filled in.
    "admin:reviews_organization_change": ("302 302 302 200 302 200", "302 302 302 302 302 200"),
    "admin:reviews_user_change": ("302 302 302 200 302 200", "302 302 302 302 302 200"),
    # What somebody did elsewhere is nobody's business here.
    "admin:reviews_user_history": ("302 302 302 403 403 200",) * 2,
    # This one was pulled.
    "admin:reviews_feedbacktask_change": ("302 302 302 200 302 200", "302 302 302 403 302 403"),
}
TABLE: dict[str, Row] = {**PAGES, **API, **ADMIN_SITE, **dict(_admin()), **ODD_ROWS}
