"""Whose place a person may fill in a request: their own, or that of somebody who delegated it to them."""

from dataclasses import dataclass

from accounts.models import User
from approvals import matching, tally
from approvals.models import ApprovalRequest, Delegation
from approvals.subjects import kind_of
from core.blockers import Blocker


@dataclass(frozen=True)
class Place:
    """A place in a request: whose it is, the rules that it could fill, and by which delegation (None for one's own)."""

    seat: User
    rules: list[str]
    delegation: Delegation | None = None


def barred(request: ApprovalRequest, user: User) -> Blocker | None:
    """Why a person never counts here; None when they may."""
    if user.pk == request.requester_id and not request.count_requester:
        return Blocker("requester-never-counts", "You asked for this approval, so your vote does not count.")
    if user.pk in kind_of(request.subject).authors(request.subject) and not request.count_author:
        return Blocker("author-never-counts", "You wrote what is to be approved, so your vote does not count.")
    return None


def of(request: ApprovalRequest, user: User, seats: matching.Seats | None = None) -> tuple[Place | None, list[Place]]:
    """(their own place, the places they could fill for others). Whoever has a place of their own fills no other's."""
    seats = seats or matching.seats(request.subject, request.rules.all(), request.requester_id, request)
    if user.pk in seats.entitled:
        return Place(user, seats.rules_of(user.pk)), []
    found = [Place(d.person, seats.rules_of(d.person_id, d.who), d) for d in seats.stand_ins.get(user.pk, [])]
    taken = {v.seat_id for v in tally.cast(request) if v.person_id != user.pk}
    found = [p for p in found if p.rules]
    return None, sorted(found, key=lambda p: (p.seat.pk in taken, p.seat.name, p.seat.pk))


def is_open(request: ApprovalRequest, place: Place) -> bool:
    """Whether one of the place's rules has been reached: rules of later stages wait for the earlier ones."""
    return any(rule.opened_at is not None for rule in request.rules.all() if rule.who in place.rules)
