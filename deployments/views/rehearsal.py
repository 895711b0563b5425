"""The pages that try the way back before production, and that agree to a rollback after it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts import policy
from core.forms import knock
from deployments import pipeline, way_back, where
from deployments.actions import confirmation as confirming
from deployments.actions import rehearsal as doors
from deployments.forms import ConfirmationForm
from deployments.views.finding import the_deployment
from deployments.views.tab import RIGHT, the_release
from releases import frame
from releases.phases import minutes


@login_required
def rehearse(request: HttpRequest, product: str, version: str, environment: str) -> HttpResponse:
    """GET: what would be called, from which version to which, and what stands in the way. POST: goes there."""
    release = the_release(request, product, version)
    place = get_object_or_404(release.product.environments, slug=environment)
    place.product = release.product
    if request.method == "POST":
        made = doors.rehearse(release.pk, place.pk, actor=request.user)
        messages.success(request, "Rehearsal started\nThe candidate is deployed again by itself once it is through.")
        return redirect(made)
    running = where.running_in(place)
    standing = running and running.deployment
    context = frame.of(request, release, "rollback") | {
        "environment": place,
        "way": way_back.of(release, place, standing if standing and standing.release_id == release.pk else None),
        "soak_lost": _soak_lost(release, place),
        "blockers": doors.in_the_way(release, place, running),
        "only": "" if policy.may(request.user, RIGHT, release) else policy.refusal_text(RIGHT),
    }
    return render(request, "deployments/rehearse.html", context)


@login_required
def way_back_of(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """How the release would be undone in production, how fresh its rehearsal is, and where it can be rehearsed.

    The rollback tab fetches it as a partial; without script it is a page.
    """
    release = the_release(request, product, version)
    context = {
        "release": release,
        "product": release.product,
        "ways": way_back.in_production(release),
        "rehearsal": way_back.rehearsal_of(release),
        "demanded": way_back.is_demanded(release),
        "place": way_back.place_to_rehearse(release),
        "may": policy.may(request.user, RIGHT, release),
    }
    if request.htmx:
        return render(request, "deployments/_way_back_panels.html", context)
    return render(request, "deployments/way_back.html", frame.of(request, release, "rollback") | context)


def _soak_lost(release, place) -> str:
    """The length of a soak that is not over and would begin anew after the rehearsal; "" where nothing is lost."""
    phase = pipeline.of(release).of(place)
    standing = next(s for s in phase.standings if s.environment.pk == place.pk)
    return minutes(phase.group.soak_minutes) if standing.counts and standing.soaked_at > timezone.now() else ""


@login_required
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Agree to a rollback afterwards. GET: what happened, and a field for what was looked at. POST: agrees."""
    row = the_deployment(request, pk)
    policy.require(request.user, confirming.RIGHT, row)
    form = ConfirmationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        comment = form.cleaned_data["comment"]
        if knock(form, lambda: confirming.confirm_rollback(row.pk, actor=request.user, comment=comment)):
            messages.success(request, "Rollback confirmed\nYour name and words stand in the record.")
            return redirect(row)
    context = {"deployment": row, "form": form, "only": confirming.refusal(request.user, row)}
    return render(request, "deployments/confirm.html", context, status=422 if form.errors else 200)
