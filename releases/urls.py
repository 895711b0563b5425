"""Addresses of releases. The release's own page and those of a product belong to the portal."""

from django.http import Http404
from django.urls import path

app_name = "releases"
R = "r/<slug:product>/<str:version>/"


def _(request, **kwargs):
    raise Http404


urlpatterns = [
    path("releases/", _, name="releases"),
    path("releases/new/", _, name="new"),
    path(R + "edit/", _, name="edit"),
    path(R + "step/<slug:name>/", _, name="step"),
    path(R + "block/", _, name="block"),
    path(R + "unblock/", _, name="unblock"),
    path(R + "comment/", _, name="comment"),
    path(R + "scope/", _, name="scope"),
    path(R + "scope/git/", _, name="scope_git"),
    path(R + "candidates/", _, name="candidates"),
    path(R + "risks/", _, name="risks"),
    path(R + "rollback/", _, name="rollback"),
    path(R + "notes/", _, name="notes"),
    path("changes/<slug:product>/<slug:key>/", _, name="change"),
    path("changes/<slug:product>/<slug:key>/edit/", _, name="change_edit"),
    path("changes/<slug:product>/<slug:key>/step/<slug:name>/", _, name="change_step"),
    path("products/", _, name="products"),
    path("products/new/", _, name="product_new"),
    path("products/<slug:slug>/edit/", _, name="product_edit"),
    path("products/<slug:slug>/environments/", _, name="environments"),
    path("freezes/", _, name="freezes"),
    path("freezes/new/", _, name="freeze_new"),
    path("freezes/<int:pk>/", _, name="freeze"),
]
