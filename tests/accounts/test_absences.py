"""The doors of working hours and absences: who may, what is refused at which field, what is recorded."""

import threading
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import actions
from accounts.hours import add_working, calendars
from accounts.models import Absence, User, WorkingHours
from core.blockers import Refused
from core.models import Event
from tests.factories.accounts import absence, hours, person, team

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
WEEK = {"weekdays": [1, 2, 3], "starts": time(8), "ends": time(16, 30), "country": "DE", "subdivision": "BY"}


@pytest.fixture
def lena(noor):
    """Leads a team that noor is in."""
    lead = person("lena")
    team("Red", [noor], lead=lead)
    return lead


@pytest.fixture
def mark(db):
    """Leads another team, and is no member of noor's."""
    lead = person("mark")
    team("Blue", [person("bea")], lead=lead)
    return lead


def refused(refusal) -> list[tuple[str, str]]:
    return [(b.code, b.field) for b in refusal.value.blockers]


def tomorrow(days: float = 0) -> datetime:
    return timezone.now() + DAY * (1 + days)


def plan(user: User, actor: User, starts: float = 0, ends: float = 1, **fields) -> Absence:
    return actions.add_absence(user.pk, actor=actor, starts_at=tomorrow(starts), ends_at=tomorrow(ends), **fields)


# Who may


def test_people_set_their_own_hours(noor):
    row = actions.set_working_hours(noor.pk, actor=noor, **WEEK)
    assert (row.weekdays, row.starts, row.ends, row.country, row.subdivision) == (
        [1, 2, 3],
        time(8),
        time(16, 30),
        "DE",
        "BY",
    )
    event = Event.objects.get()
    assert (event.name, event.stream, event.actor) == ("person.hours_set", f"user:{noor.pk}", noor)
    assert event.payload["changed"]["weekdays"] == [[1, 2, 3, 4, 5], [1, 2, 3]]


def test_the_lead_of_a_team_keeps_the_hours_of_its_members(noor, lena):
    assert actions.set_working_hours(noor.pk, actor=lena, **WEEK).weekdays == [1, 2, 3]
    assert actions.cancel_absence(plan(noor, lena).pk, actor=lena).cancelled_by == lena


def test_who_keeps_people_keeps_everybody_s_hours(noor, adele):
    assert actions.set_working_hours(noor.pk, actor=adele, **WEEK).weekdays == [1, 2, 3]
    assert actions.cancel_absence(plan(noor, adele).pk, actor=adele).cancelled_by == adele


@pytest.mark.parametrize("who", ["member", "mark", "noor", "left"])
def test_nobody_else_sets_hours_or_absences_of_another(noor, lena, mark, who):
    """Not a member of the same team, not the lead of another one, not the member for their lead, not a lead who has left."""
    member = person("mila")
    team("Green", [member, noor])
    whose = lena if who == "noor" else noor
    actor = {"member": member, "mark": mark, "noor": noor, "left": lena}[who]
    if who == "left":
        User.objects.filter(pk=lena.pk).update(is_active=False)
        actor = User.objects.get(pk=lena.pk)
    theirs = absence(whose)
    with pytest.raises(PermissionDenied, match="Only the person, the lead of a team of theirs or Administrator"):
        actions.set_working_hours(whose.pk, actor=actor, **WEEK)
    with pytest.raises(PermissionDenied):
        plan(whose, actor, 5, 6)
    with pytest.raises(PermissionDenied):
        actions.cancel_absence(theirs.pk, actor=actor)
    assert not WorkingHours.objects.exists()
    assert list(Absence.objects.standing()) == [theirs]
    assert not Event.objects.exists()


def test_the_lead_of_a_team_they_are_not_in_does_not_keep_their_own_lead(noor, lena, adele):
    assert set(actions.kept_by(lena)) == {lena, noor}
    assert set(actions.kept_by(noor)) == {noor}
    assert {noor, lena, adele} <= set(actions.kept_by(adele))


def test_a_service_account_keeps_no_hours(robot, adele):
    with pytest.raises(Refused) as refusal:
        plan(robot, adele)
    assert refused(refusal) == [("service-account", "")]
    with pytest.raises(PermissionDenied):
        plan(robot, robot)
    assert robot not in actions.kept_by(adele)


# What is refused


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"weekdays": []}, "no-weekdays", "weekdays"),
        ({"weekdays": [0]}, "weekdays-unknown", "weekdays"),
        ({"weekdays": [8]}, "weekdays-unknown", "weekdays"),
        ({"weekdays": [True]}, "weekdays-unknown", "weekdays"),
        ({"starts": time(9), "ends": time(9)}, "hours-empty", "ends"),
        ({"starts": time(9, 0, 30)}, "hours-odd", "starts"),
        ({"ends": time(17, tzinfo=UTC)}, "hours-odd", "starts"),
        ({"country": "XX", "subdivision": ""}, "country-unknown", "country"),
        ({"country": "DE", "subdivision": "XX"}, "subdivision-unknown", "subdivision"),
        ({"country": "", "subdivision": "BY"}, "subdivision-unknown", "subdivision"),
    ],
)
def test_hours_that_make_no_sense_are_refused_at_their_field(noor, wrong, code, field):
    with pytest.raises(Refused) as refusal:
        actions.set_working_hours(noor.pk, actor=noor, **WEEK | wrong)
    assert refused(refusal) == [(code, field)]
    assert not WorkingHours.objects.exists()
    assert not Event.objects.exists()


def test_a_night_shift_is_hours_like_any_other(noor):
    actions.set_working_hours(noor.pk, actor=noor, **WEEK | {"starts": time(22), "ends": time(6)})
    night = calendars([noor.pk])[noor.pk]
    assert night.is_working(datetime(2026, 11, 24, 2, tzinfo=UTC))


def test_hours_that_stay_the_same_are_recorded_once(noor):
    for _ in range(2):
        actions.set_working_hours(noor.pk, actor=noor, **WEEK)
    assert Event.objects.count() == 1
    actions.set_working_hours(
        noor.pk, actor=noor, **WEEK | {"weekdays": [3, 1, 2, 1], "country": "AT", "subdivision": ""}
    )
    assert Event.objects.order_by("-pk").first().payload["changed"] == {
        "country": ["DE", "AT"],
        "subdivision": ["BY", ""],
    }


@pytest.mark.parametrize(
    ("starts", "ends", "code", "field"),
    [
        (1, 0, "absence-order", "ends_at"),
        (-9, -8, "absence-over", "ends_at"),
        (0, 366.5, "absence-too-long", "ends_at"),
        (800, 801, "absence-far", "starts_at"),
    ],
)
def test_an_absence_that_makes_no_sense_is_refused_at_its_field(noor, starts, ends, code, field):
    with pytest.raises(Refused) as refusal:
        plan(noor, noor, starts, ends)
    assert refused(refusal) == [(code, field)]
    assert not Absence.objects.exists()
    assert not Event.objects.exists()


def test_an_absence_of_no_time_is_refused(noor):
    now = tomorrow()
    with pytest.raises(Refused) as refusal:
        actions.add_absence(noor.pk, actor=noor, starts_at=now, ends_at=now)
    assert refused(refusal) == [("absence-order", "ends_at")]


def test_an_absence_lasts_up_to_a_year(noor):
    assert plan(noor, noor, 0, 365.9).pk


def test_somebody_who_fell_ill_yesterday_is_away_since_then(noor):
    assert plan(noor, noor, -2, 3).starts_at < timezone.now()


@pytest.mark.parametrize(("starts", "ends"), [(0.5, 0.6), (-0.5, 0.5), (0.5, 5), (-0.5, 5)])
def test_two_absences_at_one_time_are_refused(noor, starts, ends):
    first = plan(noor, noor, 0, 1)
    with pytest.raises(Refused) as refusal:
        plan(noor, noor, starts, ends)
    assert refused(refusal) == [("absence-overlaps", "starts_at")]
    assert "Noor is away already" in str(refusal.value)
    assert list(Absence.objects.all()) == [first]


def test_adjoining_absences_cancelled_ones_and_those_of_others_are_no_overlap(noor, adele):
    first = plan(noor, noor, 0, 1)
    next_one = actions.add_absence(noor.pk, actor=noor, starts_at=first.ends_at, ends_at=first.ends_at + DAY)
    assert calendars([noor.pk])[noor.pk].absences == ((first.starts_at, next_one.ends_at),)
    plan(adele, adele, 0, 1)
    actions.cancel_absence(first.pk, actor=noor)
    assert plan(noor, noor, 0, 0.9).pk


@pytest.mark.parametrize(("note", "code"), [("x" * 201, "too-long"), ("a\0b", "unstorable")])
def test_a_note_that_cannot_be_kept_is_refused(noor, note, code):
    with pytest.raises(Refused) as refusal:
        plan(noor, noor, note=note)
    assert refused(refusal) == [(code, "note")]
    assert not Absence.objects.exists()


def test_the_database_holds_what_the_doors_promise(noor):
    now = timezone.now()
    for wrong in (
        lambda: absence(noor, now, now),
        lambda: absence(noor, cancelled_at=now),
        lambda: absence(noor, cancelled_by=noor),
        lambda: hours(noor, starts=time(9), ends=time(9)),
        lambda: hours(noor, subdivision="BY"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            wrong()


# What is recorded, and cancelling


def test_an_absence_is_recorded_without_its_note(noor):
    made = plan(noor, noor, note="  Surgery ")
    event = Event.objects.get()
    assert made.note == "Surgery"
    assert (event.name, event.stream) == ("absence.added", f"user:{noor.pk}")
    assert event.payload.keys() == {"absence", "starts_at", "ends_at"}


def test_a_cancelled_absence_stays_and_counts_no_more(noor):
    made = plan(noor, noor)
    actions.cancel_absence(made.pk, actor=noor)
    row = Absence.objects.get()
    assert row.cancelled_at is not None
    assert calendars([noor.pk])[noor.pk].absences == ()
    assert Event.objects.order_by("-pk").first().payload == {"absence": made.pk, "ended_early": False}


def test_cancelling_twice_is_harmless(noor):
    made = plan(noor, noor)
    first = actions.cancel_absence(made.pk, actor=noor)
    assert actions.cancel_absence(made.pk, actor=noor).cancelled_at == first.cancelled_at
    assert Event.objects.count() == 2


def test_an_absence_that_runs_ends_now_and_the_time_away_stays_true(noor):
    made = absence(noor, tomorrow(-3), tomorrow(3))
    actions.cancel_absence(made.pk, actor=noor)
    row = Absence.objects.standing().get()
    assert abs(row.ends_at - timezone.now()) < timedelta(minutes=1)
    calendar = calendars([noor.pk])[noor.pk]
    assert calendar.is_absent(tomorrow(-2))
    assert not calendar.is_absent(tomorrow(1))
    assert Event.objects.get().payload == {"absence": made.pk, "ended_early": True}


def test_an_absence_that_is_over_is_not_rewritten(noor):
    made = absence(noor, tomorrow(-5), tomorrow(-3))
    with pytest.raises(Refused) as refusal:
        actions.cancel_absence(made.pk, actor=noor)
    assert refused(refusal) == [("absence-over", "")]
    assert Absence.objects.get().ends_at == made.ends_at


# Reads


def test_absences_are_found_by_what_they_are(noor):
    past, running = absence(noor, tomorrow(-9), tomorrow(-8)), absence(noor, tomorrow(-2), tomorrow(1))
    ahead, gone = absence(noor, tomorrow(2), tomorrow(4)), absence(noor, cancelled_at=timezone.now(), cancelled_by=noor)
    assert set(Absence.objects.standing()) == {past, running, ahead}
    assert set(Absence.objects.ahead()) == {running, ahead, gone}
    assert set(Absence.objects.standing().running()) == {running}
    assert set(Absence.objects.covering(tomorrow(2.5), tomorrow(3.5))) == {ahead}
    assert set(Absence.objects.covering(tomorrow(3.5), tomorrow(4.5))) == set()
    assert set(Absence.objects.covering(ahead.starts_at, ahead.ends_at)) == {ahead}
    assert set(Absence.objects.covering(ahead.ends_at, ahead.ends_at)) == set()


@pytest.mark.parametrize("rows", [1, 20])
def test_the_calendars_of_twenty_people_ask_as_much_as_that_of_one(rows, django_assert_num_queries):
    people = [person(timezone="Europe/Berlin") for _ in range(rows)]
    for one in people[::2]:
        hours(one, weekdays=[1])
        absence(one)
        absence(one, tomorrow(5), tomorrow(6))
    with django_assert_num_queries(3):
        found = calendars(one.pk for one in [*people, people[0]])
    assert found.keys() == {one.pk for one in people}
    assert len(found[people[0].pk].absences) == 2


def test_who_has_set_nothing_works_from_monday_to_friday_in_their_zone():
    tom = person(timezone="America/New_York")
    calendar = calendars([tom.pk, 999_999])[tom.pk]
    assert calendar.weekdays == {1, 2, 3, 4, 5}
    monday = datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert calendar.is_working(monday)
    assert not calendar.is_working(monday - timedelta(minutes=1))
    assert add_working([calendar], monday, 9) == datetime(2026, 11, 24, 15, tzinfo=UTC)


def test_a_zone_that_this_machine_does_not_know_is_read_as_utc():
    tom = person(timezone="Mars/Olympus")
    assert calendars([tom.pk])[tom.pk].is_working(datetime(2026, 11, 23, 9, tzinfo=UTC))


@pytest.mark.django_db(transaction=True)
def test_two_absences_at_one_time_added_at_once_leave_one():
    noor = person("noor")
    gate, outcomes = threading.Barrier(2), []

    def add():
        try:
            gate.wait(5)
            outcomes.append(plan(noor, noor).pk)
        except Refused as refusal:
            outcomes.append(refusal.blockers[0].code)
        finally:
            connection.close()

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert Absence.objects.count() == 1
    assert outcomes.count("absence-overlaps") == 1
