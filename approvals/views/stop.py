"""Asking to lift a stop. Stopping is a click; resuming takes the quorum."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy
from approvals import actions, guards, matching
from approvals.actions.lift import MODELS
from approvals.forms import ReasonForm
from approvals.models import Lift
from approvals.subjects import lift as of_lift
from core.blockers import Blocker
from core.forms import knock
from releases.models import Product

RIGHT = "releases.block_release"


@login_required
def lift(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """`/stops/<kind>/<id>/lift/`: says who decides and asks for the reason. Asked for already: goes to that request."""
    stopped = _stopped(request, kind, pk)
    standing = Lift.objects.requested().filter(**{_field(stopped): stopped}).first()
    if standing:
        return redirect("portal:inbox_item", standing.requests.latest("pk").pk)
    wish = Lift(**{_field(stopped): stopped}, stopped_because=stopped.blocked_reason, requested_by=request.user)
    wish.asking = request.user
    blockers = _blockers(request, wish)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = knock(form, partial(actions.request_lift, kind, pk, actor=request.user, **form.cleaned_data))
        if made:
            messages.success(request, "Asked for\nThose who can agree were told. Until they do, the stop holds.")
            return redirect(of_lift.url(made))
    context = {
        "title": f"Lift the stop of {stopped}?",
        "text": _text(stopped, wish),
        "submit": "Ask to lift it",
        "keep": "Leave it stopped",
        "back": of_lift.url(wish),
        "form": form,
        "blockers": blockers,
    }
    return render(request, "confirm.html", context, status=422 if form.errors else 200)


def _stopped(request: HttpRequest, kind: str, pk: int):
    """What is stopped, in the reader's sight. Raises Http404."""
    model = MODELS[kind]
    rows = model.objects.all() if model is Product else model.objects.select_related("product")
    found = rows.filter(pk=pk).first()
    if found is None or not policy.may(request.user, "releases.view_product", found):
        raise Http404
    return found


def _field(stopped) -> str:
    return {"release": "release", "product": "stopped_product", "environment": "environment"}[stopped._meta.model_name]


def _blockers(request: HttpRequest, wish: Lift) -> list[Blocker]:
    """The reasons that the door would give."""
    if request.user.is_service:
        return [Blocker("service", "Service accounts may report and enact, never sign.")]
    if not policy.may(request.user, RIGHT, wish.stopped):
        return [Blocker("forbidden", policy.refusal_text(RIGHT))]
    if not wish.stopped.is_blocked:
        return [Blocker("not-blocked", f"{wish.stopped} is not blocked.")]
    return guards.policy_unmet(wish)


def _text(stopped, wish: Lift) -> str:
    if not stopped.is_blocked:
        return ""
    who = f"{stopped.blocked_by.name} stopped it" if stopped.blocked_by else "It was stopped"
    found = matching.match_for(wish)
    decides = (
        f" {' and '.join(f'{r.need} of {r.label}' for r in found.rules)} must agree; you do not count." if found else ""
    )
    return f"{who}: {stopped.blocked_reason}{decides}"
