"""The admin site: who may enter, how one signs in and out, and in what order the nouns stand on the front page."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import Resolver404, path, resolve, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from gradebench.addresses import address_of
from reviews.access import user_of
from reviews.admin.figures import figures_of
from reviews.admin.scope import choose, scope_of
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
    return Actor(user=user_of(request), address=address_of(request))


class Site(admin.AdminSite):
    """Django admin for site staff, and for admins of organizations within one of those: nobody else may enter, whatever
    Django permissions she has.
    """

    site_title = "GradeBench"
    site_header = "GradeBench"
    index_title = "Admin"
    empty_value_display = "–"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return scope_of(request).may_enter

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Raises ImproperlyConfigured for a class that does not say to which organization a row belongs."""
        if not getattr(admin_class, "organization_path", ""):
            raise ImproperlyConfigured(f"{admin_class} has no organization_path: every visitor would see all of it.")
        super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[Any]:
        """Without Django's way from any row to its page on the site: it tells which ids there are."""
        own = path("organization/choose/", self.admin_view(self.choose_organization), name="choose_organization")
        return [own, *(one for one in super().get_urls() if getattr(one, "name", "") != "view_on_site")]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "scope": scope_of(request)}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """How the organizations in sight stand, and below that the lists."""
        return super().index(request, {"figures": figures_of(request), **(extra_context or {})})

    @method_decorator(require_POST)
    def choose_organization(self, request: HttpRequest) -> HttpResponse:
        """The switch in the header. A list is shown anew; from a row, which may not be there, one comes to its list."""
        if not choose(request, request.POST):
            messages.error(request, "There is no such organization to choose. Choose one of those in the list.")
        return redirect(_list_at(request.POST.get("next", "")))

    @login_not_required
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
        audit.record_of(user_of(request), "sign_out", actor=actor_of(request))
        logout(request)
        return redirect("sign_in")

    def password_change(  # type: ignore[override] # as above
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Her own password is changed on the page that is about her."""
        return redirect("you_password")

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


def _list_at(address: str) -> str:
    """The list that an address of the admin is about; the front page where it is about none."""
    try:
        found = resolve(address.partition("?")[0])
    except Resolver404:
        return reverse("admin:index")
    noun, _, _ = found.url_name.rpartition("_") if found.app_name == "admin" and found.url_name else ("", "", "")
    return reverse(f"admin:{noun}_changelist") if noun.startswith("reviews_") else reverse("admin:index")


site = Site()
# What `admin.site` names is this one from here on; the URLs are read after all admins.
admin.site = site
