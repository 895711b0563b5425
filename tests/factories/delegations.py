"""Delegations and rows of the approval clock."""

from datetime import timedelta

from django.utils import timezone

from approvals.models import ApprovalRequest, Delegation


def delegation(person, stand_in, **fields) -> Delegation:
    """A delegation of everything that has begun and goes on for a week, made without asking who may."""
    now = timezone.now()
    defaults = {"starts_at": now - timedelta(minutes=1), "ends_at": now + timedelta(days=7), "created_by": person}
    return Delegation.objects.create(person=person, stand_in=stand_in, **(defaults | fields))


def running_since(request: ApprovalRequest, hours_ago: float, hours: float, clock: str = "always", **stamps) -> None:
    """Let the rules of a request run since `hours_ago`, for `hours` in all, of plain time."""
    opened = timezone.now() - timedelta(hours=hours_ago)
    due_at = opened + timedelta(hours=hours)
    request.rules.update(opened_at=opened, due_at=due_at, clock=clock, **stamps)
    ApprovalRequest.objects.filter(pk=request.pk).update(due_at=due_at, opened_at=opened)
