"""Addresses of releases. The release's own page and those of a product belong to the portal."""

from django.urls import path

from releases.views import (
    candidates,
    catalogue,
    change,
    freeze,
    listing,
    notes,
    phase,
    plan,
    product,
    release,
    risks,
    scope,
    window,
)

app_name = "releases"
R = "r/<slug:product>/<str:version>/"
C = "changes/<slug:product>/<slug:key>/"

urlpatterns = [
    path("releases/", listing.releases, name="releases"),
    path("releases/new/", plan.new, name="new"),
    path(f"{R}edit/", plan.edit, name="edit"),
    path(f"{R}step/<slug:name>/", release.step, name="step"),
    path(f"{R}block/", release.block, name="block"),
    path(f"{R}comment/", release.comment, name="comment"),
    path(f"{R}scope/", scope.scope, name="scope"),
    path(f"{R}scope/git/", scope.scope_git, name="scope_git"),
    path(f"{R}candidates/", candidates.candidates, name="candidates"),
    path(f"{R}risks/", risks.risks, name="risks"),
    path(f"{R}rollback/", risks.rollback, name="rollback"),
    path(f"{R}notes/", notes.notes, name="notes"),
    path(C, change.change, name="change"),
    path(f"{C}edit/", change.edit, name="change_edit"),
    path(f"{C}step/<slug:name>/", change.step, name="change_step"),
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("catalogue/new/", catalogue.template_new, name="template_new"),
    path("catalogue/<int:pk>/", catalogue.template, name="template"),
    path("catalogue/<int:pk>/edit/", catalogue.template_edit, name="template_edit"),
    path("catalogue/<int:pk>/step/<slug:name>/", catalogue.template_step, name="template_step"),
    path("catalogue/<int:pk>/use/", catalogue.use, name="template_use"),
    path("products/", product.products, name="products"),
    path("products/new/", product.product_new, name="product_new"),
    path("products/<slug:slug>/edit/", product.product_edit, name="product_edit"),
    path("products/<slug:slug>/environments/", product.environments, name="environments"),
    path("products/<slug:slug>/windows/", window.windows, name="windows"),
    path("products/<slug:slug>/windows/<slug:environment>/new/", window.window_new, name="window_new"),
    path("products/<slug:slug>/windows/<int:pk>/", window.window, name="window"),
    path("products/<slug:slug>/conflicts/", window.product_severities, name="product_severities"),
    path("settings/conflicts/", window.severities, name="severities"),
    path("products/<slug:slug>/phases/new/", phase.phase_new, name="phase_new"),
    path("products/<slug:slug>/phases/<int:pk>/", phase.phase, name="phase"),
    path("products/<slug:slug>/phases/<int:pk>/remove/", phase.phase_remove, name="phase_remove"),
    path("products/<slug:slug>/block/", product.product_block, name="product_block"),
    path("freezes/", freeze.freezes, name="freezes"),
    path("freezes/new/", freeze.freeze_new, name="freeze_new"),
    path("freezes/<int:pk>/", freeze.freeze, name="freeze"),
]
