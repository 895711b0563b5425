"""Pages of deployment windows, and of how grave each kind of conflict is."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts import policy
from core.blockers import Refused
from releases import actions
from releases.forms.knock import knock, tell
from releases.forms.window import SeverityForm, WindowForm
from releases.models import ConflictRule, DeploymentWindow, Product
from releases.states import ConflictKind
from releases.views.finding import the_product

RIGHT = "releases.manage_environments"


@login_required
def windows(request: HttpRequest, slug: str) -> HttpResponse:
    """When each environment of a product may be deployed to, and how grave its conflicts are."""
    product = the_product(request, slug)
    now = timezone.now()
    environments = product.environments.in_order().prefetch_related("windows")
    context = {
        "product": product,
        "environments": [
            (e, [(w, w.occurrence_at(now), w.next_after(now)) for w in e.windows.all()]) for e in environments
        ],
        "may_keep": policy.may(request.user, RIGHT, product),
    }
    return render(request, "releases/windows.html", context)


@login_required
def window_new(request: HttpRequest, slug: str, environment: str) -> HttpResponse:
    product = the_product(request, slug)
    target = get_object_or_404(product.environments, slug=environment)
    policy.require(request.user, RIGHT, product)
    form = WindowForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = knock(form, actions.add_window, target.pk, actor=request.user, **form.wanted)
        if made:
            messages.success(request, f"{made.name} added\n{target} is closed to deployments outside its windows.")
            return redirect("releases:windows", slug)
    return _page(request, form, product, target, None)


@login_required
def window(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change a window, or remove it (POST `do`: remove)."""
    product = the_product(request, slug)
    rows = DeploymentWindow.objects.filter(environment__product=product).select_related("environment__product")
    found = get_object_or_404(rows, pk=pk)
    policy.require(request.user, RIGHT, product)
    if request.POST.get("do") == "remove":
        actions.remove_window(found.pk, actor=request.user)
        messages.success(request, f"{found.name} removed")
        return redirect("releases:windows", slug)
    form = WindowForm(request.POST or None, row=found, initial={"name": found.name})
    if request.method == "POST" and form.is_valid():
        saved = knock(form, actions.change_window, found.pk, actor=request.user, **form.wanted)
        if saved:
            messages.success(request, f"{saved.name} saved")
            return redirect("releases:windows", slug)
    return _page(request, form, product, found.environment, found)


def _page(request: HttpRequest, form: WindowForm, product: Product, environment, found) -> HttpResponse:
    context = {"form": form, "product": product, "environment": environment, "window": found}
    return render(request, "releases/window.html", context, status=422 if form.errors else 200)


@login_required
def severities(request: HttpRequest) -> HttpResponse:
    """What each kind of conflict means for all products that say nothing of their own."""
    if not policy.may(request.user, "releases.manage_products"):
        raise PermissionDenied(policy.refusal_text("releases.manage_products"))
    return _severities(request, None)


@login_required
def product_severities(request: HttpRequest, slug: str) -> HttpResponse:
    """What each kind of conflict means for one product."""
    product = the_product(request, slug)
    policy.require(request.user, RIGHT, product)
    return _severities(request, product)


def _severities(request: HttpRequest, product: Product | None) -> HttpResponse:
    everybody = _rules(None)
    own = _rules(product) if product else everybody
    fallback, words = (everybody, "As for all products") if product else ({}, "As it comes")
    form = SeverityForm(request.POST or None, own=own, fallback=fallback, words=words)
    if request.method == "POST" and form.is_valid() and _saved(request, form, own, product):
        messages.success(request, "Saved\nPlans and deployments are judged by it from now on.")
        return redirect("releases:windows", product.slug) if product else redirect("releases:severities")
    context = {"form": form, "product": product}
    return render(request, "releases/severities.html", context, status=422 if form.errors else 200)


def _rules(product: Product | None) -> dict[str, str]:
    return dict(ConflictRule.objects.filter(product=product).values_list("kind", "severity"))


def _saved(request: HttpRequest, form: SeverityForm, own: dict[str, str], product: Product | None) -> bool:
    """Each kind that differs through its door; a refusal stands at its field."""
    for kind in ConflictKind.values:
        if form.cleaned_data[kind] != own.get(kind, ""):
            try:
                actions.set_severity(
                    kind, form.cleaned_data[kind], actor=request.user, product_id=product and product.pk
                )
            except Refused as refusal:
                tell(form, refusal)
    return not form.errors
