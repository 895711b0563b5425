"""Pages of reviews."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from accounts import policy
from core.forms import knock
from core.machine import offers
from reviews import actions
from reviews.forms import ActionForm, FindingForm, ReviewForm
from reviews.models import ActionItem, Review
from reviews.states import ReviewState

PER_PAGE = 30


@require_GET
@login_required
def reviews(request: HttpRequest) -> HttpResponse:
    """All reviews the reader may see, unfinished first."""
    found = Review.objects.visible_to(request.user).select_related(
        "release__product", "release__manager", "approved_by"
    )
    if request.GET.get("show", "open") == "open":
        found = found.unfinished().order_by("due_at")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request, "reviews/reviews.html", {"page": page, "show": request.GET.get("show", "open"), "now": timezone.now()}
    )


@login_required
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """One review: its facts, findings and action items, and what may be done next."""
    return _page(request, _visible(request, pk))


def _visible(request: HttpRequest, pk: int) -> Review:
    found = Review.objects.visible_to(request.user).select_related(
        "release__product", "release__manager", "author", "approved_by"
    )
    return get_object_or_404(found, pk=pk)


def _page(request: HttpRequest, found: Review, status: int = 200, **forms) -> HttpResponse:
    product = found.release.product
    may = lambda right: policy.may(request.user, right, found)  # noqa: E731
    items = list(found.actions.select_related("owner"))
    context = {
        "review": found,
        "release": found.release,
        "timeline": [e | {"at": parse_datetime(e["at"])} for e in found.facts.get("timeline", [])],
        "findings": found.findings.select_related("added_by"),
        "actions": [(item, _steps_of(item, request.user)) for item in items],
        "offers": offers(found, may),
        "close": next((o for o in offers(found.release, may) if o.name == "close"), None),
        "editable": found.state in (ReviewState.DRAFT, ReviewState.REOPENED),
        "may_write": may("releases.review_release"),
        "may_comment": may("releases.comment"),
        "refusal_text": policy.refusal_text,
        "write_form": forms.get("write_form") or ReviewForm(instance=found),
        "finding_form": forms.get("finding_form") or FindingForm(),
        "action_form": forms.get("action_form") or ActionForm(product=product),
        "failed": status == 422,
        "late": found.due_at < timezone.now() and found.state not in (ReviewState.APPROVED, ReviewState.CLOSED),
    }
    return render(request, "reviews/review.html", context, status=status)


def _steps_of(item: ActionItem, user) -> list:
    mine = item.owner_id == user.pk
    may = lambda right: policy.may(user, "releases.review_release", item) or (mine and right == "releases.comment")  # noqa: E731
    return [o for o in offers(item, may) if o.permitted and not (o.name == "verify" and mine)]


@require_POST
@login_required
def write(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    form = ReviewForm(request.POST, instance=Review.objects.get(pk=pk))
    if form.is_valid() and knock(form, lambda: actions.write_review(pk, actor=request.user, **form.cleaned_data)):
        messages.success(request, "Review saved")
        return redirect(found)
    return _page(request, found, 422, write_form=form)


@require_POST
@login_required
def add_finding(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    form = FindingForm(request.POST)
    if form.is_valid() and knock(form, lambda: actions.add_finding(pk, actor=request.user, **form.cleaned_data)):
        return redirect(f"{found.get_absolute_url()}#findings")
    return _page(request, found, 422, finding_form=form)


@require_POST
@login_required
def add_action(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    form = ActionForm(request.POST, product=found.release.product)
    if form.is_valid() and knock(form, lambda: actions.add_action(pk, actor=request.user, **form.cleaned_data)):
        return redirect(f"{found.get_absolute_url()}#actions")
    return _page(request, found, 422, action_form=form)


@login_required
def edit_action(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an action item's title, owner, date."""
    item = get_object_or_404(ActionItem.objects.select_related("review__release__product"), pk=pk)
    policy.require(request.user, "releases.review_release", item)
    form = ActionForm(request.POST or None, instance=item, product=item.review.release.product)
    if (
        request.method == "POST"
        and form.is_valid()
        and knock(form, lambda: actions.change_action(pk, actor=request.user, **form.cleaned_data))
    ):
        return redirect(f"{item.review.get_absolute_url()}#action-{pk}")
    return render(request, "reviews/action.html", {"item": item, "form": form}, status=422 if form.errors else 200)


@require_POST
@login_required
def action_step(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    if name not in ActionItem.machine.steps:
        raise Http404
    item = actions.take_action_step(pk, name, actor=request.user, reason=request.POST.get("reason", ""))
    return redirect(f"{item.review.get_absolute_url()}#action-{pk}")


DOORS = {"submit": actions.submit_review, "approve": actions.approve_review}


@require_POST
@login_required
def step(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Submit, approve or send back."""
    if name == "reopen":
        found = actions.reopen_review(pk, actor=request.user, reason=request.POST.get("reason", ""))
    elif name in DOORS:
        found = DOORS[name](pk, actor=request.user)
    else:
        raise Http404
    messages.success(request, f"Review {found.get_state_display().lower()}")
    return redirect(found)


@require_POST
@login_required
def close_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Close the release of a review."""
    release = actions.close_release(_visible(request, pk).release_id, actor=request.user)
    messages.success(request, f"{release} closed")
    return redirect(release)
