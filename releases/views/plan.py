"""Pages that draft a release and edit its plan."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy
from releases import frame
from releases.actions import draft_release, edit_plan
from releases.forms.knock import knock
from releases.forms.plan import PlanForm, WindowForm, initial_of
from releases.forms.slot import with_slot
from releases.models import Product, Release
from releases.planning import outlook, suggestions
from releases.versions import SCHEMES
from releases.views.finding import the_release

FORM_ID = "plan-form"


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """`/releases/new/?product=<slug>`: first the product, then the plan."""
    products = policy.only_where(Product.objects.active(), request.user, "releases.plan_release")
    if not policy.may_anywhere(request.user, "releases.plan_release"):
        raise PermissionDenied(policy.refusal_text("releases.plan_release"))
    slug = request.POST.get("product") or request.GET.get("product") or _only(products)
    if not slug:
        return render(request, "releases/new.html", {"products": products})
    product = products.filter(slug=slug).first() if slug.isprintable() else None
    if product is None:
        raise Http404
    form = PlanForm(_typed(request), product=product, initial=_proposed(request, product))
    if request.method == "POST" and form.is_valid() and "slot" not in request.POST:
        release = knock(form, draft_release, product.pk, actor=request.user, **form.cleaned_data)
        if release:
            messages.success(request, f"{release} drafted\nTake its first changes in.")
            return redirect("releases:scope", product.slug, release.version)
    return _plan_page(request, form, product, None)


def _typed(request: HttpRequest):
    """What was posted; a free slot that was chosen fills the window, and the form is shown again."""
    return with_slot(request.POST, "window_starts_at", "window_ends_at") if request.method == "POST" else None


def _only(products) -> str:
    slugs = list(products.values_list("slug", flat=True)[:2])
    return slugs[0] if len(slugs) == 1 else ""


def _proposed(request: HttpRequest, product: Product) -> dict:
    """What stands in an empty form: the next minor version, and the reader as the manager where they are one."""
    _, found = suggestions(product)
    minor = next((s.version for s in found if s.strategy == "minor"), found[0].version if found else "")
    manages = policy.holders("release-manager", product).filter(pk=request.user.pk).exists()
    return {
        "version": request.GET.get("version", minor),
        "strategy": "minor",
        "manager": request.user.pk if manages else None,
    }


@login_required
def edit(request: HttpRequest, product: str, version: str) -> HttpResponse:
    release = the_release(request, product, version)
    policy.require(request.user, "releases.plan_release", release)
    form = PlanForm(_typed(request), product=release.product, initial=initial_of(release))
    if request.method == "POST" and form.is_valid() and "slot" not in request.POST:
        before = release.plan_version
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        edited = knock(form, edit_plan, release.pk, actor=request.user, **changes)
        if edited:
            _say_saved(request, edited, before)
            return redirect("portal:release", product, edited.version)
    return _plan_page(request, form, release.product, release)


def _say_saved(request: HttpRequest, release: Release, before: int) -> None:
    if release.plan_version == before:
        messages.success(request, "Plan saved")
    else:
        text = "Approvals that rest on what changed go stale." if release.state in ("approving", "ready") else ""
        messages.success(request, f"Version {release.plan_version} of the plan saved\n{text}".strip())


def _plan_page(request: HttpRequest, form: PlanForm, product: Product, release: Release | None) -> HttpResponse:
    if request.htmx and request.GET.get("show") == "outlook":
        return _outlook(request, product, release)
    newest, found = suggestions(product)
    window = _window(form, release)
    context = {
        "form": form,
        "product": product,
        "release": release,
        "newest": newest,
        "suggestions": found,
        "scheme": SCHEMES[product.scheme],
        "outlook": outlook(product, *window, reader=request.user, release=release),
        "outlook_url": f"{request.path}?{urlencode({'product': product.slug, 'show': 'outlook'})}",
        "form_id": FORM_ID,
        "settled": release is not None and release.state not in ("draft", "planned"),
        "back": frame.page("portal:release", product.slug, release.version) if release else "",
    }
    return render(
        request, "releases/plan.html", context, status=422 if form.errors and "slot" not in request.POST else 200
    )


def _outlook(request: HttpRequest, product: Product, release: Release | None) -> HttpResponse:
    """The conflicts and slots of the window in the query, as it is being typed."""
    form = WindowForm(request.GET)
    form.is_valid()
    window = form.cleaned_data.get("window_starts_at"), form.cleaned_data.get("window_ends_at")
    found = outlook(product, *window, reader=request.user, release=release)
    return render(request, "releases/_outlook.html", {"outlook": found, "form_id": FORM_ID})


def _window(form: PlanForm, release: Release | None) -> tuple:
    if form.is_bound:
        return form.cleaned_data.get("window_starts_at"), form.cleaned_data.get("window_ends_at")
    return (release.window_starts_at, release.window_ends_at) if release else (None, None)
