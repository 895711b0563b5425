"""The page of one phase of a product's pipeline, and its removal."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from releases import actions
from releases.actions.phase import AUTOMATE, KEEP
from releases.forms.knock import knock
from releases.forms.phase import PhaseForm
from releases.models import Phase, Product
from releases.views.finding import the_product


@login_required
def phase_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a phase; `?environment=<id>` proposes one of its environments."""
    product = the_product(request, slug)
    return _page(request, product, None)


@login_required
def phase(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change a phase."""
    product = the_product(request, slug)
    return _page(request, product, get_object_or_404(product.phases.select_related("automated_by"), pk=pk))


@require_POST
@login_required
def phase_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take a phase away; its environments stay."""
    product = the_product(request, slug)
    row = get_object_or_404(product.phases, pk=pk)
    actions.remove_phase(row.pk, actor=request.user)
    messages.success(request, f"{row.name} removed\nIts environments are each a phase of their own again.")
    return redirect("releases:environments", slug)


def _page(request: HttpRequest, product: Product, row: Phase | None) -> HttpResponse:
    policy.require(request.user, KEEP, product)
    form = PhaseForm(product, row, policy.may(request.user, AUTOMATE, product), request.POST or None)
    if request.method == "POST" and form.is_valid():
        door, about = (actions.change_phase, row.pk) if row else (actions.add_phase, product.pk)
        saved = knock(form, door, about, actor=request.user, **form.cleaned_data)
        if saved:
            messages.success(request, f"{saved.name} saved")
            return redirect("releases:environments", product.slug)
    context = {"product": product, "phase": row, "form": form}
    return render(request, "releases/phase.html", context, status=422 if form.errors else 200)
