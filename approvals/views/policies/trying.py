"""Trying a version before it holds: on one subject, over the past, and beside what holds now."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from approvals import actions, replay, trial
from approvals.models import ApprovalRequest, Policy
from approvals.policy_forms import FactsForm
from approvals.subjects import kind_of
from approvals.views.policies.frame import page, require_editor, the_policy
from core.blockers import Refused
from releases.models import Product


@require_safe
@login_required
def attempt(request: HttpRequest, pk: int) -> HttpResponse:
    """`?request=<id>`, `?live=<id>` or `?facts=1&…`: a version on it; `?q=` searches what can be chosen."""
    policy = the_policy(request, pk)
    words = request.GET.get("q", "").replace("\0", "")[:100]
    by_hand = "facts" in request.GET
    products = Product.objects.visible_to(request.user).order_by("name")
    form = FactsForm(request.GET if by_hand else None, products=products, subject=policy.subject)
    tried, about = _tried(request, policy, form)
    context = {
        "q": words,
        "by_hand": by_hand,
        "form": form,
        "tried": tried,
        "about": about,
        "about_url": _address(about),
        "past": trial.past_requests(request.user, policy.subject, words),
        "live": trial.live_subjects(request.user, policy.subject, words),
    }
    return page(request, policy, "policy_try", status=422 if by_hand and form.errors else 200, **context)


def _tried(request: HttpRequest, policy: Policy, form: FactsForm) -> tuple[trial.Trial | None, object]:
    """(the trial that the address asks for, what it is about); (None, None) while nothing is chosen."""
    if form.is_bound:
        if not form.is_valid():
            return None, None
        return trial.of_facts(policy, form.facts(policy.subject), form.cleaned_data["on"]), None
    if "request" in request.GET:
        rows = ApprovalRequest.objects.visible_to(request.user).filter(kind=policy.subject).with_subjects()
        asked = rows.filter(pk=_id(request, "request")).first()
        if asked is None:
            raise Http404
        return trial.of_request(policy, asked), asked
    if "live" in request.GET:
        try:
            subject = trial.live_subject(request.user, policy.subject, _id(request, "live"))
        except (LookupError, trial.LIVE.get(policy.subject, Policy).DoesNotExist):
            raise Http404 from None
        return trial.of_subject(policy, subject), subject
    return None, None


def _address(about) -> str:
    """Where to read on about what is tried; "" for facts by hand."""
    if about is None:
        return ""
    subject = about.subject if isinstance(about, ApprovalRequest) else about
    return kind_of(subject).url(subject)


def _id(request: HttpRequest, name: str) -> int:
    value = request.GET[name]
    if not (value.isascii() and value.isdecimal() and len(value) < 18):
        raise Http404
    return int(value)


@require_safe
@login_required
def over_the_past(request: HttpRequest, pk: int) -> HttpResponse:
    """`?last=10|50|200`: what a version would have done to the closed requests of its kind."""
    policy = the_policy(request, pk)
    last = request.GET.get("last", "")
    size = int(last) if last in {str(n) for n in replay.SIZES} else replay.SIZES[0]
    shown = _shown(request.GET.get("show", ""))
    found = replay.run(policy, request.user, size)
    return page(request, policy, "policy_replay", size=size, sizes=replay.SIZES, found=found, **_cut(found, shown))


def _shown(word: str) -> str:
    return word if word in {ending.value for ending in replay.Ending} else ""


def _cut(found: replay.Replay, shown: str) -> dict:
    return {"shown": shown, "rows": [row for row in found.rows if not shown or row.ending == shown]}


@login_required
def shadow(request: HttpRequest, pk: int) -> HttpResponse:
    """What a version in shadow noted. POST `on` "yes" or "no": start it or stop it."""
    policy = the_policy(request, pk)
    refused = []
    if request.method == "POST":
        require_editor(request)
        on = request.POST.get("on") == "yes"
        try:
            actions.set_shadow(pk, actor=request.user, on=on)
        except Refused as refusal:
            refused = refusal.blockers
        else:
            said = "It notes what it would ask of new requests; it decides nothing." if on else "What it noted is kept."
            messages.success(request, f"Shadow {'started' if on else 'stopped'}\n{said}")
            return redirect("approvals:policy_shadow", pk)
    found = replay.shadow(policy, request.user)
    context = {"found": found, "refused_by": refused} | _cut(found, _shown(request.GET.get("show", "")))
    return page(request, policy, "policy_shadow", status=409 if refused else 200, **context)
