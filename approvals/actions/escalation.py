"""Doors of the escalation clock: each step of a rule is recorded once, and people are told of the record."""

from django.utils import timezone

from accounts import hours
from accounts.actions import system_user
from approvals import escalation
from approvals.actions import parts
from approvals.models import ApprovalRequest, RequestRule
from core.events import record

NAMES = {
    escalation.REMINDER: "request.reminded",
    escalation.REMINDER_AGAIN: "request.reminded_again",
    escalation.ESCALATION: "request.escalated",
}


def escalate_due() -> int:
    """Take every step of the clocks of running requests that is due now. Returns how many. Harmless to repeat."""
    return sum(take_steps(pk) for pk in escalation.due_requests())


def take_steps(request_id: int) -> int:
    """Take the steps that are due for the rules of one request. Returns how many; two at once take each step once.

    Raises ApprovalRequest.DoesNotExist.
    """
    with parts.locked_request(request_id) as request:
        now, people = timezone.now(), escalation.people_of(request)
        calendars = hours.calendars({pk for ids in people.values() for pk in ids})
        taken = 0
        for rule in escalation.running(request):
            own = [calendars[pk] for pk in people.get(rule.who, ())]
            for kind in escalation.due_steps(rule, own, now, retrospective=request.is_retrospective):
                _take(request, rule, kind, now)
                taken += 1
    return taken


def _take(request: ApprovalRequest, rule: RequestRule, kind: str, now) -> None:
    """Stamp the rule, the steps before it included, and record it with those whom it concerns."""
    if kind == escalation.ESCALATION:
        rule.escalated_at = now
        people = escalation.leads(request, rule.who)
    else:
        rule.reminded_at = rule.reminded_at or now
        request.reminded_at = now
        if kind == escalation.REMINDER_AGAIN:
            rule.reminded_again_at = now
        people = escalation.helpers(request, rule.who).reachable
    rule.save()
    request.save()
    told = {"rule": rule.who, "label": rule.label, "due_at": rule.due_at, "overdue": rule.due_at <= now}
    record(NAMES[kind], request, actor=system_user(), people=sorted(u.pk for u in people), **told)
