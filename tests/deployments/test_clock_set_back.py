"""A clock that was hours ahead has put things off, and was set right: nobody waits until it has caught up."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments import due
from deployments.actions import health, promotion
from deployments.actions import verification as verifying
from deployments.models import Booking, Deployment, Health
from tests.deployments.conftest import fresh, turn
from tests.deployments.line import make
from tests.factories import deployments as shipping
from tests.factories import releases

pytestmark = pytest.mark.django_db
HOURS = timedelta(hours=3)


def put_off(row, by=HOURS, **fields):
    """As a clock that was three hours ahead left it."""
    type(row).objects.filter(pk=row.pk).update(due_at=timezone.now() + by, **fields)
    return row


def found() -> list[tuple]:
    return [(task, pk) for task, pk in due.everything() if task not in ("start_run", "poll_run", "stop_run")]


def test_a_deployment_that_runs_is_looked_at(place, tool):
    row = put_off(shipping.deployment(place.release, place.staging, "running"))
    shipping.run(row, place.staging.hooks.get(), "succeeded")

    assert found() == [("advance", row.pk)]
    turn()
    assert fresh(row).state == "succeeded"


def test_a_verification_is_taken_on(place, tool):
    row = shipping.deployment(place.release, place.staging, "verifying", verifying_since=timezone.now())
    put_off(row)

    assert found() == [("verify", row.pk)]
    assert verifying.verify(row.pk)
    assert fresh(row).state == "succeeded"


@pytest.mark.parametrize("field", ["interval_s", "delay_s"])
def test_a_verification_that_looks_seldom_waits_its_time_and_no_longer(place, tool, field):
    row = shipping.deployment(place.release, place.staging, "verifying", verifying_since=timezone.now())
    type(place.staging.verification).objects.update(**{field: 7_200, "timeout_s": 20_000})
    put_off(row, timedelta(hours=2))

    assert (found(), verifying.verify(row.pk)) == ([], False)
    put_off(row, timedelta(hours=2, minutes=11))
    assert found() == [("verify", row.pk)]


def test_what_is_queued_is_taken_on(place, tool):
    row = shipping.deployment(
        place.release, place.staging, "queued", created_by=place.deployer, queued_at=timezone.now()
    )
    put_off(row)

    turn()

    assert fresh(row).state == "succeeded"


def test_what_is_scheduled_waits_for_its_own_time_however_far_that_is(place, tool):
    at = timezone.now() + timedelta(days=30)
    row = shipping.deployment(place.release, place.staging, "scheduled", scheduled_for=at, due_at=at)
    assert found() == []

    put_off(row, timedelta(days=31))
    assert found() == [("advance", row.pk)]
    turn()
    assert (fresh(row).state, fresh(row).due_at) == ("scheduled", at)


@pytest.mark.parametrize(
    ("state", "fields"),
    [("awaiting_approval", {}), ("queued", {"held_at": timezone.now()}), ("scheduled", {"held_at": timezone.now()})],
)
def test_what_is_held_or_waits_for_a_person_rests_until_it_gives_up(place, tool, state, fields):
    put_off(shipping.deployment(place.release, place.staging, state, **fields))

    assert found() == []


def test_a_soak_waits_for_its_end_and_a_claim_that_lies_beyond_it_is_no_soak(tool):
    line = make()
    line.phase(line.test, name="First", soak_minutes=600)
    line.automatic(line.eu)
    row = line.verify(line.test)
    promotion.promote(line.release.pk)
    assert found() == []

    soaked = timezone.now() - timedelta(minutes=601)
    put_off(row, verified_at=soaked, started_at=soaked)
    assert found() == [("promote", row.pk)]
    assert [d.environment for d in promotion.promote_from(row.pk)] == [line.eu]
    assert found() == [("advance", line.eu.deployments.get().pk)] or found() == []
    assert fresh(row).due_at is None


def test_a_claim_of_a_moment_ago_is_left_to_who_has_it(tool):
    line = make()
    line.automatic(line.eu)
    row = put_off(line.verify(line.test), timedelta(seconds=promotion.LEASE_S))

    assert (found(), promotion.promote_from(row.pk)) == ([], [])


def test_a_service_is_asked_how_it_is(place, settings):
    settings.HEALTH_EVERY_S = 60
    type(place.staging).objects.update(url="http://127.0.0.1:9")
    Health.objects.create(environment=place.staging, due_at=timezone.now() + timedelta(minutes=1))
    Health.objects.create(environment=place.production, due_at=timezone.now() + HOURS)

    assert list(due.unasked(timezone.now())) == [place.production]
    assert health.look_around() == 1
    assert list(due.unasked(timezone.now())) == []


@pytest.mark.parametrize("many", [1, 8])
def test_the_tick_asks_twice_however_many_wait(place, tool, many):
    for n in range(many):
        release = releases.release(place.product, "testing", version=f"5.{n}.0")
        put_off(shipping.deployment(release, place.staging, "queued", queued_at=timezone.now()))

    with CaptureQueriesContext(connection) as asked:
        assert len(due.everything()) == many

    assert len(asked) == 2
    assert not Booking.objects.exists()
    assert Deployment.objects.count() == many
