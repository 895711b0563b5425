"""Which version is where: every product in the reader's sight by its environments, and what ran in one of them."""

import csv
import hashlib
from datetime import UTC

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from accounts.models import Team
from accounts.policy import EVERYWHERE
from core import wording
from portal import cells, past
from portal.whereabouts import Place, places
from releases.models import Environment, Product
from releases.states import Tier
from reports.views import safe_cell

PER_PAGE = 30
HEAD = (
    "product",
    "environment",
    "tier",
    "version",
    "release",
    "since",
    "by",
    "changes_ahead_of_production",
    "healthy",
    "frozen",
    "blocked",
    "waits_for_approval",
)


class EnvironmentFilters(forms.Form):
    """What the matrix shows; anything unknown shows all."""

    team = forms.ModelChoiceField(Team.objects.none(), required=False, to_field_name="slug", empty_label="All teams")
    tier = forms.ChoiceField(choices=[("", "All environments"), *Tier.choices], required=False)
    drift = forms.ChoiceField(choices=[("", "With and without drift"), ("1", "Only drift")], required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = Team.objects.order_by("name")

    @property
    def asked(self) -> dict:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


@require_safe
@login_required
def environments(request: HttpRequest) -> HttpResponse:
    """The matrix; htmx gets the table alone, and nothing (204) while it is what the page shows already (`seen`)."""
    form = EnvironmentFilters(request.GET)
    columns, lines, hidden = _matrix(request.user, form)
    context = {
        "filters": form,
        "columns": columns,
        "groups": cells.groups(columns),
        "lines": lines,
        "hidden": hidden,
        "sub": _sub(lines),
    }
    context["body"] = render_to_string("portal/_environments.html", context, request)
    context["seen"] = hashlib.sha256(context["body"].encode()).hexdigest()[:16]
    if not request.htmx:
        return render(request, "portal/environments.html", context)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "portal/_environments_live.html", context)


def _matrix(user, form: EnvironmentFilters):
    """(columns, lines, how many products the filters hide)."""
    asked = form.asked
    products = Product.objects.visible_to(user).active().order_by("name")
    shown = of_team(products, asked["team"]) if "team" in asked else products
    columns, lines = cells.matrix(list(shown), tier=asked.get("tier", ""), drift="drift" in asked)
    return columns, lines, 0 if lines or not asked else products.count()


def of_team(products, team: Team):
    """The products on which a team holds a role; a role everywhere is one on each."""
    scopes = set(team.grants.values_list("scope", flat=True))
    if EVERYWHERE in scopes:
        return products
    return products.filter(pk__in=[int(scope.partition(":")[2]) for scope in scopes if scope.startswith("product:")])


def _sub(lines: list[cells.Line]) -> str:
    """`12 products. Something came to 2 environments from outside, 1 is not well.`"""
    spots = [place for line in lines for place in line.places]
    facts = [
        (sum(p.outside for p in spots), "runs what came from outside", "run what came from outside"),
        (sum(bool(p.health and not p.health.ok) for p in spots), "is not well", "are not well"),
        (sum(p.waiting is not None for p in spots), "waits for an approval", "wait for an approval"),
    ]
    said = [f"{wording.plural(n, 'environment')} {one if n == 1 else more}" for n, one, more in facts if n]
    return ". ".join([wording.plural(len(lines), "product"), *said]) + "."


@require_safe
@login_required
def environments_csv(request: HttpRequest) -> HttpResponse:
    """The same matrix as CSV (RFC 4180), one row per environment, instants in ISO 8601 with UTC."""
    _columns, lines, _hidden = _matrix(request.user, EnvironmentFilters(request.GET))
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="slipway-environments.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    writer = csv.writer(response)
    writer.writerow(HEAD)
    for line in lines:
        writer.writerows([safe_cell(cell) for cell in _row(line, place)] for place in line.places)
    return response


def _row(line: cells.Line, place: Place) -> tuple:
    current, environment = place.current, place.environment
    known = current and not current.is_nothing
    return (
        line.slug,
        environment.slug,
        environment.tier,
        current.version if known else "",
        current.candidate.release.version if known and current.candidate else "",
        current.since.astimezone(UTC).isoformat() if current else "",
        current.by if current else "",
        place.ahead,
        {True: "yes", False: "no"}[place.health.ok] if place.health else "",
        "yes" if place.frozen else "no",
        environment.blocked_reason or environment.product.blocked_reason,
        place.waiting.release.version if place.waiting else "",
    )


@require_safe
@login_required
def environment(request: HttpRequest, product: str, environment: str) -> HttpResponse:
    """All that ran in one environment, the newest first: deployments by Slipway and sightings from outside."""
    rows = Environment.objects.filter(product__in=Product.objects.visible_to(request.user))
    found = rows.select_related("product", "blocked_by").filter(product__slug=product, slug=environment).first()
    if found is None:
        raise Http404("There is no such environment in your sight.")
    page = Paginator(past.of(found), PER_PAGE).get_page(request.GET.get("page"))
    if request.htmx:
        return render(request, "portal/_history.html", {"page": page, "stays": past.stays(found, page)})
    place = next(p for p in places([found.product])[found.product_id] if p.environment.pk == found.pk)
    context = {
        "environment": found,
        "product": found.product,
        "place": place,
        "cell": cells.cell_of(place),
        "drift": cells.drift_of(place),
        "sub": _now(place),
        "page": page,
        "stays": past.stays(found, page),
    }
    return render(request, "portal/environment.html", context)


def _now(place: Place) -> str:
    if not place.version:
        return "Nothing runs here." if place.current else "Nothing was put here yet."
    return f"{place.version} runs here since {wording.day(place.since)}."
