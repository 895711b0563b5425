"""The approvals of one release: who agreed, what was tested, what was exempted; and the page that asks for approval."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts import policy
from approvals import actions, guards, ledger, matching
from approvals.models import Signoff, Waiver
from approvals.states import RequestState, SignoffKind
from approvals.subjects import KINDS
from core import gates, wording
from core.blockers import Refused
from releases import frame
from releases.models import Change, ChangeTemplate, Release
from releases.occurrences import Occurrence
from releases.states import ChangeState, ReleaseState
from releases.views.finding import the_change, the_release

CANDIDATES_SHOWN = 8
TABLES = (*matching.TABLES, "required_table", "freeze_overrides")
PARTS = (*KINDS["release"].parts, *TABLES, "requests__votes__person", "requests__rules")
ANSWERABLE = (RequestState.PENDING, RequestState.SUSPENDED)


@login_required
def tab(request: HttpRequest, product: str, version: str) -> HttpResponse:
    release = the_release(request, product, version)
    prefetch_related_objects([release], *PARTS)
    requests = list(release.requests.with_votes())
    for one in requests:
        one.release = release
    deciding = [r for r in requests if not r.is_retrospective]
    standing = next((r for r in deciding if r.state in (*ANSWERABLE, RequestState.APPROVED)), None)
    current = standing or (deciding[0] if deciding else None)
    afterwards = next((r for r in requests if r.is_retrospective), None)
    user = request.user
    context = frame.of(request, release, "approvals") | {
        "current": current,
        "ledger": ledger.of(current) if current else None,
        "afterwards": afterwards,
        "may_ask_again": policy.may(user, "releases.contribute", release) and not user.is_service,
        "ledger_afterwards": ledger.of(afterwards) if afterwards else None,
        "older": [r for r in requests if r is not current and r is not afterwards],
        "policy_match": matching.match_for(release),
        "may_request": policy.may(user, "releases.manage_release", release) and not user.is_service,
        "asks_again": release.state == ReleaseState.APPROVING and standing is None,
        "may_withdraw": standing is not None and _may_withdraw(user, standing),
        "matrix": matrix(release),
        "waivers": Waiver.objects.filter(signoff__candidate__release=release).select_related(
            "signoff__candidate", "requested_by", "decided_by"
        ),
        "overrides": release.freeze_overrides.select_related("freeze", "requested_by", "decided_by"),
        "freezes": freezes_in_the_way(release),
        "may_ask_override": policy.may(user, "releases.manage_release", release) and not user.is_service,
    }
    return render(request, "approvals/tab.html", context)


def _may_withdraw(user, request) -> bool:
    return user.pk == request.requester_id or policy.may(user, "releases.manage_release", request)


@dataclass(frozen=True)
class Matrix:
    """Candidates, newest first, by kinds of test; `cells[i]` are the sign-offs of candidate i, None where there is none."""

    kinds: list[tuple[str, str, bool]]
    rows: list[tuple[object, list]]


def matrix(release: Release) -> Matrix:
    required = matching.required_kinds(release)
    signoffs = Signoff.objects.filter(candidate__release=release).select_related("signed_by", "reported_by")
    by_place = {(s.candidate_id, s.kind): s for s in signoffs}
    kinds = [k for k in SignoffKind.values if k in required or any(kind == k for _, kind in by_place)]
    rows = [(c, [by_place.get((c.pk, k)) for k in kinds]) for c in release.candidates.all()[:CANDIDATES_SHOWN]]
    return Matrix([(k, SignoffKind(k).label, k in required) for k in kinds], rows)


def freezes_in_the_way(release: Release) -> list[Occurrence]:
    """Of each standing freeze of production the first occurrence that is on now or that the window touches."""
    found = [*guards.frozen_at(release, timezone.now()), *guards.frozen_in_window(release)]
    first = {occurrence.freeze.pk: occurrence for occurrence in reversed(found)}
    return sorted(first.values(), key=lambda occurrence: occurrence.starts_at)


@login_required
def request_release(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """Asks before approval is requested: by which policy, whom, and what is missing still."""
    release = the_release(request, product, version)
    step = "expedite" if release.is_emergency and release.state != ReleaseState.APPROVING else "request_approval"
    policy.require(request.user, Release.machine.steps[step].right, release)
    policy.require_person(request.user)
    refused: list = []
    if request.method == "POST":
        door = actions.expedite_release if step == "expedite" else actions.request_release_approval
        try:
            asked = door(release.pk, actor=request.user)
        except Refused as refusal:
            refused = refusal.blockers
        else:
            messages.success(
                request, f"Approval requested\nThose who can approve it were told; it is open until {_until(asked)}."
            )
            return redirect("approvals:tab", product, version)
    release.asking = request.user
    return _ask_page(request, release, f"release.{step}", step, refused, str(release), guards.tab_url(release))


def _until(asked) -> str:
    return wording.full(asked.due_at)


@login_required
def request_template(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks before a standard change is proposed for the catalogue."""
    template = ChangeTemplate.objects.visible_to(request.user).select_related("product").filter(pk=pk).first()
    if template is None:
        raise Http404
    policy.require(request.user, ChangeTemplate.machine.steps["propose"].right, template)
    policy.require_person(request.user)
    refused: list = []
    if request.method == "POST":
        try:
            asked = actions.request_template_approval(template.pk, actor=request.user)
        except Refused as refusal:
            refused = refusal.blockers
        else:
            messages.success(request, f"Proposed\nIt is open until {_until(asked)}.")
            return redirect(template.get_absolute_url())
    template.asking = request.user
    url = template.get_absolute_url()
    return _ask_page(request, template, "change_template.propose", "propose", refused, str(template), url)


@login_required
def request_change(request: HttpRequest, product: str, key: str) -> HttpResponse:
    """Asks before the authorisation of a change is requested."""
    change = the_change(request, product, key)
    policy.require(request.user, "releases.contribute", change)
    policy.require_person(request.user)
    step = "expedite" if change.state == ChangeState.NEW else "request_authorisation"
    refused: list = []
    if request.method == "POST":
        try:
            asked = actions.request_change_authorisation(change.pk, actor=request.user)
        except Refused as refusal:
            refused = refusal.blockers
        else:
            messages.success(request, f"Authorisation requested\nIt is open until {_until(asked)}.")
            return redirect(guards.subject_url(change))
    change.asking = request.user
    return _ask_page(request, change, f"change.{step}", step, refused, str(change), guards.subject_url(change))


def _ask_page(
    request, subject: Release | Change, key: str, step_name: str, refused: list, title: str, back: str
) -> HttpResponse:
    step = type(subject).machine.steps[step_name]
    answers = gates.answers(key, step.gates, subject)
    found = matching.match_for(subject)
    rules = found.rules if found else []
    people = matching.eligible(subject, rules, request.user.pk, found or matching.NO_EXCEPTIONS)
    context = {
        "title": title,
        "back": back,
        "step": step,
        "answers": answers,
        "blockers": [b for a in answers for b in a.blockers],
        "refused": refused,
        "policy_match": found,
        "voters": [(r, sorted(people[r.who].values(), key=lambda u: u.name)) for r in rules],
    }
    return render(request, "approvals/request.html", context, status=409 if refused else 200)
