"""Opening a request: the rules of the matching rows and the sheet are copied into it. Takes locked subjects."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from approvals import matching, sheet, tally
from approvals.actions import parts, sheets
from approvals.models import ApprovalRequest, Policy, RequestRule, ShadowRun
from approvals.states import Clock, Purpose
from approvals.subjects import facts_of, kind_of
from core import wording
from core.events import record


def open_request(
    subject, match: matching.Match, actor: User, *, purpose: str = Purpose.DECIDE, hours: int | None = None
) -> ApprovalRequest:
    """Open the request of a locked subject under the rules of `match`. `hours`, plain ones, replace the deadline of every rule."""
    live, now, facts = sheet.of(subject), timezone.now(), facts_of(subject)
    request = ApprovalRequest(
        kind=kind_of(subject).name,
        purpose=purpose,
        product_id=facts.product,
        policy=match.policy,
        row_names=match.names,
        facts=facts.as_dict(),
        allow_bulk=match.allow_bulk,
        count_requester=match.count_requester,
        count_author=match.count_author,
        afterwards=[] if purpose == Purpose.RETROSPECTIVE else match.afterwards,
        requester=actor,
        opened_at=now,
        deadline_hours=hours or match.deadline_hours,
        due_at=now + timedelta(hours=hours or match.deadline_hours),
        sheet=live.content,
        digests=live.digests,
        digest=live.digest,
    )
    parts.bind(request, subject)
    request.save()
    for rule in match.rules:
        RequestRule.objects.create(
            request=request,
            who=rule.who,
            label=rule.label,
            need=rule.need,
            veto=rule.veto,
            stage=rule.stage,
            facets=rule.facets,
            deadline_hours=hours or rule.deadline_hours,
            clock=Clock.ALWAYS if hours else rule.clock,
        )
    sheets.freeze_sheet(request, live)
    sheets.reach_stage(request, tally.count(request, live.digests), now)
    _note_shadows(request, facts)
    told = {"policy": wording.listed(match.names), "rules": [r.as_dict() for r in match.rules], "digest": live.digest}
    record("request.opened", request, actor=actor, purpose=purpose, due_at=request.due_at, **told)
    return request


def _note_shadows(request: ApprovalRequest, facts) -> None:
    """Note what each policy in shadow would have asked. It changes nothing for the request."""
    for policy in Policy.objects.in_shadow().filter(subject=request.kind).prefetch_related("rows__rules"):
        found = matching.match(policy.rows.all(), policy.mode, facts)
        ShadowRun.objects.create(
            policy=policy,
            request=request,
            row_names=found.names if found else [],
            rules=[r.as_dict() for r in found.rules] if found else [],
        )


def open_afterwards(request: ApprovalRequest) -> ApprovalRequest | None:
    """Open the retrospective request that an approved one owes; None where it owes none, or it is open already."""
    subject = request.subject
    if not request.afterwards or subject.requests.retrospective().standing().exists():
        return None
    names = dict(request.afterwards)
    rows = request.policy.rows.filter(name__in=names).prefetch_related("rules").select_related("policy")
    rows = matching.in_order(rows)
    if not rows:
        return None
    match = matching.Match(rows, matching.side_by_side(rows))
    return open_request(subject, match, request.requester, purpose=Purpose.RETROSPECTIVE, hours=min(names.values()))
