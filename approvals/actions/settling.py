"""Letting votes decide: a request is approved or rejected, and its subject moves on. Takes locked rows."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from approvals import matching, sheet, tally
from approvals.actions import opening, outcomes, parts, sheets
from approvals.models import ApprovalRequest
from approvals.states import RequestState, Verdict
from core.events import record

# A retrospective approval does not run out: whoever is away is waited for.
NEVER = timedelta(days=3 * 366)


def settle_locked(request: ApprovalRequest, actor: User) -> None:
    """Approve or reject a pending request when its votes decide it; then let its subject move on if nothing else blocks."""
    if request.state == RequestState.PENDING:
        _decide(request, actor)
    if request.state == RequestState.APPROVED and not request.is_retrospective:
        with parts.standing_alone(request):
            outcomes.of(request).approved(request, actor)


def _decide(request: ApprovalRequest, actor: User) -> None:
    live = sheet.of(request.subject)
    counted = tally.count(request, live.digests)
    if counted.met:
        request.approve()
        request.save()
        by_rule = {r.rule.who: [v.pk for v in r.votes] for r in counted.rules}
        record("request.approved", request, actor=actor, votes=by_rule, digest=live.digest)
        opening.open_afterwards(request)
        return
    rejection = _decisive_rejection(request)
    if rejection:
        reject_locked(request, actor, rejection)
    else:
        sheets.reach_stage(request, counted)


def _decisive_rejection(request: ApprovalRequest) -> str:
    """Why the request has failed: a veto, or rules that can no longer be met; "" while it can still be approved."""
    rejections = [v for v in tally.cast(request) if v.verdict == Verdict.REJECT]
    vetoes = {r.who for r in request.rules.all() if r.veto}
    for vote in rejections:
        if vetoes & set(vote.counts_for):
            return f"{vote.person.name} rejected it: {vote.comment}"
    if not rejections:
        return ""
    if can_still_be_met(request):
        return ""
    return f"Too few are left who could approve. {rejections[-1].person.name} rejected it: {rejections[-1].comment}"


def can_still_be_met(request: ApprovalRequest) -> bool:
    """Whether those who are left, and not away until the end, could still approve; stand-ins counted."""
    rules, now = list(request.rules.all()), timezone.now()
    until = now + NEVER if request.is_retrospective else matching.horizon(rules, now)
    return tally.reachable(request, matching.seats(request.subject, rules, request.requester_id, request, until=until))


def reject_locked(request: ApprovalRequest, actor: User, reason: str) -> None:
    request.reject()
    request.save()
    record("request.rejected", request, actor=actor, reason=reason)
    if not request.is_retrospective:
        outcomes.of(request).rejected(request, actor, reason)
