"""Pages of products: the list, one product's fields, its environments."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts import policy
from core.blockers import Blocker, Refused
from releases import actions, phases
from releases.forms.knock import ReasonForm, knock, tell
from releases.forms.product import EnvironmentForm, ProductForm
from releases.guards import lift_address
from releases.models import Environment, Product
from releases.states import OPEN
from releases.views.asking import asked_again
from releases.views.finding import the_product

PER_PAGE = 25
BLOCK = "releases.block_release"


@login_required
def products(request: HttpRequest) -> HttpResponse:
    seen = Product.objects.visible_to(request.user).select_related("blocked_by").prefetch_related("environments")
    counted = seen.annotate(under_way=Count("releases", filter=Q(releases__state__in=OPEN))).order_by(
        "-is_active", "name"
    )
    context = {
        "page": Paginator(counted, PER_PAGE).get_page(request.GET.get("page")),
        "may_add": policy.may(request.user, "releases.manage_products"),
        "environments_of": policy.where_may(request.user, "releases.manage_environments"),
        "blocks_of": policy.where_may(request.user, BLOCK),
        "lift_address": lift_address,
    }
    return render(request, "releases/products.html", context)


@login_required
def product_new(request: HttpRequest) -> HttpResponse:
    if not policy.may(request.user, "releases.manage_products"):
        raise PermissionDenied(policy.refusal_text("releases.manage_products"))
    form = ProductForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        product = knock(form, actions.add_product, actor=request.user, **form.cleaned_data)
        if product:
            messages.success(request, f"{product.name} added\nGive it its environments.")
            return redirect("releases:environments", product.slug)
    return render(
        request, "releases/product_edit.html", {"form": form, "product": None}, status=422 if form.errors else 200
    )


@login_required
def product_edit(request: HttpRequest, slug: str) -> HttpResponse:
    product = the_product(request, slug)
    policy.require(request.user, "releases.manage_products", product)
    form = ProductForm(request.POST or None, instance=Product.objects.get(pk=product.pk))
    form.fields["slug"].required = True
    if request.method == "POST" and form.is_valid():
        saved = knock(form, actions.change_product, product.pk, actor=request.user, **form.cleaned_data)
        if saved:
            messages.success(request, f"{saved.name} saved")
            return redirect("releases:products")
    return render(
        request, "releases/product_edit.html", {"form": form, "product": product}, status=422 if form.errors else 200
    )


@login_required
def product_block(request: HttpRequest, slug: str) -> HttpResponse:
    """GET: asks for the reason. POST: blocks the product at once."""
    product = the_product(request, slug)
    may = policy.may(request.user, BLOCK, product)
    context = {
        "title": f"Block all of {product.name}",
        "text": "No deployment of it starts, in no environment; a rollback does not either.",
        "submit": "Block at once",
        "kind": "danger",
        "form": ReasonForm("Lifting it takes the approval of others, who will ask."),
        "blockers": _not_to_block(product) if may else [Blocker("forbidden", policy.refusal_text(BLOCK))],
        "back": product.get_absolute_url(),
        "keep": "Leave it as it is",
    }
    if request.method != "POST":
        return render(request, "confirm.html", context)
    try:
        actions.block_product(product.pk, actor=request.user, reason=request.POST.get("reason", ""))
    except Refused as refusal:
        return asked_again(request, context, refusal)
    messages.success(request, f"{product.name} blocked\nNo deployment of it starts.")
    return redirect("portal:product", slug)


def _not_to_block(product: Product) -> list[Blocker]:
    if not product.is_blocked:
        return []
    url = lift_address(product)
    message = f"It is blocked already: {product.blocked_reason}"
    return [Blocker("blocked-already", message, url, "Lift the block" if url else "")]


@login_required
def environments(request: HttpRequest, slug: str) -> HttpResponse:
    """The pipeline of a product. `?environment=<id>` opens one. POST `do`: add, edit, remove, up, down, block."""
    product = the_product(request, slug)
    chosen = _chosen(request, product)
    form = _form(request)
    if request.method == "POST" and _acted(request, product, chosen, form):
        return redirect("releases:environments", slug)
    do = request.POST.get("do")
    context = {
        "product": product,
        "groups": phases.groups(product.environments.select_related("phase__automated_by")),
        "chosen": chosen,
        "add": form if do == "add" else EnvironmentForm(),
        "edit": form if do == "edit" else _editing(chosen),
        "reason": form if do == "block" else ReasonForm(),
        "may_keep": policy.may(request.user, "releases.manage_environments", product),
        "may_block": policy.may(request.user, BLOCK, product),
        "lift_address": lift_address,
        "form": form,
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "releases/environments.html", context, status=status)


def _chosen(request: HttpRequest, product: Product) -> Environment | None:
    asked = request.POST.get("environment") or request.GET.get("environment") or ""
    if not asked:
        return None
    return get_object_or_404(product.environments, pk=int(asked) if asked.isdecimal() and len(asked) < 18 else 0)


def _form(request: HttpRequest):
    do = request.POST.get("do")
    if do in ("add", "edit"):
        return EnvironmentForm(request.POST)
    return ReasonForm("", request.POST) if do == "block" else None


def _editing(chosen: Environment | None) -> EnvironmentForm | None:
    return EnvironmentForm(initial={n: getattr(chosen, n) for n in ("name", "tier", "url")}) if chosen else None


def _acted(request: HttpRequest, product: Product, chosen: Environment | None, form) -> bool:
    do, actor = request.POST.get("do"), request.user
    if do in ("up", "down") and chosen:
        actions.order_environments(product.pk, _moved(product, chosen, -1 if do == "up" else 1), actor=actor)
        return True
    if do == "remove" and chosen:
        actions.remove_environment(chosen.pk, actor=actor)
        messages.success(request, f"{chosen.name} removed")
        return True
    if do == "block" and chosen:
        return _blocked(request, chosen, form)
    if form is None or not form.is_valid():
        return False
    if do == "add":
        saved = knock(form, actions.add_environment, product.pk, actor=actor, **form.cleaned_data)
    else:
        saved = chosen and knock(form, actions.change_environment, chosen.pk, actor=actor, **form.cleaned_data)
    if saved:
        messages.success(request, f"{saved.name} saved")
    return bool(saved)


def _moved(product: Product, chosen: Environment, by: int) -> list[int]:
    """The order after one step: within its phase, or at its edge the whole phase past the next one, so that none is torn."""
    groups = [[e.pk for e in g.environments] for g in phases.groups(product.environments.select_related("phase"))]
    at = next(i for i, group in enumerate(groups) if chosen.pk in group)
    inside = groups[at].index(chosen.pk)
    if 0 <= inside + by < len(groups[at]):
        groups[at].insert(inside + by, groups[at].pop(inside))
    else:
        groups.insert(min(len(groups) - 1, max(0, at + by)), groups.pop(at))
    return [pk for group in groups for pk in group]


def _blocked(request: HttpRequest, chosen: Environment, form: ReasonForm) -> bool:
    try:
        actions.block_environment(chosen.pk, actor=request.user, reason=request.POST.get("reason", ""))
    except Refused as refusal:
        tell(form, refusal)
        return False
    messages.success(request, f"{chosen.name} blocked\nNo deployment to it starts.")
    return True
