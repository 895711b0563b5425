"""The rules: the decision table, one row of it, and the tests that each strategy asks for."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import policy as rights
from approvals import actions
from approvals.forms import PolicyForm, RequiredForm, RuleFormSet
from approvals.models import Policy, RequiredSignoff
from core.forms import knock
from releases.models import Product
from releases.states import Strategy

RIGHT = "releases.manage_policies"
PER_PAGE = 50


@login_required
def policies(request: HttpRequest) -> HttpResponse:
    """Every row in the order in which it is asked. Everybody who takes part may read the rules."""
    rows = _seen(request).select_related("product").prefetch_related("rules").order_by("subject", "position", "pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "may_edit": rights.may_anywhere(request.user, RIGHT)}
    return render(request, "approvals/policies.html", context)


def _seen(request: HttpRequest):
    """Rows about all products, and about those in the reader's sight."""
    if not rights.may_anywhere(request.user, "releases.view_product"):
        raise Http404
    visible = Product.objects.visible_to(request.user)
    return Policy.objects.filter(product__isnull=True) | Policy.objects.filter(product__in=visible)


@login_required
def policy(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """One row and its rules: read by everybody, edited with the right."""
    row = _seen(request).filter(pk=pk).first() if pk else None
    if pk and row is None:
        raise Http404
    may_edit = rights.may(request.user, RIGHT, row.product if row else None) and not request.user.is_service
    if not may_edit and (pk is None or request.method == "POST"):
        rights.require(request.user, RIGHT, row.product if row else None)
    form = PolicyForm(request.POST or None, initial=PolicyForm.initial_of(row))
    form.fields["product"].queryset = rights.only_where(Product.objects.active(), request.user, RIGHT)
    rules = RuleFormSet(request.POST or None, initial=_rules_of(row), prefix="rules")
    if request.method == "POST" and form.is_valid() and rules.is_valid():
        wanted = [f.rule for f in rules if f.rule]
        saved = knock(form, partial(actions.save_policy, pk, actor=request.user, rules=wanted, **form.cleaned_data))
        if saved:
            messages.success(request, f"“{saved.name}” saved\nRunning requests keep the rules they were opened with.")
            return redirect("approvals:policies")
    failed = bool(form.errors) or rules.total_error_count() > 0
    context = {"row": row, "form": form, "rules": rules, "may_edit": may_edit, "back": reverse("approvals:policies")}
    return render(request, "approvals/policy.html", context, status=422 if request.method == "POST" and failed else 200)


def _rules_of(row: Policy | None) -> list[dict]:
    return (
        [{"role": r.role, "need": r.need, "veto": r.veto, "facets": r.facets} for r in row.rules.all()] if row else []
    )


@login_required
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks, POST removes."""
    row = _seen(request).filter(pk=pk).first()
    if row is None:
        raise Http404
    rights.require(request.user, RIGHT, row.product)
    if request.method == "POST":
        actions.remove_policy(pk, actor=request.user)
        messages.success(request, f"“{row.name}” removed\nRunning requests keep its rules.")
        return redirect("approvals:policies")
    return render(request, "approvals/policy_remove.html", {"row": row, "back": reverse("approvals:policy", args=[pk])})


@login_required
def required(request: HttpRequest) -> HttpResponse:
    """`/policies/tests/?product=<slug>`: the kinds of test per strategy, in general or for one product."""
    slug = request.GET.get("product", "")
    product = Product.objects.visible_to(request.user).filter(slug=slug).first() if slug else None
    if (slug and product is None) or not rights.may_anywhere(request.user, "releases.view_product"):
        raise Http404
    may_edit = rights.may(request.user, RIGHT, product) and not request.user.is_service
    form = RequiredForm(request.POST or None, known=_known(product))
    if request.method == "POST":
        rights.require(request.user, RIGHT, product)
        if form.is_valid() and _save_required(request, form, product):
            return redirect(request.get_full_path())
    context = {
        "form": form,
        "product": product,
        "products": Product.objects.visible_to(request.user).active(),
        "may_edit": may_edit,
        "general": _known(None),
        "strategies": [(s.value, s.label) for s in Strategy],
    }
    return render(request, "approvals/required.html", context, status=422 if form.errors else 200)


def _save_required(request: HttpRequest, form: RequiredForm, product: Product | None) -> bool:
    for strategy in Strategy.values:
        kinds = form.cleaned_data[strategy]
        knock(form, partial(actions.set_required_signoffs, strategy, kinds, actor=request.user, product=product))
    if form.errors:
        return False
    messages.success(request, "Required tests saved\nThey hold for candidates from now on, and at every gate at once.")
    return True


def _known(product: Product | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for strategy, kind in RequiredSignoff.objects.filter(product=product).values_list("strategy", "kind"):
        found.setdefault(strategy, []).append(kind)
    return found
