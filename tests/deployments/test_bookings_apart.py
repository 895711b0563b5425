"""Bookings touch nobody else's: each ends with its own deployment, of its own environment, and comes back when it is asked for."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from deployments import bookings
from deployments.actions import deployment as doors
from deployments.actions.schedule import move_deployment
from deployments.models import Booking, Deployment
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def at() -> datetime:
    return (timezone.now() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)


def planned(place, at) -> Deployment:
    return doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer, scheduled_for=at, minutes=60)


def active() -> list[int]:
    return list(Booking.objects.active().values_list("deployment_id", flat=True))


def took(row: Deployment, minutes: float, *, ended_ago: timedelta = HOUR) -> None:
    """A verified deployment that began so many minutes before its end."""
    ended = timezone.now() - ended_ago
    times = {"started_at": ended - timedelta(minutes=minutes), "ended_at": ended, "verified_at": ended}
    Deployment.objects.filter(pk=row.pk).update(**times)


def test_a_deployment_that_ends_frees_no_time_but_its_own(place, tool, at):
    first, second = planned(place, at), planned(place, at + HOUR)
    doors.abort(first.pk, actor=place.deployer, reason="Not now.")
    assert active() == [second.pk]


def test_a_time_that_was_given_up_is_booked_again_when_it_gets_one(place, tool, at):
    made = planned(place, at)
    move_deployment(made.pk, actor=place.deployer, scheduled_for=None)
    assert active() == []
    move_deployment(made.pk, actor=place.deployer, scheduled_for=at, minutes=30)
    assert active() == [made.pk]


def test_the_time_of_another_environment_keeps_nobody_from_starting(place, tool, at):
    now = timezone.now()
    other = shipping.deployment(place.release, place.production, "scheduled")
    Booking.objects.create(environment=place.production, deployment=other, starts_at=now - HOUR, ends_at=now + HOUR)
    assert place.into_staging().state == "running"


def test_a_rollback_says_nothing_of_how_long_a_deployment_takes(place):
    deployed = shipping.deployment(place.release, place.staging, "succeeded")
    took(deployed, 30)
    back = shipping.deployment(place.release, place.staging, "succeeded", kind="rollback", rolls_back=deployed)
    took(back, 2)
    assert bookings.usual_minutes(place.staging) == 30


def test_how_long_they_take_is_told_by_the_newest_ones(place, monkeypatch):
    monkeypatch.setattr(bookings, "LOOKED_AT", 3)
    for age, minutes in enumerate((10, 10, 10, 50, 50, 50)):
        took(shipping.deployment(place.release, place.staging, "succeeded"), minutes, ended_ago=(age + 1) * HOUR)
    assert bookings.usual_minutes(place.staging) == 10
