"""Waiting for an environment, holding back what waits, and keeping a candidate where it is."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import policy
from deployments import queue as lines
from deployments.actions import progression
from deployments.actions import queue as doors
from deployments.views.asking import asked_for
from deployments.views.finding import the_deployment
from deployments.views.tab import RIGHT, the_release


@require_POST
@login_required
def queue(request: HttpRequest, product: str, version: str, environment: str) -> HttpResponse:
    """Plan a deployment to a taken environment and let it wait its turn."""
    release = the_release(request, product, version)
    target = get_object_or_404(release.product.environments, slug=environment)
    made = doors.queue_deployment(release.pk, target.pk, actor=request.user)
    messages.success(
        request, f"{lines.place(made)} in the queue for {target}\nIt starts by itself when it is its turn."
    )
    return redirect("deployments:tab", release.product.slug, release.version)


@require_POST
@login_required
def join(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a planned deployment wait its turn."""
    row = the_deployment(request, pk)
    made = doors.join_queue(row.pk, actor=request.user)
    messages.success(
        request, f"{lines.place(made)} in the queue for {row.environment}\nIt starts by itself when it is its turn."
    )
    return redirect(row)


@login_required
def hold(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: asks for the reason. POST: holds a waiting deployment back."""
    row = the_deployment(request, pk)
    policy.require(request.user, RIGHT, row)
    asked = {
        "title": f"Hold {row.candidate.version} to {row.environment} back?",
        "text": "It does not start until somebody lets it go. It keeps its place in the queue; others may pass.",
        "submit": "Hold it back",
        "keep": "Go back",
        "back": row.get_absolute_url(),
    }
    return asked_for(
        request,
        asked,
        lambda reason: doors.hold_deployment(row.pk, actor=request.user, reason=reason),
        "Held back\nIt starts once somebody lets it go.",
    )


@require_POST
@login_required
def let_go(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a held deployment start again as it would have."""
    row = the_deployment(request, pk)
    doors.let_go(row.pk, actor=request.user)
    messages.success(request, "Let go")
    return redirect(row)


@login_required
def prevent(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """GET: asks for the reason. POST: keeps the current candidate where it is."""
    return _standstill(
        request,
        the_release(request, product, version),
        progression.PREVENT,
        progression.prevent_progression,
        {
            "title": "Keep {candidate} where it is?",
            "text": "It may go again where it was verified, and enters no phase that it has not reached. What runs goes on.",
            "submit": "Keep it here",
            "keep": "Go back",
            "kind": "danger",
            "reason_hint": "Those who may let it go on will ask. It takes another right than yours.",
        },
        "{candidate} stays where it is\nIts manager and the deployers are told.",
    )


@login_required
def allow(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """GET: asks for the reason. POST: lets the current candidate go on."""
    return _standstill(
        request,
        the_release(request, product, version),
        progression.ALLOW,
        progression.allow_progression,
        {
            "title": "Let {candidate} go on?",
            "text": "Open phases that are deployed to by themselves start at once.",
            "submit": "Let it go on",
            "keep": "Go back",
        },
        "{candidate} may go on",
    )


def _standstill(request, release, right: str, door: Callable, words: dict, done: str) -> HttpResponse:
    if release.candidate is None:
        raise Http404
    policy.require(request.user, right, release)
    candidate = release.candidate
    asked = {name: text.format(candidate=candidate) for name, text in words.items()}
    asked["back"] = reverse("deployments:tab", args=[release.product.slug, release.version])
    return asked_for(
        request,
        asked,
        lambda reason: door(candidate.pk, actor=request.user, reason=reason),
        done.format(candidate=candidate),
    )
