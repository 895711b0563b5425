"""Bookings touch nobody else's: each ends with its own deployment, of its own environment, and comes back when it is asked for."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from core.blockers import Refused
from deployments import bookings
from deployments.actions import booking
from deployments.actions import deployment as doors
from deployments.actions.schedule import move_deployment
from deployments.models import Booking, Deployment
from releases import slots
from releases.models import Release
from tests.factories import accounts, releases
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


def test_a_booking_that_is_to_come_keeps_nobody_from_starting_before_it(place, tool):
    soon = timezone.now() + timedelta(minutes=5)
    planned(place, soon)
    assert place.into_staging().state == "running"


def test_a_deployment_is_offered_the_end_of_another_ones_booking_and_its_own_time(place, at):
    release = releases.release(place.product, "testing", version="4.9.0")
    first, second = (shipping.deployment(release, place.staging, "scheduled") for _ in range(2))
    booking.book(first, at, 75)
    booking.book(second, at + 2 * HOUR, 60)

    def offered(deployment):
        fresh = Release.objects.get(pk=release.pk)
        return slots.next_free(fresh, HOUR, environment=place.staging, deployment=deployment, after=at)[0].starts_at

    assert offered(None) == at + 3 * HOUR  # a quarter past the first one it would run into the second one
    assert offered(second.pk) == at + timedelta(minutes=75)
    assert offered(first.pk) == at


def test_bookings_of_products_out_of_sight_are_not_told(place, tool, at, client):
    planned(place, at)
    client.force_login(accounts.person(roles=["deployer"], on=releases.product()))
    assert client.get("/api/v1/bookings/").json()["results"] == []
    client.force_login(place.stakeholder)
    assert len(client.get("/api/v1/bookings/").json()["results"]) == 1


@pytest.mark.parametrize(("after_min", "is_taken"), [(-1, False), (0, True), (119, True), (120, False)])
def test_production_is_scheduled_from_the_beginning_of_its_window_and_before_its_end(
    place, tool, at, after_min, is_taken
):
    Release.objects.filter(pk=place.release.pk).update(window_starts_at=at, window_ends_at=at + 2 * HOUR)
    asked = {"actor": place.deployer, "scheduled_for": at + timedelta(minutes=after_min), "minutes": 5}
    if is_taken:
        assert doors.plan_deployment(place.release.pk, place.production.pk, **asked).state == "scheduled"
        return
    with pytest.raises(Refused) as refusal:
        doors.plan_deployment(place.release.pk, place.production.pk, **asked)
    assert [(b.code, b.field) for b in refusal.value.blockers] == [("outside-window", "scheduled_for")]
    assert not Deployment.objects.exists()
