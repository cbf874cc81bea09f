"""URLs: the API under /api, Django admin under /admin/, the pages at the root."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/", include("reviews.api.urls")),
    path("admin/", admin.site.urls),
    path("", include("reviews.web.urls")),
]
handler404 = "gradebench.errors.not_found"
handler500 = "gradebench.errors.failed"
