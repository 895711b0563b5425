"""Instants that have passed, or have not yet."""

from django.utils import timezone

from core import wording
from core.blockers import Blocker


def expiry_past(exemption) -> list[Blocker]:
    """For waivers and overrides: they must end in the future to be granted."""
    if exemption.expires_at > timezone.now():
        return []
    return [
        Blocker("expiry-past", f"It would have ended {wording.full(exemption.expires_at)}.", field="expires_at"),
    ]


def instant_past(subject) -> list[Blocker]:
    """Of something that is asked for until an instant: a vote on it comes too late afterwards."""
    return expiry_past(subject) if hasattr(subject, "expires_at") else []


def not_overdue(request) -> list[Blocker]:
    if request.due_at <= timezone.now():
        return []
    return [Blocker("not-overdue", f"It is open until {wording.full(request.due_at)}.")]
