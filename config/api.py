"""The API router: every room's view sets under /api/v1/, the schema and a page to browse it."""

from importlib import import_module

from csp.decorators import csp_update
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

ROOMS = ["accounts", "releases", "approvals", "deployments", "reviews", "notifications", "reports", "core"]

router = DefaultRouter()
for room in ROOMS:
    for prefix, viewset, basename in getattr(import_module(f"{room}.api"), "ROUTES", []):
        router.register(prefix, viewset, basename=basename)

# The package's style sheet draws its arrows from data: addresses; everything else keeps the strict policy.
browse = csp_update({"img-src": ["data:"]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))

urlpatterns = [
    path("v1/", include((router.urls, "api"))),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", browse, name="api-docs"),
]
