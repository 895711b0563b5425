"""Who has an environment when: what deployments ask, and the finder that `releases.conflicts` asks too."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import median

from django.urls import reverse
from django.utils import timezone

from core import wording
from core.spans import Span
from deployments.models import Booking, Deployment
from deployments.states import DeploymentKind
from releases.conflicts import Found, Wish
from releases.models import Environment, Release
from releases.states import ConflictKind

USUAL_MINUTES = 60
LONGEST_MINUTES = 7 * 24 * 60
FURTHEST = timedelta(days=3_650)  # nothing is planned beyond it
LOOKED_AT = 20


def usual_minutes(environment: Environment) -> int:
    """The median length of the environment's newest deployments, in whole minutes up; 60 where there was none. One query."""
    rows = environment.deployments.verified().filter(kind=DeploymentKind.DEPLOY, started_at__isnull=False)
    newest = rows.order_by("-verified_at").values_list("started_at", "ended_at")[:LOOKED_AT]
    lengths = [(end - start).total_seconds() for start, end in newest if end]
    return max(1, -int(-median(lengths) // 60)) if lengths else USUAL_MINUTES


def minutes_of(deployment: Deployment) -> int | None:
    """The length of the deployment's active booking, in whole minutes; None where it has none."""
    row = Booking.objects.of_deployment(deployment).first()
    return round((row.ends_at - row.starts_at) / timedelta(minutes=1)) if row else None


def ahead():
    """Active bookings that are not over, of all environments: the relation `booking_table` of every release."""
    rows = Booking.objects.active().filter(ends_at__gt=timezone.now())
    rows = rows.select_related("environment", "deployment__candidate", "deployment__release__product")
    return rows.select_related("deployment__created_by")


def ends(wish: Wish) -> list[datetime]:
    """When the bookings of the environment end: from then on it may be free."""
    return [
        row.ends_at
        for row in wish.release.booking_table.all()
        if row.environment_id in {e.pk for e in wish.environments}
    ]


def wishes(release: Release) -> list[Wish]:
    """The spans for which deployments of the release are booked ahead. No query where its conflicts were fetched."""
    places = {environment.pk: environment for environment in release.product.environments.all()}
    rows = [row for row in release.booking_table.all() if row.deployment.release_id == release.pk]
    return [Wish(release, row.starts_at, row.ends_at, places[row.environment_id], row.deployment_id) for row in rows]


def active(environment: Environment, start: datetime, end: datetime, but: int | None = None):
    """Active bookings of an environment that touch the half-open span, but for one deployment's."""
    rows = Booking.objects.active().touching(start, end).filter(environment=environment)
    return rows.exclude(deployment=but).select_related("deployment__candidate", "deployment__release__product")


def free_from(environment: Environment, at: datetime, but: int | None = None) -> datetime:
    """When the time that is booked from an instant on without a break ends; the instant itself where it is free. One query."""
    rows = Booking.objects.active().filter(environment=environment, ends_at__gt=at).exclude(deployment=but)
    for start, end in rows.order_by("starts_at").values_list("starts_at", "ends_at"):
        if start > at:
            break
        at = end
    return at


def span_of(start: datetime, minutes: int) -> tuple[datetime, datetime]:
    return start, start + timedelta(minutes=minutes)


def booked(wish: Wish) -> Iterator[Found]:
    """Bookings which the span would overlap: of a release's window those of other releases, in any place that it ships to."""
    places = {environment.pk for environment in wish.environments}
    for booking in wish.release.booking_table.all():
        if booking.environment_id not in places or _is_own(booking, wish) or _lets_pass(booking):
            continue
        if not Span(booking.starts_at, booking.ends_at).touches(wish.starts_at, wish.ends_at):
            continue
        yield Found(
            ConflictKind.ENVIRONMENT,
            f"booking:{booking.pk}",
            taken_by(booking),
            reverse("deployments:deployment", args=[booking.deployment_id]),
            "Open it",
            booking.deployment.release,
            code="environment-booked",
        )


def _is_own(booking: Booking, wish: Wish) -> bool:
    """A window is there for its release's own deployments; a deployment minds every booking but its own."""
    if wish.environment is None:
        return booking.deployment.release_id == wish.release.pk
    return booking.deployment_id == wish.deployment


def _lets_pass(booking: Booking) -> bool:
    """Its time has come, but its deployment is held: whoever is held keeps nobody else from starting."""
    return booking.deployment.held_at is not None and booking.starts_at <= timezone.now()


def taken_by(booking: Booking) -> str:
    """ "Production is booked for #12 (4.8.0-rc.1), Thu 12 Nov 2026, 21:00 to 22:00 CET." """
    who = f"#{booking.deployment_id} ({booking.deployment.candidate.version})"
    return f"{booking.environment} is booked for {who}, {wording.span(booking.starts_at, booking.ends_at)}."
