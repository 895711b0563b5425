"""The root of all addresses. Each room brings its own; the order follows the page map of the interface guide."""

from django.contrib import admin
from django.urls import include, path

from config import health

urlpatterns = [
    path("live", health.live, name="live"),
    path("ready", health.ready, name="ready"),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
    path("", include("accounts.urls")),
    path("", include("releases.urls")),  # before the portal, whose /products/<slug>/ would take /products/new/
    path("", include("portal.urls")),
    path("", include("approvals.urls")),
    path("", include("deployments.urls")),
    path("", include("reviews.urls")),
    path("", include("notifications.urls")),
    path("", include("reports.urls")),
]
