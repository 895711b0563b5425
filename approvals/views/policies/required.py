"""The tests that each strategy asks for."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy as rights
from approvals import actions
from approvals.forms import RequiredForm
from approvals.models import RequiredSignoff
from core.forms import knock
from releases.models import Product
from releases.states import Strategy

RIGHT = "releases.manage_policies"


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
