"""The queue of an environment that somebody has booked: who booked goes first, the others wait for the end of it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.blockers import Refused
from core.wording import full
from deployments import bookings, queue
from deployments.actions import deployment as doors
from deployments.actions.queue import hold_deployment, join_queue, let_go, queue_deployment
from deployments.models import Booking, Deployment
from releases import conflicts
from releases.models import ConflictRule, Release
from tests.deployments.conftest import fresh, turn
from tests.factories import deployments as shipping
from tests.factories import releases

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def booked(place, tool) -> Deployment:
    """Another release has staging for half an hour yet; its own deployment is due now."""
    return book(place)


def book(place, version="4.7.9", begins=-HOUR / 2, ends=HOUR / 2, environment=None, **fields) -> Deployment:
    now, target = timezone.now(), environment or place.staging
    other = releases.release(place.product, "testing", version=version)
    made = {"scheduled_for": now + begins, "due_at": now, "created_by": place.deployer}
    row = shipping.deployment(other, target, "scheduled", **(made | fields))
    Booking.objects.create(environment=target, deployment=row, starts_at=now + begins, ends_at=now + ends)
    return row


def queued(place, release=None) -> Deployment:
    return queue_deployment((release or place.release).pk, place.staging.pk, actor=place.deployer)


def look() -> None:
    """Let the engine look at everything that waits, once."""
    for pk in Deployment.objects.filter(state__in=["queued", "scheduled"]).order_by("pk").values_list("pk", flat=True):
        doors.advance(pk)


def test_what_is_asked_for_in_the_time_of_another_waits_for_the_end_of_it_and_says_when(place, booked):
    row = queued(place)

    until = Booking.objects.get().ends_at
    assert row.state == "queued"
    assert row.detail == f"1st of 1 in the queue for Staging. It is booked until {full(until)}."


def test_it_does_not_start_while_the_time_is_booked_and_starts_by_itself_afterwards(place, booked):
    row = queued(place)
    Deployment.objects.filter(pk=booked.pk).update(due_at=None)
    turn(1)
    assert (fresh(row).state, f"booked for #{booked.pk}" in fresh(row).detail) == ("queued", True)

    Booking.objects.update(ends_at=timezone.now())
    Deployment.objects.filter(pk=row.pk).update(due_at=timezone.now())
    turn()

    assert fresh(row).state == "succeeded"


def test_whoever_booked_does_not_wait_behind_those_that_wait_for_the_booking(place, booked):
    row = queued(place)

    look()

    assert (fresh(booked).state, fresh(row).state) == ("running", "queued")
    turn()
    Deployment.objects.filter(pk=row.pk).update(due_at=timezone.now())
    turn()
    assert (fresh(booked).state, fresh(row).state) == ("succeeded", "succeeded")


def test_an_emergency_waits_for_the_booking_too_and_does_not_stand_before_it(place, booked):
    urgent = releases.release(place.product, "testing", version="4.8.1", strategy="emergency")
    row = queued(place, urgent)

    look()

    assert (fresh(booked).state, fresh(row).state) == ("running", "queued")


def test_who_booked_and_found_the_environment_taken_is_the_next_in_line(place, tool):
    holder = shipping.deployment(releases.release(place.product, "testing", version="4.7.0"), place.staging, "running")
    first = queued(place)
    mine = book(place)
    doors.advance(mine.pk)
    assert fresh(mine).state == "queued"

    assert str(queue.place(fresh(mine))) == "1st of 2"
    assert [d.pk for d in queue.lines(Deployment.objects.all())[place.staging.pk]] == [mine.pk, first.pk]
    releases.put_in_state(holder, "failed")
    look()
    assert fresh(mine).state == "running"


@pytest.mark.parametrize("when", ["later", "over", "given up"])
def test_a_booking_that_is_not_on_now_gives_nobody_a_better_place(place, tool, when):
    shipping.deployment(releases.release(place.product, "testing", version="4.7.0"), place.staging, "running")
    first = queued(place)
    begins, ends = {"later": (HOUR, 2 * HOUR), "over": (-2 * HOUR, -HOUR)}.get(when, (-HOUR, HOUR))
    mine = book(place, begins=begins, ends=ends, scheduled_for=None)
    Booking.objects.update(is_active=when != "given up")
    join_queue(mine.pk, actor=place.deployer)

    assert (str(queue.place(fresh(first))), str(queue.place(fresh(mine)))) == ("1st of 2", "2nd of 2")


def test_bookings_that_follow_one_another_are_one_time_to_wait_for(place, booked):
    book(place, "4.7.8", HOUR / 2, HOUR)
    Booking.objects.filter(deployment__release__version="4.7.8").update(starts_at=Booking.objects.first().ends_at)
    last = Booking.objects.get(deployment__release__version="4.7.8")
    book(place, "4.7.7", 2 * HOUR, 3 * HOUR)

    assert bookings.free_from(place.staging, timezone.now()) == last.ends_at
    assert bookings.free_from(place.production, last.ends_at) == last.ends_at
    assert full(last.ends_at) in queued(place).detail


def test_ones_own_booking_is_nothing_to_wait_for(place, booked):
    now = timezone.now()

    assert bookings.free_from(place.staging, now, booked.pk) == now


@pytest.mark.parametrize(("hours", "is_refused"), [(23, False), (24.1, True)])
def test_a_booking_for_longer_than_anybody_waits_is_refused_with_when_and_a_way_out(place, tool, hours, is_refused):
    book(place, ends=hours * HOUR)
    if not is_refused:
        assert queued(place).state == "queued"
        return
    with pytest.raises(Refused) as refusal:
        queued(place)

    [blocker] = refusal.value.blockers
    assert (blocker.code, blocker.fix) == ("booked-too-long", "Plan it")
    assert (
        f"Staging is booked until {full(Booking.objects.get().ends_at)}, and this one would give up" in blocker.message
    )
    assert not place.release.deployments.exists()


@pytest.mark.parametrize(("minutes", "is_refused"), [(-1, True), (1, False)])
def test_production_is_not_waited_for_beyond_the_releases_window(place, tool, minutes, is_refused):
    closes = timezone.now() + HOUR
    Release.objects.filter(pk=place.release.pk).update(window_starts_at=timezone.now() - HOUR, window_ends_at=closes)
    place.release.refresh_from_db()
    place.approved()
    book(place, ends=HOUR - timedelta(minutes=minutes), environment=place.production)

    if is_refused:
        with pytest.raises(Refused, match="is booked until"):
            queue_deployment(place.release.pk, place.production.pk, actor=place.deployer)
    else:
        assert queue_deployment(place.release.pk, place.production.pk, actor=place.deployer).state == "queued"


def test_where_bookings_only_warn_nobody_waits_for_them(place, booked):
    ConflictRule.objects.create(kind="environment", severity="warn")
    row = queued(place)
    assert "booked" not in row.detail

    Deployment.objects.filter(pk=booked.pk).update(due_at=None)
    turn()

    assert fresh(row).state == "succeeded"


# Pages


def shown(place, client) -> str:
    client.force_login(place.deployer)
    return client.get("/r/payments/4.8.0/deployments/?to=staging").text


def test_the_tab_offers_the_queue_and_says_until_when_it_is_booked(place, booked, client):
    html = shown(place, client)

    assert "Queue it for staging" in html
    assert "It is booked until" in html


def test_the_tab_says_before_the_click_that_waiting_is_in_vain(place, tool, client):
    book(place, ends=30 * HOUR)

    html = shown(place, client)

    assert "Queue it for staging" not in html
    assert "this one would give up waiting" in html


@pytest.mark.parametrize("many", [2, 7])
def test_the_place_in_the_queue_costs_the_same_however_many_wait(place, tool, many):
    shipping.deployment(releases.release(place.product, "testing", version="4.7.0"), place.staging, "running")
    for n in range(many):
        queued(place, releases.release(place.product, "testing", version=f"4.8.{n + 1}"))
    row = Deployment.objects.select_related("environment", "release").filter(state="queued").latest("pk")

    with CaptureQueriesContext(connection) as asked:
        queue.place(row)

    assert len(asked) == 2  # its own booking, and the others with theirs


def test_one_that_is_held_lets_who_booked_pass_and_keeps_its_place(place, booked):
    row = queued(place)
    hold_deployment(row.pk, actor=place.deployer, reason="Wait for the database.")
    look()

    assert (fresh(booked).state, fresh(row).state) == ("running", "queued")


def test_a_booking_whose_deployment_is_held_when_its_time_comes_lets_the_others_pass(place, booked):
    hold_deployment(booked.pk, actor=place.deployer, reason="Wait for the database.")

    assert doors.deploy(place.release.pk, place.staging.pk, actor=place.deployer).state == "running"
    let_go(booked.pk, actor=place.deployer)
    doors.advance(booked.pk)

    assert (fresh(booked).state, str(queue.place(fresh(booked)))) == ("queued", "1st of 1")


def test_before_its_time_a_booking_is_kept_for_what_is_held(place, tool):
    mine = book(place, begins=HOUR, ends=2 * HOUR)
    hold_deployment(mine.pk, actor=place.deployer, reason="Wait for the database.")
    booking = Booking.objects.get()

    wish = conflicts.Wish(place.release, booking.starts_at, booking.ends_at, place.staging)

    assert [c.about for c in conflicts.find(wish)] == [f"booking:{booking.pk}"]
