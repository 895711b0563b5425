"""One kind of test on one release: its verdict, its evidence, its signature, its waiver."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts import policy
from approvals import actions, matching
from approvals.forms import ReportForm, VerdictForm, WaiverForm
from approvals.models import Evidence, Signoff, Waiver
from approvals.states import GrantState, SignoffKind, SignoffState
from core import machine
from core.forms import knock
from releases import frame
from releases.models import Candidate, Release
from releases.views.finding import the_release

RIGHT = "releases.sign_off_tests"


@login_required
def signoff(request: HttpRequest, product: str, version: str, kind: str) -> HttpResponse:
    """GET: the page. POST: one of its forms, named by `do`: report, verdict, waiver, sign."""
    release = the_release(request, product, version)
    if kind not in SignoffKind.values:
        raise Http404
    forms = {"report": ReportForm(), "verdict": VerdictForm(), "waiver": WaiverForm()}
    if request.method == "POST":
        done = _act(request, release, kind, forms)
        if done:
            messages.success(request, done)
            return redirect(request.path)
    failed = any(form.errors for form in forms.values())
    return render(
        request, "approvals/signoff.html", _context(request, release, kind, forms), status=422 if failed else 200
    )


def _act(request: HttpRequest, release: Release, kind: str, forms: dict) -> str:
    """Knock at the door that the form names. What to say when it opened, "" when it did not."""
    do = request.POST.get("do")
    candidate = _candidate_shown(request, release)
    if do == "sign":
        made = actions.sign_off(_signoff_of(candidate, kind).pk, actor=request.user)
        return f"{made.get_kind_display()} tests signed off\nYour name stands under {candidate.version}."
    if do == "report":
        return _report(request, candidate, kind, forms)
    if do == "verdict":
        return _verdict(request, candidate, kind, forms)
    if do == "waiver":
        return _waiver(request, candidate, kind, forms)
    raise Http404


def _candidate_shown(request: HttpRequest, release: Release) -> Candidate:
    """The candidate that the page showed: a verdict must not slip to a newer one that arrived meanwhile."""
    shown = request.POST.get("candidate", "")
    found = release.candidates.filter(pk=int(shown)).first() if shown.isdecimal() else release.candidate
    if found is None:
        raise Http404
    return found


def _signoff_of(candidate: Candidate, kind: str) -> Signoff:
    return Signoff.objects.get(candidate=candidate, kind=kind)


def _report(request: HttpRequest, candidate: Candidate, kind: str, forms: dict) -> str:
    forms["report"] = form = ReportForm(request.POST, request.FILES)
    if not form.is_valid():
        return ""
    file = form.cleaned_data["file"]
    made = knock(form, partial(actions.attach_report, candidate.pk, kind, file, file.name, actor=request.user))
    return f"Report read: {made.get_state_display().lower()}\n{made.summary}" if made else ""


def _verdict(request: HttpRequest, candidate: Candidate, kind: str, forms: dict) -> str:
    forms["verdict"] = form = VerdictForm(request.POST)
    if not form.is_valid():
        return ""
    made = knock(form, partial(actions.report_verdict, candidate.pk, kind, actor=request.user, **form.cleaned_data))
    return f"Verdict noted: {made.get_state_display().lower()}" if made else ""


def _waiver(request: HttpRequest, candidate: Candidate, kind: str, forms: dict) -> str:
    forms["waiver"] = form = WaiverForm(request.POST)
    if not form.is_valid():
        return ""
    made = knock(form, partial(actions.request_waiver, candidate.pk, kind, actor=request.user, **form.cleaned_data))
    return "Waiver requested\nA second person decides." if made else ""


def _context(request: HttpRequest, release: Release, kind: str, forms: dict) -> dict:
    user, current = request.user, None
    rows = Signoff.objects.filter(candidate__release=release, kind=kind)
    signoffs = list(
        rows.select_related("candidate", "signed_by", "reported_by")
        .prefetch_related("evidence__added_by")
        .order_by("-candidate__number")
    )
    current = next((s for s in signoffs if s.candidate_id == release.candidate_id), None)
    for one in signoffs:
        one.candidate.release = release
    may = policy.may(user, RIGHT, release)
    offer = None
    if current and current.state == SignoffState.PASSED:
        offer = next(
            o for o in machine.offers(current, lambda right: may and not user.is_service) if o.name == "sign_off"
        )
    waivers = Waiver.objects.filter(signoff__candidate__release=release, signoff__kind=kind)
    return frame.of(request, release, "approvals") | {
        "kind": kind,
        "label": SignoffKind(kind).label,
        "current": current,
        "older": [s for s in signoffs if s is not current],
        "required": kind in matching.required_kinds(release),
        "forms": forms,
        "form": next((f for f in forms.values() if f.errors), forms["verdict"]),
        "may_report": may,
        "offer": offer,
        "only_signs": policy.refusal_text(RIGHT) if not may else "Service accounts may report, never sign.",
        "waivers": waivers.select_related("signoff__candidate", "requested_by", "decided_by"),
        "may_waive": not user.is_service and (may or policy.may(user, "releases.manage_release", release)),
        "waivable": _waivable(current, waivers),
    }


def _waivable(current: Signoff | None, waivers) -> bool:
    settled = (SignoffState.PASSED, SignoffState.SIGNED_OFF, SignoffState.WAIVED)
    if current is not None and current.state in settled:
        return False
    standing = (GrantState.REQUESTED, GrantState.GRANTED)
    return not any(w.state in standing and current and w.signoff_id == current.pk for w in waivers)


@require_safe
@login_required
def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """The stored file, to download and never to show: it came from outside."""
    found = Evidence.objects.visible_to(request.user).filter(pk=pk).exclude(file="").first()
    if found is None:
        raise Http404
    response = FileResponse(
        found.file.open("rb"), as_attachment=True, filename=found.filename, content_type="application/octet-stream"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response
