"""Waivers and freeze overrides: asked for on one page, decided on another."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy
from approvals import actions, guards, reading
from approvals.forms import ConflictOverrideForm, DecideForm, OverrideForm
from approvals.models import FreezeOverride, Waiver
from approvals.views.release import freezes_in_the_way
from core.forms import knock
from releases.models import FreezeWindow
from releases.views.finding import the_release


@login_required
def waiver(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Waiver.objects.visible_to(request.user).select_related(
        "signoff__candidate__release__product", "requested_by", "decided_by"
    )
    found = _or_404(rows, pk)
    release = found.signoff.candidate.release
    context = {
        "title": f"Waive the {found.signoff.get_kind_display()} tests of {release} {found.signoff.candidate.short}?",
        "what": "It ships without this test until then; after that the test is required again.",
        "back": guards.signoff_url(release, found.signoff.kind),
        "subject": release,
        "icon_name": "waive",
    }
    return _decide(request, found, actions.decide_waiver, actions.finish_follow_up, context)


@login_required
def override(request: HttpRequest, pk: int) -> HttpResponse:
    rows = FreezeOverride.objects.visible_to(request.user).select_related(
        "release__product", "freeze", "requested_by", "decided_by"
    )
    found = _or_404(rows, pk)
    context = {
        "title": f"Let {found.release} {'through' if found.freeze_id else 'ship in spite of'} {found.what}?",
        "what": f"{found.words} It may start all the same until then. Nothing ships by this decision alone.".strip(),
        "back": guards.tab_url(found.release) + "#overrides",
        "subject": found.release,
        "icon_name": "freeze",
    }
    return _decide(request, found, actions.decide_override, actions.finish_override_follow_up, context)


def _or_404(rows, pk: int):
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _decide(request: HttpRequest, found, door, finish, context: dict) -> HttpResponse:
    """POST `decision`: grant or refuse; or done, when what was promised for afterwards is."""
    form = DecideForm(request.POST or None)
    if request.POST.get("decision") == "done":
        if knock(form, partial(finish, found.pk, actor=request.user)):
            messages.success(request, "Noted\nWhat was promised is done.")
            return redirect(request.path)
    elif request.method == "POST" and form.is_valid():
        grant = request.POST.get("decision") == "grant"
        made = knock(
            form, partial(door, found.pk, actor=request.user, grant=grant, comment=form.cleaned_data["comment"])
        )
        if made:
            messages.success(request, "Granted" if grant else "Refused")
            return redirect(context["back"])
    context |= {
        "form": form,
        "it": found,
        "open": found.state == "requested",
        "only": _only(request.user, found),
        "may_finish": bool(found.follow_up) and policy.may(request.user, "releases.comment", found),
    }
    return render(request, "approvals/exemption.html", context, status=422 if form.errors else 200)


def _only(user, found) -> str:
    asked = found.requests.deciding().order_by("-pk").first()
    return reading.why_not(reading.loaded(asked.pk), user) if asked else "Nobody is asked about this any more."


@login_required
def override_conflict(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """Asks to ship a release in spite of a conflict that needs an override. `?about=<its name>` says which."""
    release = the_release(request, product, version)
    policy.require(request.user, "releases.manage_release", release)
    found = {c.about: c for c in actions.conflicts_to_override(release, request.GET.get("about", ""))}
    form = ConflictOverrideForm(
        request.POST or None,
        conflicts=found,
        initial={"about": request.GET.get("about"), "expires_at": release.window_ends_at},
    )
    if request.method == "POST" and form.is_valid():
        made = knock(
            form, partial(actions.request_conflict_override, release.pk, actor=request.user, **form.cleaned_data)
        )
        if made:
            messages.success(request, "Override requested\nA second person decides.")
            return redirect(guards.tab_url(release) + "#overrides")
    context = {
        "form": form,
        "release": release,
        "back": guards.tab_url(release) + "#overrides",
        "any": bool(found),
        "conflict": True,
    }
    return render(request, "approvals/override_new.html", context, status=422 if form.errors else 200)


@login_required
def override_new(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """Asks to ship a release during a freeze that stands in its way. `?about=<its name>` adds one that a deployment may meet."""
    release = the_release(request, product, version)
    policy.require(request.user, "releases.manage_release", release)
    ids = {o.freeze.pk for o in freezes_in_the_way(release)} | set(
        actions.freezes_to_override(release, request.GET.get("about", ""))
    )
    freezes = FreezeWindow.objects.filter(pk__in=ids)
    form = OverrideForm(request.POST or None, freezes=freezes, initial={"expires_at": release.window_ends_at})
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        freeze = data.pop("freeze")
        made = knock(form, partial(actions.request_override, release.pk, freeze.pk, actor=request.user, **data))
        if made:
            messages.success(request, "Override requested\nA second person decides.")
            return redirect(guards.tab_url(release) + "#overrides")
    context = {
        "form": form,
        "release": release,
        "back": guards.tab_url(release) + "#overrides",
        "any": freezes.exists(),
    }
    return render(request, "approvals/override_new.html", context, status=422 if form.errors else 200)
