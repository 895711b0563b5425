"""Pages of freeze windows."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts import policy
from core.blockers import Refused
from core.spans import Span
from releases import actions
from releases.forms.freeze import FreezeForm
from releases.forms.knock import ReasonForm, knock, tell
from releases.models import FreezeWindow
from releases.states import Tier

PER_PAGE = 25


def _seen(request: HttpRequest):
    """Freezes of everything, and of products that the reader may see."""
    ids = policy.where_may(request.user, "releases.view_product")
    rows = FreezeWindow.objects.prefetch_related("products").select_related("created_by")
    return rows if ids is None else rows.filter(Q(products__isnull=True) | Q(products__in=ids)).distinct()


@login_required
def freezes(request: HttpRequest) -> HttpResponse:
    """`?show=all` adds those that are over or lifted."""
    rows, all_of_them = _seen(request), request.GET.get("show") == "all"
    if not all_of_them:
        rows = rows.standing().not_over()
    order = "-starts_at" if all_of_them else "starts_at"
    context = {
        "page": Paginator(rows.order_by(order, "pk"), PER_PAGE).get_page(request.GET.get("page")),
        "all": all_of_them,
        "standing_of": standing_of,
        "time_of": time_of,
        "tiers": dict(Tier.choices),
        "may_keep": policy.may_anywhere(request.user, "releases.manage_freezes"),
    }
    return render(request, "releases/freezes.html", context)


def standing_of(freeze: FreezeWindow) -> str:
    """How a freeze stands now: planned, active, over or lifted."""
    now = timezone.now()
    if freeze.lifted_at:
        return "lifted"
    if freeze.occurrence_at(now):
        return "active"
    return "planned" if freeze.next_after(now) else "over"


def time_of(freeze: FreezeWindow) -> Span:
    """The occurrence that is on, else the next one; for what is over its first."""
    now = timezone.now()
    first = Span(freeze.starts_at, freeze.ends_at)
    return freeze.occurrence_at(now) or freeze.next_after(now) or first


@login_required
def freeze_new(request: HttpRequest) -> HttpResponse:
    if not policy.may_anywhere(request.user, "releases.manage_freezes"):
        raise PermissionDenied(policy.refusal_text("releases.manage_freezes"))
    form = FreezeForm(request.POST or None, keeper=request.user)
    if request.method == "POST" and form.is_valid():
        freeze = knock(form, actions.add_freeze, actor=request.user, **_fields(form))
        if freeze:
            messages.success(request, f"{freeze.name} added\nReleases with a window in it need an override.")
            return redirect("releases:freezes")
    return _page(request, form, None)


def _fields(form: FreezeForm) -> dict:
    return form.wanted | {"products": list(form.cleaned_data["products"])}


@login_required
def freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows a freeze; those who may keep it change it here, or lift it (POST `do`: lift)."""
    found = get_object_or_404(_seen(request), pk=pk)
    initial = {name: getattr(found, name) for name in ("name", "reason", "tiers")}
    initial |= {"products": list(found.products.all())}
    lifting = request.POST.get("do") == "lift"
    form = FreezeForm(None if lifting else request.POST or None, keeper=request.user, row=found, initial=initial)
    if lifting:
        reason = ReasonForm("", request.POST)
        try:
            actions.lift_freeze(found.pk, actor=request.user, reason=request.POST.get("reason", ""))
        except Refused as refusal:
            tell(reason, refusal)
            return _page(request, form, found, reason)
        messages.success(request, f"{found.name} lifted\nWindows in it are free again.")
        return redirect("releases:freezes")
    if request.method == "POST" and form.is_valid():
        saved = knock(form, actions.change_freeze, found.pk, actor=request.user, **_fields(form))
        if saved:
            messages.success(request, f"{saved.name} saved")
            return redirect("releases:freezes")
    return _page(request, form, found)


def _page(
    request: HttpRequest, form: FreezeForm, found: FreezeWindow | None, reason: ReasonForm | None = None
) -> HttpResponse:
    may = found is None or _may_keep(request, found)
    context = {
        "form": reason or form,
        "fields": form,
        "freeze": found,
        "standing": standing_of(found) if found else "",
        "time": time_of(found) if found else None,
        "may_keep": may and (found is None or found.lifted_at is None),
        "reason": reason or ReasonForm("The calendar and the releases that waited show it."),
        "tiers": dict(Tier.choices),
    }
    return render(request, "releases/freeze.html", context, status=422 if form.errors or reason else 200)


def _may_keep(request: HttpRequest, found: FreezeWindow) -> bool:
    scopes = list(found.products.all()) or [None]
    return all(policy.may(request.user, "releases.manage_freezes", scope) for scope in scopes)
