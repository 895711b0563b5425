"""The list of releases: filters, sorting, keyset pages."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_required
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import policy
from releases import keyset
from releases.forms.listing import ReleaseFilters
from releases.models import Release

NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # a release without a window sorts behind all others
SORTS = {"window": "window", "product": "product_name", "version": "version", "changed": "state_since"}
DEFAULT = "window"


@login_required
def releases(request: HttpRequest) -> HttpResponse:
    """`/releases/?product=…&stage=…&strategy=…&show=…&q=…&sort=-window`; htmx gets the rows alone."""
    form = ReleaseFilters(request.GET, reader=request.user)
    seen = Release.objects.visible_to(request.user)
    found = form.narrow(seen)
    listed = found.select_related("product", "manager", "candidate").annotate(
        window=Coalesce(F("window_starts_at"), Value(NEVER)), product_name=F("product__name")
    )
    page = keyset.page(listed, request.GET, key=_sort(request.GET.get("sort", "")))
    context = {
        "filters": form,
        "page": page,
        "hidden": seen.count() if not page.rows else 0,
        "count": found.count(),
        "may_plan": policy.may_anywhere(request.user, "releases.plan_release"),
    }
    return render(request, "releases/_rows.html" if request.htmx else "releases/releases.html", context)


def _sort(asked: str) -> str:
    field = SORTS.get(asked.lstrip("-"), SORTS[DEFAULT])
    return f"-{field}" if asked.startswith("-") else field
