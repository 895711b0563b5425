"""How it is proven that a candidate runs in an environment: its times, its checks, and what people say of them."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from core.forms import knock
from deployments import guards, payload
from deployments.actions import check as doors
from deployments.actions import statement
from deployments.actions.verification import LOOK_S, RIGHT, set_verification
from deployments.checks import CHECKS
from deployments.forms import CheckForm, VerificationForm
from deployments.models import Check
from deployments.states import CheckKind
from deployments.views.finding import the_check, the_deployment, the_environment, the_product
from releases.models import Environment, Product


@login_required
def verification(request: HttpRequest, product: str, environment: str) -> HttpResponse:
    """The checks of an environment, and when they are asked. Everybody who sees the product may read it."""
    owner = the_product(request, product)
    place = the_environment(owner, environment)
    if request.method == "POST":
        policy.require(request.user, RIGHT, owner)
    form = VerificationForm(request.POST or None, instance=guards.verification_of(place))
    if request.method == "POST" and form.is_valid():
        fields = dict(form.cleaned_data)
        if knock(form, lambda: set_verification(place.pk, actor=request.user, **fields)):
            messages.success(request, f"Verification of {place} saved\nIt holds from the next deployment.")
            return redirect("deployments:verification", owner.slug, place.slug)
    return _page(request, owner, place, form=form)


def _page(request: HttpRequest, product: Product, place: Environment, **more) -> HttpResponse:
    checks = list(place.checks.all())
    context = {
        "product": product,
        "environment": place,
        "how": guards.verification_of(place),
        "checks": [(check, payload.asked(check)) for check in checks],
        "hooks": [hook for hook in place.hooks.all() if hook.on == "verify"],
        "kinds": [(kind, CHECKS[kind]) for kind in CheckKind.values],
        "secrets": {kind: CHECKS[kind].secret_label for kind in CheckKind.values},
        "may_change": policy.may(request.user, RIGHT, product),
        "may_add": len(checks) < doors.MOST,
        "look_s": LOOK_S,
        "tried": None,
    }
    context |= more
    form = context.get("form") or VerificationForm(instance=context["how"])
    context["form"] = form
    return render(request, "deployments/verification.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def checks_try(request: HttpRequest, product: str, environment: str) -> HttpResponse:
    """Ask every check once, of what runs there now, and show what they say. Nothing is kept."""
    owner = the_product(request, product)
    place = the_environment(owner, environment)
    tried = statement.try_checks(place.pk, actor=request.user)
    running = place.deployments.running().select_related("candidate").first()
    return _page(request, owner, place, tried=tried, running=running)


@login_required
def check_new(request: HttpRequest, product: str, environment: str, kind: str) -> HttpResponse:
    """Add a check of a kind to an environment."""
    owner = the_product(request, product)
    place = the_environment(owner, environment)
    if kind not in CHECKS:
        raise Http404
    return _edit(request, owner, Check(environment=place, kind=kind))


@login_required
def check(request: HttpRequest, product: str, pk: int) -> HttpResponse:
    """Change a check."""
    owner = the_product(request, product)
    return _edit(request, owner, the_check(owner, pk))


def _edit(request: HttpRequest, product: Product, edited: Check) -> HttpResponse:
    policy.require(request.user, RIGHT, product)
    place, title = edited.environment, edited.name
    form = CheckForm(request.POST or None, instance=edited)
    if request.method == "POST" and form.is_valid():
        fields = form.values()
        saved = knock(form, lambda: doors.save_check(place.pk, actor=request.user, check_id=edited.pk, **fields))
        if saved:
            messages.success(request, f"{saved.name} saved\nThe next deployment to {place} is verified by it.")
            return redirect("deployments:verification", product.slug, place.slug)
    context = {
        "product": product,
        "environment": place,
        "check": edited,
        "title": title,
        "form": form,
        "kind": form.kind,
    }
    return render(request, "deployments/check.html", context, status=422 if form.errors else 200)


@login_required
def check_remove(request: HttpRequest, product: str, pk: int) -> HttpResponse:
    """GET asks, POST removes."""
    owner = the_product(request, product)
    removed = the_check(owner, pk)
    policy.require(request.user, RIGHT, owner)
    if request.method == "POST":
        doors.remove_check(removed.pk, actor=request.user)
        messages.success(request, f"{removed} removed\nWhat it found stays in the record.")
        return redirect("deployments:verification", owner.slug, removed.environment.slug)
    return render(request, "deployments/check_remove.html", {"product": owner, "check": removed})


@require_POST
@login_required
def check_move(request: HttpRequest, product: str, pk: int, way: str) -> HttpResponse:
    """Show a check one place earlier (`up`) or later (`down`)."""
    owner = the_product(request, product)
    moved = the_check(owner, pk)
    order = list(moved.environment.checks.values_list("pk", flat=True))
    here = order.index(moved.pk)
    there = here - 1 if way == "up" else here + 1
    if 0 <= there < len(order):
        order[here], order[there] = order[there], order[here]
    doors.order_checks(moved.environment_id, order, actor=request.user)
    return redirect("deployments:verification", owner.slug, moved.environment.slug)


@require_POST
@login_required
def state_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Say of a manual check that it is well, or not well; `check`, `ok` (yes or no) and `comment` are posted."""
    row = the_deployment(request, pk)
    name, ok = request.POST.get("check", ""), request.POST.get("ok") == "yes"
    comment = request.POST.get("comment", "").strip()
    statement.state_check(row.pk, name, actor=request.user, ok=ok, comment=comment)
    messages.success(request, f"{name}: you said that it is {'well' if ok else 'not well'}")
    return redirect("deployments:deployment", pk)
