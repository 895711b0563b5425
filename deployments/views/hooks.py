"""The hooks of a product's environments: what is called, in which order, and how success is proven."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from core import wording
from core.forms import knock
from deployments import guards
from deployments.actions import hook as doors
from deployments.drivers import DRIVERS, Driver
from deployments.drivers.placeholders import PLACEHOLDERS
from deployments.forms import HookForm
from deployments.models import Hook
from deployments.states import Purpose
from deployments.views.finding import the_environment, the_hook, the_product
from releases.models import Environment, Product

RIGHT = "releases.manage_environments"


def driver_name(driver: str) -> str:
    """Its label; the bare name of one that is there no more."""
    return DRIVERS[driver].label if driver in DRIVERS else driver


def at_hand(driver: Driver) -> str:
    """What its form cannot do without: "Repository, workflow and token"."""
    names = [field.label for field in driver.fields if field.required and not field.default]
    names += [driver.secret_label] if getattr(driver, "needs_secret", False) else []
    return wording.listed([names[0], *map(wording.inside, names[1:])]) if names else ""


def explained(driver: str) -> dict:
    """What the form of a driver's hooks says beside the fields."""
    known = DRIVERS.get(driver)
    takes = any(field.filled for field in known.fields) if known else False
    return {
        "driver": driver_name(driver),
        "about": getattr(known, "about", ""),
        "asks": getattr(known, "hint", "").lstrip(". "),
        "placeholders": PLACEHOLDERS if takes else None,
    }


@login_required
def hooks(request: HttpRequest, product: str) -> HttpResponse:
    """Every environment with its hooks, each with what is wrong with it."""
    owner = the_product(request, product)
    environments = owner.environments.in_order().select_related("verification").prefetch_related("hooks", "checks")
    context = {
        "product": owner,
        "places": [_place(environment, owner) for environment in environments],
        "may_change": policy.may(request.user, RIGHT, owner),
    }
    return render(request, "deployments/hooks.html", context)


def _place(environment: Environment, product: Product) -> dict:
    environment.product = product
    return {
        "environment": environment,
        "verification": guards.verification_of(environment),
        "checks": _asked_afterwards(environment),
        "hooks": [
            (hook, guards.unfit(hook), driver_name(hook.driver), called(hook)) for hook in environment.hooks.all()
        ],
    }


def _asked_afterwards(environment: Environment) -> int:
    """How many checks there are besides the environment's own health; hooks of the verification are such."""
    hooks = [hook for hook in environment.hooks.all() if hook.on == Purpose.VERIFY]
    return sum(asked.is_active for asked in [*environment.checks.all(), *hooks])


def called(hook: Hook) -> str:
    """What a hook calls, as its driver puts it for people."""
    return DRIVERS[hook.driver].summary(hook.config) if hook.driver in DRIVERS else ""


@login_required
def hook_choose(request: HttpRequest, product: str, environment: str) -> HttpResponse:
    """Which tool a new hook of an environment calls."""
    owner = the_product(request, product)
    place = the_environment(owner, environment)
    policy.require(request.user, RIGHT, owner)
    context = {
        "product": owner,
        "environment": place,
        "drivers": [
            (name, driver, at_hand(driver))
            for name, driver in sorted(DRIVERS.items(), key=lambda d: d[1].label.lower())
        ],
    }
    return render(request, "deployments/hook_choose.html", context)


@login_required
def hook_new(request: HttpRequest, product: str, environment: str, driver: str) -> HttpResponse:
    """Add a hook of a driver to an environment."""
    owner = the_product(request, product)
    place = the_environment(owner, environment)
    if driver not in DRIVERS:
        raise Http404
    last = place.hooks.order_by("-position").first()
    return _edit(request, owner, Hook(environment=place, driver=driver, position=last.position + 1 if last else 0))


@login_required
def hook(request: HttpRequest, product: str, pk: int) -> HttpResponse:
    """Change a hook."""
    owner = the_product(request, product)
    return _edit(request, owner, the_hook(owner, pk))


def _edit(request: HttpRequest, product: Product, edited: Hook) -> HttpResponse:
    policy.require(request.user, RIGHT, product)
    form = HookForm(request.POST or None, instance=edited, driver=edited.driver)
    if request.method == "POST" and form.is_valid():
        fields = form.values() | {"position": edited.position}
        saved = knock(
            form,
            lambda: doors.save_hook(edited.environment_id, actor=request.user, hook_id=edited.pk, **fields),
        )
        if saved:
            messages.success(request, f"{saved} saved\nThe next deployment to {saved.environment} calls it.")
            return redirect("deployments:hooks", product.slug)
    context = {"product": product, "hook": edited, "form": form} | explained(edited.driver)
    return render(request, "deployments/hook.html", context, status=422 if form.errors else 200)


@login_required
def hook_remove(request: HttpRequest, product: str, pk: int) -> HttpResponse:
    """GET asks, POST removes."""
    owner = the_product(request, product)
    removed = the_hook(owner, pk)
    policy.require(request.user, RIGHT, owner)
    if request.method == "POST":
        doors.remove_hook(removed.pk, actor=request.user)
        messages.success(request, f"{removed} removed\nIts runs stay in the record.")
        return redirect("deployments:hooks", owner.slug)
    return render(request, "deployments/hook_remove.html", {"product": owner, "hook": removed})


@require_POST
@login_required
def hook_move(request: HttpRequest, product: str, pk: int, way: str) -> HttpResponse:
    """Call a hook one place earlier (`up`) or later (`down`)."""
    owner = the_product(request, product)
    moved = the_hook(owner, pk)
    order = list(moved.environment.hooks.filter(on=moved.on).values_list("pk", flat=True))
    here = order.index(moved.pk)
    there = here - 1 if way == "up" else here + 1
    if 0 <= there < len(order):
        order[here], order[there] = order[there], order[here]
    doors.order_hooks(moved.environment_id, order, actor=request.user)
    return redirect("deployments:hooks", owner.slug)
