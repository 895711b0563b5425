"""Bookings: an environment taken for a scheduled deployment, never twice, and free again when it ends."""

import threading
from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments import bookings
from deployments.actions import booking as parts
from deployments.actions import deployment as doors
from deployments.actions.schedule import move_deployment
from deployments.models import Booking, Deployment
from tests.deployments.conftest import turn
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

HOUR = timedelta(hours=1)


@pytest.fixture
def at() -> datetime:
    return (timezone.now() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)


def planned(place, at, minutes=60, environment=None) -> Deployment:
    target = environment or place.staging
    return doors.plan_deployment(place.release.pk, target.pk, actor=place.deployer, scheduled_for=at, minutes=minutes)


def spans() -> list[tuple]:
    return [(b.deployment_id, b.starts_at, b.ends_at) for b in Booking.objects.active()]


@pytest.mark.django_db
class TestBooking:
    def test_a_scheduled_deployment_books_its_environment(self, place, tool, at):
        made = planned(place, at, 90)
        assert spans() == [(made.pk, at, at + timedelta(minutes=90))]
        assert (made.state, made.due_at) == ("scheduled", at)

    def test_one_that_starts_by_hand_books_nothing(self, place, tool):
        doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
        assert not Booking.objects.exists()

    def test_it_books_as_long_as_deployments_there_usually_take(self, place, tool, at):
        for minutes in (10, 20, 61):
            done = shipping.deployment(place.release, place.staging, "succeeded")
            Deployment.objects.filter(pk=done.pk).update(
                started_at=at - 3 * HOUR, ended_at=at - 3 * HOUR + timedelta(minutes=minutes, seconds=-5)
            )
        planned(place, at, None)
        assert spans()[0][2] == at + timedelta(minutes=20)

    def test_without_an_earlier_one_it_books_an_hour(self, place, tool, at):
        planned(place, at, None)
        assert spans()[0][2] == at + HOUR

    @pytest.mark.parametrize(
        ("later_min", "is_refused"), [(-60, False), (-59, True), (30, True), (59, True), (60, False)]
    )
    def test_a_taken_time_is_refused_at_the_field_and_a_neighbour_is_not(self, place, tool, at, later_min, is_refused):
        first = planned(place, at)
        start = at + timedelta(minutes=later_min)
        if not is_refused:
            planned(place, start)
            assert len(spans()) == 2
            return
        with pytest.raises(Refused) as refusal:
            planned(place, start)
        [blocker] = refusal.value.blockers
        assert (blocker.code, blocker.field) == ("environment-booked", "scheduled_for")
        assert f"#{first.pk}" in blocker.message
        assert len(spans()) == 1
        assert Deployment.objects.count() == 1

    def test_another_environment_is_free_at_the_same_time(self, place, tool, at):
        planned(place, at)
        releases.put_in_state(place.release, "ready")
        place.release.__class__.objects.filter(pk=place.release.pk).update(window_ends_at=at + 9 * HOUR)
        planned(place, at, environment=place.production)
        assert len(spans()) == 2

    @pytest.mark.parametrize("minutes", [0, -5, bookings.LONGEST_MINUTES + 1])
    def test_minutes_out_of_bounds_are_refused_at_the_field(self, place, tool, at, minutes):
        with pytest.raises(Refused) as refusal:
            planned(place, at, minutes)
        assert [b.field for b in refusal.value.blockers] == ["minutes"]

    def test_the_database_lets_no_two_overlap_whoever_writes_them(self, place, tool, at):
        first, other = (
            planned(place, at),
            doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer),
        )
        row = {"environment": place.staging, "deployment": other, "ends_at": at + 2 * HOUR}
        with pytest.raises(IntegrityError, match="booking_no_overlap"), transaction.atomic():
            Booking.objects.create(starts_at=at + timedelta(minutes=59), **row)
        Booking.objects.create(starts_at=at + HOUR, **row)
        assert {b[0] for b in spans()} == {first.pk, other.pk}

    def test_what_the_database_refuses_is_told_like_what_was_asked_before(self, place, tool, at):
        planned(place, at)
        with mock.patch.object(parts, "_require_free"), pytest.raises(Refused) as refusal:
            planned(place, at)
        assert [(b.code, b.field) for b in refusal.value.blockers] == [("environment-booked", "scheduled_for")]
        assert Deployment.objects.count() == 1


@pytest.mark.django_db
class TestGivingUp:
    def test_an_aborted_deployment_frees_its_time(self, place, tool, at):
        made = planned(place, at)
        doors.abort(made.pk, actor=place.deployer, reason="Not now.")
        assert spans() == []
        planned(place, at)

    def test_a_superseded_deployment_frees_its_time(self, place, tool, at):
        planned(place, at)
        releases.candidate(place.release)
        doors.supersede(place.release.pk, actor=place.deployer)
        assert spans() == []

    def test_an_expired_deployment_frees_its_time(self, place, tool, at, monkeypatch):
        made = planned(place, at)
        monkeypatch.setattr("django.utils.timezone.now", lambda: at + timedelta(days=3))
        doors.advance(made.pk)
        assert Deployment.objects.get().state == "expired"
        assert spans() == []

    def test_a_deployment_that_succeeds_before_its_time_is_up_cuts_its_booking(self, place, tool, at):
        made = planned(place, at)
        began = timezone.now() - timedelta(minutes=10)
        Booking.objects.update(starts_at=began, ends_at=began + HOUR)
        doors.start_deployment(made.pk, actor=place.deployer)
        turn()
        booking = Booking.objects.get()
        assert Deployment.objects.get().state == "succeeded"
        assert not booking.is_active
        assert booking.ends_at < began + HOUR

    def test_a_failed_deployment_frees_its_time(self, place, tool, at):
        from deployments.drivers import Progress

        made = planned(place, at)
        tool.answers["ship"] = Progress("failed", "", 0, "No.")
        doors.start_deployment(made.pk, actor=place.deployer)
        turn()
        assert Deployment.objects.get().has_ended
        assert spans() == []


@pytest.mark.django_db
class TestMoving:
    def test_a_moved_deployment_takes_its_booking_with_it(self, place, tool, at):
        made = planned(place, at, 30)
        moved = move_deployment(made.pk, actor=place.deployer, scheduled_for=at + HOUR, minutes=45)
        assert (moved.state, moved.scheduled_for, moved.due_at) == ("scheduled", at + HOUR, at + HOUR)
        assert spans() == [(made.pk, at + HOUR, at + HOUR + timedelta(minutes=45))]
        assert Event.objects.filter(name="deployment.moved").get().payload["changed"]["scheduled_for"][1]
        planned(place, at, 60)  # its old time is free

    def test_a_move_that_says_no_length_keeps_the_one_that_was_booked(self, place, tool, at):
        made = planned(place, at, 180)
        move_deployment(made.pk, actor=place.deployer, scheduled_for=at + HOUR)
        assert spans() == [(made.pk, at + HOUR, at + 4 * HOUR)]

    def test_it_may_move_within_its_own_time(self, place, tool, at):
        made = planned(place, at)
        move_deployment(made.pk, actor=place.deployer, scheduled_for=at + timedelta(minutes=30), minutes=60)
        assert len(spans()) == 1

    def test_a_move_onto_another_one_changes_nothing(self, place, tool, at):
        first, second = planned(place, at), planned(place, at + HOUR)
        with pytest.raises(Refused) as refusal:
            move_deployment(second.pk, actor=place.deployer, scheduled_for=at + timedelta(minutes=10), minutes=60)
        assert [b.field for b in refusal.value.blockers] == ["scheduled_for"]
        assert sorted(spans()) == [(first.pk, at, at + HOUR), (second.pk, at + HOUR, at + 2 * HOUR)]
        assert Deployment.objects.get(pk=second.pk).scheduled_for == at + HOUR

    def test_without_a_time_it_waits_for_a_person_and_its_booking_is_given_up(self, place, tool, at):
        made = planned(place, at)
        moved = move_deployment(made.pk, actor=place.deployer, scheduled_for=None)
        assert (moved.state, moved.scheduled_for, moved.due_at) == ("planned", None, None)
        assert spans() == []

    def test_one_that_waits_for_a_person_gets_a_new_time(self, place, tool, at):
        made = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
        releases.put_in_state(made, "awaiting_approval")
        assert move_deployment(made.pk, actor=place.deployer, scheduled_for=at).state == "scheduled"

    def test_one_that_runs_is_not_moved(self, place, tool, at):
        made = place.into_staging()
        with pytest.raises(Refused) as refusal:
            move_deployment(made.pk, actor=place.deployer, scheduled_for=at)
        assert [b.code for b in refusal.value.blockers] == ["not-movable"]

    def test_an_instant_that_is_past_is_refused(self, place, tool, at):
        made = planned(place, at)
        with pytest.raises(Refused) as refusal:
            move_deployment(made.pk, actor=place.deployer, scheduled_for=timezone.now() - HOUR)
        assert [b.code for b in refusal.value.blockers] == ["scheduled-in-past"]

    def test_a_stakeholder_moves_nothing(self, place, tool, at):
        from django.core.exceptions import PermissionDenied

        made = planned(place, at)
        with pytest.raises(PermissionDenied):
            move_deployment(made.pk, actor=place.stakeholder, scheduled_for=at + HOUR)
        assert spans()[0][1] == at


@pytest.mark.django_db
class TestTheGate:
    def booked_now(self, place, at) -> Deployment:
        made = planned(place, at)
        now = timezone.now()
        Booking.objects.update(starts_at=now - HOUR / 2, ends_at=now + HOUR / 2)
        return made

    def test_nobody_starts_in_the_time_of_another(self, place, tool, at):
        booked = self.booked_now(place, at)
        with pytest.raises(Refused) as refusal:
            place.into_staging()
        assert [b.code for b in refusal.value.blockers] == ["environment-booked"]
        assert f"#{booked.pk}" in refusal.value.blockers[0].message

    def test_whoever_booked_starts(self, place, tool, at):
        booked = self.booked_now(place, at)
        assert doors.start_deployment(booked.pk, actor=place.deployer).state == "running"

    def test_a_booking_that_is_over_or_given_up_stops_nobody(self, place, tool, at):
        self.booked_now(place, at)
        Booking.objects.update(is_active=False)
        assert place.into_staging().state == "running"

    def test_a_rollback_goes_through_the_time_of_another(self, place, tool, at):
        place.verified_in_staging()
        releases.candidate(place.release)
        second = shipping.deployment(place.release, place.staging, "succeeded")
        self.booked_now(place, at)
        assert doors.roll_back(second.pk, actor=place.deployer, reason="Errors.").state == "running"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("asked_before", [True, False])
def test_of_eight_who_book_the_same_time_one_wins(place, tool, at, asked_before):
    """Real threads, each with a connection of its own; the second time the database alone stands between them."""
    environments, people = place.staging, [accounts.person(roles=["deployer"], on=place.product) for _ in range(8)]
    ids = [Deployment.objects.create(
        release=place.release, candidate=place.release.candidate, environment=environments, created_by=person
    ).pk for person in people]  # fmt: skip
    outcomes, start = [], threading.Barrier(8)

    def book(pk: int) -> None:
        try:
            row = Deployment.objects.select_related("environment").get(pk=pk)
            start.wait(timeout=30)
            with transaction.atomic():
                parts.book(row, at, 60)
            outcomes.append("booked")
        except Refused as refusal:
            outcomes.append(refusal.blockers[0].code)
        finally:
            connection.close()

    def run():
        threads = [threading.Thread(target=book, args=[pk]) for pk in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)

    if asked_before:
        run()
    else:
        with mock.patch.object(parts, "_require_free"):
            run()
    assert sorted(outcomes) == ["booked", *["environment-booked"] * 7]
    assert Booking.objects.active().count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_plan_through_the_door_one_wins_and_no_row_is_left_of_the_others(place, tool, at):
    people = [accounts.person(roles=["deployer"], on=place.product) for _ in range(8)]
    outcomes, start = [], threading.Barrier(8)

    def plan(person) -> None:
        try:
            start.wait(timeout=30)
            doors.plan_deployment(place.release.pk, place.staging.pk, actor=person, scheduled_for=at, minutes=60)
            outcomes.append("booked")
        except Refused as refusal:
            outcomes.append(refusal.blockers[0].code)
        finally:
            connection.close()

    threads = [threading.Thread(target=plan, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["booked", *["environment-booked"] * 7]
    assert (Deployment.objects.count(), Booking.objects.count()) == (1, 1)


@pytest.mark.django_db
class TestPages:
    def url(self, place) -> str:
        return reverse("deployments:plan", args=[place.product.slug, place.release.version, place.staging.slug])

    def test_a_taken_time_stays_in_the_form_with_the_reason_at_it(self, place, tool, at, client):
        booked = planned(place, at)
        client.force_login(place.deployer)
        typed = {"scheduled_for": f"{at:%Y-%m-%dT%H:%M}", "minutes": "30"}
        answer = client.post(self.url(place), typed)
        html = answer.content.decode()
        assert answer.status_code == 422
        assert f"is booked for #{booked.pk}" in html
        assert f'value="{at:%Y-%m-%dT%H:%M}"' in html
        assert Deployment.objects.count() == 1

    def test_a_free_slot_fills_the_form_and_plans_nothing(self, place, tool, at, client):
        client.force_login(place.deployer)
        slot = f"{(at + HOUR).isoformat()}/{(at + 2 * HOUR).isoformat()}"
        answer = client.post(self.url(place), {"scheduled_for": "", "minutes": "60", "slot": slot})
        assert answer.status_code == 200
        assert f'value="{at + HOUR:%Y-%m-%dT%H:%M}"' in answer.content.decode()
        assert not Deployment.objects.exists()

    def test_the_page_offers_slots_that_are_free(self, place, tool, at, client):
        client.force_login(place.deployer)
        html = client.get(self.url(place)).content.decode()
        assert html.count('name="slot"') == 5

    def test_what_a_time_meets_is_told_while_it_is_typed(self, place, tool, at, client):
        booked = planned(place, at)
        client.force_login(place.deployer)
        typed = {"show": "outlook", "scheduled_for": f"{at:%Y-%m-%dT%H:%M}", "minutes": "30"}
        html = client.get(self.url(place), typed, headers={"HX-Request": "true"}).content.decode()
        assert f"is booked for #{booked.pk}" in html
        assert "<html" not in html

    def test_a_deployment_is_moved_on_its_own_page(self, place, tool, at, client):
        made = planned(place, at)
        client.force_login(place.deployer)
        page = reverse("deployments:move", args=[made.pk])
        assert f'value="{at:%Y-%m-%dT%H:%M}"' in client.get(page).content.decode()
        typed = {"scheduled_for": f"{at + HOUR:%Y-%m-%dT%H:%M}", "minutes": "30"}
        assert client.post(page, typed).status_code == 302
        assert spans() == [(made.pk, at + HOUR, at + HOUR + timedelta(minutes=30))]

    def test_who_may_not_deploy_is_told_so_and_who_sees_nothing_finds_nothing(self, place, tool, at, client):
        made = planned(place, at)
        page = reverse("deployments:move", args=[made.pk])
        client.force_login(place.stakeholder)
        assert client.get(page).status_code == 403
        client.force_login(accounts.person())
        assert client.get(page).status_code == 404

    @pytest.mark.parametrize("several", [1, 12])
    def test_the_page_costs_the_same_however_much_is_booked_and_frozen(self, place, tool, at, client, several):
        from django.test.utils import CaptureQueriesContext

        counts = []
        client.force_login(place.deployer)
        client.get(self.url(place))
        for many in (1, several):
            for n in range(many):
                planned(place, at + timedelta(days=len(spans()) + 1))
                day = at + timedelta(days=40 + n)
                releases.freeze(tiers=["staging"], name=f"Freeze {n}", starts_at=day, ends_at=day + HOUR)
            with CaptureQueriesContext(connection) as captured:
                client.get(self.url(place))
            counts.append(len(captured))
        assert counts[0] == counts[1]


@pytest.mark.django_db
def test_the_api_plans_with_minutes_moves_and_lists_bookings(place, tool, at, client):
    client.force_login(place.deployer)
    body = {
        "release": place.release.pk,
        "environment": place.staging.pk,
        "scheduled_for": at.isoformat(),
        "minutes": 20,
    }
    made = client.post("/api/v1/deployments/", body, content_type="application/json")
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    moved = client.post(
        f"/api/v1/deployments/{pk}/move/",
        {"scheduled_for": (at + HOUR).isoformat(), "minutes": 25},
        content_type="application/json",
    )
    assert moved.status_code == 200, moved.content
    [row] = client.get("/api/v1/bookings/?is_active=true").json()["results"]
    assert (row["deployment"], datetime.fromisoformat(row["starts_at"])) == (pk, at + HOUR)
    assert datetime.fromisoformat(row["ends_at"]) == at + HOUR + timedelta(minutes=25)
