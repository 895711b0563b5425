"""The API router: every room's view sets under /api/v1/, the schema and a page to browse it."""

from importlib import import_module

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import DefaultRouter

ROOMS = ["accounts", "releases", "approvals", "deployments", "reviews", "notifications", "reports", "core"]

router = DefaultRouter()
for room in ROOMS:
    for prefix, viewset, basename in getattr(import_module(f"{room}.api"), "ROUTES", []):
        router.register(prefix, viewset, basename=basename)

urlpatterns = [
    path("v1/", include((router.urls, "api"))),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
]
