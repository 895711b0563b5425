"""The catalogue of standard changes: the list, one template, and a change made from it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts import policy
from core.blockers import Blocker, Refused
from core.events import stream_of
from core.machine import offers
from core.models import Event
from releases import actions
from releases.forms.catalogue import (
    CONTRIBUTE,
    LABELS,
    CatalogueFilters,
    StandardChangeForm,
    TemplateForm,
    initial_of,
)
from releases.forms.knock import ReasonForm, knock
from releases.guards import page as page_of
from releases.models import ChangeTemplate, Product, Release
from releases.states import GIVEN, TemplateState
from releases.views.asking import asked_again

PER_PAGE = 25
LATEST = 20
# Steps that are taken here: words of the page that asks, and what follows.
TAKEN_HERE = {
    "revise": "It cannot be used until it is approved again. Changes that were made of it stay as they are.",
    "retire": "It cannot be used any more. Changes that were made of it stay as they are.",
}


@login_required
def catalogue(request: HttpRequest) -> HttpResponse:
    """`/catalogue/?product=…&state=…`; with `release=<id>` its changes go into that release."""
    release = _release(request)
    seen = ChangeTemplate.objects.visible_to(request.user)
    form = CatalogueFilters(request.GET, reader=request.user)
    found = form.narrow(seen).select_related("product").annotate(uses=Count("changes")).order_by("name", "pk")
    context = {
        "filters": form,
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "hidden": seen.count(),
        "release": release,
        "may_add": policy.may_anywhere(request.user, CONTRIBUTE),
        "usable": lambda template: _usable(request, template, release),
    }
    return render(request, "releases/catalogue.html", context)


def _release(request: HttpRequest) -> Release | None:
    """The release that the reader came from. Raises Http404 for one that they may not see."""
    asked = request.GET.get("release", "")
    if not asked:
        return None
    rows = Release.objects.visible_to(request.user).select_related("product")
    return get_object_or_404(rows, pk=int(asked) if asked.isdecimal() and len(asked) < 18 else 0)


def _usable(request: HttpRequest, template: ChangeTemplate, release: Release | None) -> bool:
    """Whether the reader may make a change of it: where they contribute, and of a release's own or all products."""
    if release is not None and not template.fits(release.product):
        return False
    scope = release.product if release is not None else template.product
    if scope is None:
        return template.in_force and policy.may_anywhere(request.user, CONTRIBUTE)
    return template.in_force and policy.may(request.user, CONTRIBUTE, scope)


def _the_template(request: HttpRequest, pk: int) -> ChangeTemplate:
    rows = ChangeTemplate.objects.visible_to(request.user).select_related("product", "created_by")
    return get_object_or_404(rows, pk=pk)


@login_required
def template(request: HttpRequest, pk: int) -> HttpResponse:
    """What it gives, what is locked, where it stands, and which changes were made of it."""
    found = _the_template(request, pk)
    offered = offers(found, lambda right: policy.may(request.user, right, found))
    changes = found.changes.visible_to(request.user).select_related("product", "release__product")
    context = {
        "template": found,
        "given": [(name, LABELS[name], _worded(found, name), name in found.locked) for name in GIVEN],
        "propose": page_of("approvals:request_template", found.pk),
        "sheet": _sheet(found),
        "offers": offered,
        "refusals": {o.name: policy.refusal_text(o.step.right) for o in offered if o.step.right},
        "may_edit": found.state == TemplateState.DRAFT and policy.may(request.user, CONTRIBUTE, found),
        "usable": _usable(request, found, None),
        "changes": changes.order_by("-pk")[:LATEST],
        "count": changes.count(),
        "history": Event.objects.filter(stream=stream_of(found)).select_related("actor").order_by("-seq")[:30],
    }
    return render(request, "releases/template.html", context)


def _sheet(found: ChangeTemplate) -> str:
    """Where those who decide on a proposal read it, "" for one that waits for nobody."""
    if found.state != TemplateState.PROPOSED:
        return ""
    asked = found.requests.order_by("-pk").values_list("pk", flat=True).first()
    return page_of("portal:inbox_item", asked) if asked else ""


def _worded(found: ChangeTemplate, name: str) -> str:
    if name == "breaking":
        return "Yes" if found.breaking else "No"
    worded = getattr(found, f"get_{name}_display", None)
    return worded() if worded else getattr(found, name)


@login_required
def template_new(request: HttpRequest) -> HttpResponse:
    if not policy.may_anywhere(request.user, CONTRIBUTE):
        raise PermissionDenied(policy.refusal_text(CONTRIBUTE))
    form = TemplateForm(request.POST or None, keeper=request.user)
    if request.method == "POST" and form.is_valid():
        fields = {name: value for name, value in form.cleaned_data.items() if name != "product"}
        product = form.cleaned_data["product"]
        added = knock(form, actions.add_template, actor=request.user, product_id=product and product.pk, **fields)
        if added:
            messages.success(request, f"{added.name} drafted\nPropose it once it is complete.")
            return redirect("releases:template", added.pk)
    return _form_page(request, form, None)


@login_required
def template_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = _the_template(request, pk)
    policy.require(request.user, CONTRIBUTE, found)
    form = TemplateForm(request.POST or None, keeper=request.user, template=found, initial=initial_of(found))
    if request.method == "POST" and form.is_valid():
        edited = knock(form, actions.edit_template, found.pk, actor=request.user, **form.cleaned_data)
        if edited:
            messages.success(request, f"{edited.name} saved")
            return redirect("releases:template", pk)
    return _form_page(request, form, found)


def _form_page(request: HttpRequest, form: TemplateForm, found: ChangeTemplate | None) -> HttpResponse:
    context = {"form": form, "template": found}
    return render(request, "releases/template_edit.html", context, status=422 if form.errors else 200)


@login_required
def template_step(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """GET: asks before it is revised or retired. POST: does it."""
    found = _the_template(request, pk)
    if name not in TAKEN_HERE:
        raise Http404
    step = ChangeTemplate.machine.steps[name]
    context = {
        "title": f"{step.label}: {found.name}",
        "text": TAKEN_HERE[name],
        "submit": step.label,
        "kind": "danger" if step.tone == "bad" else "primary",
        "form": ReasonForm("Those who use it will read why.") if step.reason else Form(),
        "blockers": _stand_in_the_way(request, found, step),
        "back": found.get_absolute_url(),
        "keep": "Leave it as it is",
    }
    if request.method != "POST":
        return render(request, "confirm.html", context)
    try:
        if name == "retire":
            actions.retire_template(pk, actor=request.user, reason=request.POST.get("reason", ""))
        else:
            actions.revise_template(pk, actor=request.user)
    except Refused as refusal:
        return asked_again(request, context, refusal)
    messages.success(request, f"{found.name}: {step.label.lower()}d")
    return redirect("releases:template", pk)


def _stand_in_the_way(request: HttpRequest, found: ChangeTemplate, step) -> list[Blocker]:
    if not policy.may(request.user, step.right, found):
        return [Blocker("forbidden", policy.refusal_text(step.right))]
    if str(found.state) not in step.sources:
        return [Blocker("state", f"{step.label} is not possible while it is {found.get_state_display().lower()}.")]
    return []


@login_required
def use(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes a change of a template: `?release=<id>` puts it there, `?product=<slug>` says of what where it is for all."""
    found = _the_template(request, pk)
    release = _release(request)
    product = _product(request, found, release)
    if product is None:
        products = policy.only_where(Product.objects.active(), request.user, CONTRIBUTE)
        return render(request, "releases/standard_new.html", {"template": found, "products": products, "form": None})
    policy.require(request.user, CONTRIBUTE, product)
    given = {name: getattr(found, name) for name in GIVEN} | {"release": release}
    form = StandardChangeForm(request.POST or None, template=found, product=product, initial=given)
    if request.method == "POST" and form.is_valid():
        made = _made(request, form, found, product)
        if made:
            messages.success(request, f"{made.key} added\nIt is approved: {found.name} is.")
            if made.release:
                return redirect("releases:scope", product.slug, made.release.version)
            return redirect(made)
    context = {
        "template": found,
        "product": product,
        "release": release,
        "form": form,
        "kept": [(LABELS[n], _worded(found, n)) for n in GIVEN if n in found.locked and n != "description"],
        "steps": found.description if "description" in found.locked else "",
        "asked": [
            name for name in ("title", "key", "release", "kind", "breaking", "description") if name in form.fields
        ],
    }
    return render(request, "releases/standard_new.html", context, status=422 if form.errors else 200)


def _product(request: HttpRequest, found: ChangeTemplate, release: Release | None) -> Product | None:
    """Of which product the change will be; None while that has to be asked."""
    if release is not None:
        return release.product
    if found.product is not None:
        return found.product
    slug = request.GET.get("product", "")
    return get_object_or_404(Product.objects.visible_to(request.user), slug=slug) if slug else None


def _made(request: HttpRequest, form: StandardChangeForm, found: ChangeTemplate, product: Product):
    data = dict(form.cleaned_data)
    release, key = data.pop("release"), data.pop("key")
    where = {"release_id": release and release.pk, "key": key}
    return knock(form, actions.add_standard_change, found.pk, product.pk, actor=request.user, **where, **data)
