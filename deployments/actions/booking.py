"""Bookings inside the doors: taken, moved and given up with the deployment that they are for. The environment is locked."""

from datetime import datetime

from django.db import IntegrityError, transaction

from core.blockers import refuse
from deployments import bookings
from deployments.models import Booking, Deployment

OVERLAP = "booking_no_overlap"


def book(deployment: Deployment, start: datetime, minutes: int) -> Booking:
    """Take the environment from an instant on for so many minutes; an earlier booking of the deployment moves.

    Raises Refused at `minutes` or `scheduled_for`: asked before, and again by the database, which no two bookings get past.
    """
    if not 1 <= minutes <= bookings.LONGEST_MINUTES:
        refuse("minutes", f"Give from 1 to {bookings.LONGEST_MINUTES:,} minutes.", field="minutes")
    span = bookings.span_of(start, minutes)
    _require_free(deployment, *span)
    values = {"environment": deployment.environment, "starts_at": span[0], "ends_at": span[1], "is_active": True}
    try:
        with transaction.atomic():
            made, _ = Booking.objects.update_or_create(deployment=deployment, defaults=values)
    except IntegrityError as error:
        if OVERLAP not in str(error):
            raise
        _refuse_taken(deployment, *span)
    return made


def _require_free(deployment: Deployment, start: datetime, end: datetime) -> None:
    if bookings.active(deployment.environment, start, end, deployment.pk).exists():
        _refuse_taken(deployment, start, end)


def _refuse_taken(deployment: Deployment, start: datetime, end: datetime) -> None:
    by = bookings.active(deployment.environment, start, end, deployment.pk).select_related("environment").first()
    said = bookings.taken_by(by) if by else f"{deployment.environment} was booked for this time just now."
    refuse("environment-booked", f"{said} Choose another time.", field="scheduled_for")


def give_up(deployment: Deployment) -> None:
    """End the deployment's booking, if it has one. Harmless to repeat."""
    Booking.objects.of_deployment(deployment).give_up()
