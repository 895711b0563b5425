"""Who is needed by name when a release ships: what runbooks and bookings know. `releases.collisions` asks, to find people twice."""

from collections.abc import Iterator

from accounts.models import User
from core.spans import Span
from deployments.models import RunbookStep
from deployments.states import RunbookState, StepState
from releases.collisions import is_planned_in
from releases.conflicts import Wish
from releases.models import Release
from releases.states import OPEN


def open_steps():
    """Steps that somebody has still to do, of runbooks that are not over: the relation `step_table` of every release."""
    rows = RunbookStep.objects.filter(
        owner__isnull=False,
        runbook__state__in=[RunbookState.DRAFT, RunbookState.RUNNING],
        runbook__release__state__in=OPEN,
    )
    rows = rows.exclude(state__in=[StepState.DONE, StepState.SKIPPED])
    return rows.select_related("owner", "runbook__release__product")


def needed(wish: Wish) -> Iterator[tuple[Release, User]]:
    """(release, person): owners of steps of a cut-over, while its window is open, and who booked production, for that time."""
    for step in wish.release.step_table.all():
        release = step.runbook.release
        if release.pk == wish.release.pk or is_planned_in(release, wish):
            yield release, step.owner
    for booking in wish.release.booking_table.all():
        if not booking.environment.is_production or booking.deployment.promoted_from_id:
            continue
        release = booking.deployment.release
        span = Span(booking.starts_at, booking.ends_at)
        if release.pk == wish.release.pk or span.touches(wish.starts_at, wish.ends_at):
            yield release, booking.deployment.created_by
