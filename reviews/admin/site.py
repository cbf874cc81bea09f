"""The admin site: who may enter, how one signs in and out, and in what order the nouns stand on the front page."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from reviews.access import user_of
from reviews.workflow import audit
from reviews.workflow.audit import Actor

FAMILIES = (
    ("People", ("Organization", "Member", "User", "ApiToken")),
    ("Review", ("FeedbackTask", "Queue", "QueueItem", "Assignment", "ClaimEvent", "Feedback")),
    ("Sync", ("Upstream", "Pull", "PullRefusal", "Push")),
    ("Content", ("Completion", "Revision", "Tag", "Session")),
    ("Record", ("AuditEvent",)),
)


def actor_of(request: HttpRequest) -> Actor:
    """Who acts in the admin, for the audit."""
    return Actor(user=user_of(request), address=request.META.get("REMOTE_ADDR"))


class Site(admin.AdminSite):
    """Django admin for site staff: nobody else may enter, whatever Django permissions she has."""

    site_title = "GradeBench"
    site_header = "GradeBench"
    index_title = "Admin"
    empty_value_display = "–"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_staff and user.is_superuser)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One way to sign in for all pages; who is signed in and still not let in has no business here."""
        following = request.GET.get("next") or reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(following)
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")

    @method_decorator(require_POST)
    def logout(  # type: ignore[override] # a redirect where Django has a page of its own
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        audit.record("sign_out", user_of(request), organization=None, actor=actor_of(request))
        logout(request)
        return redirect("sign_in")

    def password_change(  # type: ignore[override] # as above
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Her own password is changed where she changes anyone's, so that the audit has it."""
        return redirect("admin:auth_user_password_change", user_of(request).pk)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The nouns in families, under the names that their lists have."""
        apps = self._build_app_dict(request, app_label)
        found = {model["object_name"]: model for app in apps.values() for model in app["models"]}
        for model in found.values():
            model["name"] = getattr(self._registry[model["model"]], "plural", "") or model["name"]
        index = reverse("admin:index")
        return [
            {"name": family, "app_label": family.lower(), "app_url": index, "has_module_perms": True, "models": models}
            for family, names in FAMILIES
            if (models := [found[name] for name in names if name in found])
        ]


site = Site()
# What `admin.site` names is this one from here on; the URLs are read after all admins.
admin.site = site
