"""Who waits for an environment, in order: first come, first served. Emergencies go before, rollbacks wait for nobody.

Who booked the environment goes first in its own time: the others would wait for the end of that, and it for them. One that is
held, or waits for its own time, keeps its place and lets the others pass.
"""

from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from deployments.states import DeploymentState

RULE = (
    "First come, first served; whoever booked goes first in that time. Only rollbacks and emergency releases overtake."
)


@dataclass(frozen=True)
class Place:
    """Where a deployment stands: `number` of `length`, from 1; `before` are those ahead of it, the next one first."""

    number: int
    length: int
    before: tuple

    def __str__(self):
        return f"{ordinal(self.number)} of {self.length}"


def lines(deployments) -> dict[int, list]:
    """{environment id: those of the queryset `deployments` that wait in the queue, in order}, in one query."""
    rows = deployments.filter(state=DeploymentState.QUEUED)
    found: dict[int, list] = {}
    rows = rows.select_related("release__product", "candidate", "held_by", "created_by", "booking")
    for row in sorted(rows, key=_order):
        found.setdefault(row.environment_id, []).append(row)
    return found


def place(deployment) -> Place:
    """Its place among those that wait now; where it does not wait yet, the place it would get."""
    now = timezone.now()
    rows = deployment.environment.deployments.filter(state=DeploymentState.QUEUED, held_at__isnull=True)
    rows = rows.exclude(pk=deployment.pk).filter(Q(scheduled_for__isnull=True) | Q(scheduled_for__lte=now))
    others = list(rows.select_related("release", "candidate", "booking"))
    before = sorted((row for row in others if _order(row) < _order(deployment)), key=_order)
    return Place(len(before) + 1, len(others) + 1, tuple(before))


def _order(row) -> tuple:
    waits = row.queued_at if row.state == DeploymentState.QUEUED and row.queued_at else timezone.now()
    return (not _has_booked_now(row), not row.release.is_emergency, waits, row.pk or float("inf"))


def _has_booked_now(row) -> bool:
    booking = getattr(row, "booking", None)  # no attribute where nothing was ever booked
    return booking is not None and booking.is_active and booking.starts_at <= timezone.now() < booking.ends_at


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    last = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{last}"
