"""When a deployment starts by itself: planned for a time, and moved to another one."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts import policy
from core.forms import knock
from core.wording import full
from deployments import bookings
from deployments.actions import deployment as doors
from deployments.actions.schedule import MOVABLE, move_deployment
from deployments.forms import ScheduleForm
from deployments.models import Deployment
from deployments.views.finding import the_deployment
from deployments.views.tab import RIGHT, the_release
from releases import conflicts, frame, slots
from releases.conflicts import Wish
from releases.forms.slot import with_slot
from releases.models import Environment, Release
from releases.planning import Outlook, told

FORM_ID = "schedule-form"


@login_required
def plan(request: HttpRequest, product: str, version: str, environment: str) -> HttpResponse:
    """Plan a deployment, to start by itself at an instant or by hand."""
    release = the_release(request, product, version)
    target = get_object_or_404(release.product.environments, slug=environment)
    policy.require(request.user, RIGHT, release)
    if release.candidate is None:
        raise Http404
    form = ScheduleForm(_typed(request), initial={"minutes": bookings.usual_minutes(target)})
    if _is_live(request):
        return _live(request, release, target)
    if _is_sent(request, form):
        times = form.times
        made = knock(form, lambda: doors.plan_deployment(release.pk, target.pk, actor=request.user, **times))
        if made:
            at = times["scheduled_for"]
            then = f"\n{target} is booked. It starts by itself if its gates are clear then." if at else ""
            messages.success(request, f"Deployment planned{then}")
            return redirect(made)
    return _page(request, form, release, target, None)


@login_required
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a deployment that waits another time; without one, somebody starts it by hand."""
    row = the_deployment(request, pk)
    policy.require(request.user, RIGHT, row)
    if row.state not in MOVABLE:
        raise Http404
    target = row.environment
    minutes = bookings.minutes_of(row) or bookings.usual_minutes(target)
    form = ScheduleForm(_typed(request), initial={"scheduled_for": row.scheduled_for, "minutes": minutes})
    if _is_live(request):
        return _live(request, row.release, target, row)
    if _is_sent(request, form):
        moved = knock(form, lambda: move_deployment(row.pk, actor=request.user, **form.times))
        if moved:
            at = moved.scheduled_for
            messages.success(request, f"Moved to {full(at)}" if at else "It starts when somebody starts it")
            return redirect(moved)
    return _page(request, form, row.release, target, row)


def _typed(request: HttpRequest):
    return with_slot(request.POST, "scheduled_for") if request.method == "POST" else None


def _is_sent(request: HttpRequest, form: ScheduleForm) -> bool:
    return request.method == "POST" and "slot" not in request.POST and form.is_valid()


def _is_live(request: HttpRequest) -> bool:
    return bool(request.htmx) and request.GET.get("show") == "outlook"


def _live(request: HttpRequest, release: Release, target: Environment, row: Deployment | None = None) -> HttpResponse:
    """The conflicts and slots of what stands in the form, as it is being typed."""
    found = _outlook(request, ScheduleForm(request.GET), release, target, row)
    return render(request, "releases/_outlook.html", {"outlook": found, "form_id": FORM_ID})


def _page(
    request: HttpRequest, form: ScheduleForm, release: Release, target: Environment, row: Deployment | None
) -> HttpResponse:
    context = frame.of(request, release, "deployments") | {
        "form": form,
        "environment": target,
        "deployment": row,
        "outlook": _outlook(request, form, release, target, row),
        "outlook_url": f"{request.path}?show=outlook",
        "form_id": FORM_ID,
        "windows": target.windows.all(),
    }
    refused = form.errors and "slot" not in request.POST
    return render(request, "deployments/plan.html", context, status=422 if refused else 200)


def _outlook(
    request: HttpRequest, form: ScheduleForm, release: Release, target: Environment, row: Deployment | None
) -> Outlook:
    at, minutes = _shown(form)
    deployment = row.pk if row else None
    free = slots.next_free(release, timedelta(minutes=minutes), environment=target, deployment=deployment)
    if at is None:
        return Outlook([], free)
    found = conflicts.find(Wish(release, *bookings.span_of(at, minutes), target, deployment))
    return Outlook(told(found, request.user), free)


def _shown(form: ScheduleForm) -> tuple[datetime | None, int]:
    """The time and the minutes that stand in the form, as far as they can be read."""
    if not form.is_bound:
        return form.initial.get("scheduled_for"), form.initial.get("minutes") or bookings.USUAL_MINUTES
    form.is_valid()
    return form.cleaned_data.get("scheduled_for"), form.cleaned_data.get("minutes") or bookings.USUAL_MINUTES
