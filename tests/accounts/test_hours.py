"""When people are at work, and clocks that run only then: pure reading of a calendar, no database."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accounts.free_days import countries, known, parts_of, public_holidays, upcoming
from accounts.hours import Calendar, absent_throughout, add_working, instant, merged, without
from accounts.presence import days_in_words, holidays_in_words, presence, week_in_words

BERLIN, NEW_YORK, LORD_HOWE = (ZoneInfo(n) for n in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"))
DAILY = frozenset(range(1, 8))


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    """`2026-10-05 09:00` as an instant, UTC without a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC).astimezone(UTC)


def told(spans) -> list[str]:
    return [f"{start:%d.%m. %H:%M} to {end:%d.%m. %H:%M}" for start, end in spans]


def hours_in(calendar: Calendar, start: datetime, end: datetime) -> float:
    return sum((b - a for a, b in calendar.spans(start, end)), timedelta()).total_seconds() / 3600


# The clocks of three zones


def test_nine_to_five_moves_with_the_clocks_of_berlin():
    week = told(Calendar(1, BERLIN).spans(at("2026-10-23 00:00"), at("2026-10-28 00:00")))
    assert week == ["23.10. 07:00 to 23.10. 15:00", "26.10. 08:00 to 26.10. 16:00", "27.10. 08:00 to 27.10. 16:00"]


def test_nine_to_five_moves_with_the_clocks_of_new_york():
    week = told(Calendar(1, NEW_YORK).spans(at("2026-03-06 00:00"), at("2026-03-10 00:00")))
    assert week == ["06.03. 14:00 to 06.03. 22:00", "09.03. 13:00 to 09.03. 21:00"]


def test_nine_to_five_moves_by_half_an_hour_on_lord_howe_island():
    week = told(Calendar(1, LORD_HOWE).spans(at("2026-04-02 12:00"), at("2026-04-06 12:00")))
    assert week == ["02.04. 22:00 to 03.04. 06:00", "05.04. 22:30 to 06.04. 06:30"]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, "2026-03-28", 7),
        (BERLIN, "2026-10-24", 9),
        (NEW_YORK, "2026-03-07", 7),
        (NEW_YORK, "2026-10-31", 9),
        (LORD_HOWE, "2026-10-03", 7.5),
        (LORD_HOWE, "2026-04-04", 8.5),
        (BERLIN, "2026-06-06", 8),
    ],
)
def test_a_night_shift_lasts_as_long_as_the_clocks_let_it(zone, day, hours):
    night = Calendar(1, zone, weekdays=DAILY, starts=time(22), ends=time(6))
    noon = at(f"{day} 12:00", zone)
    assert hours_in(night, noon, noon + timedelta(days=1)) == hours


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        (BERLIN, "2026-03-29 02:30", "2026-03-29 01:00"),  # skipped: the clocks go from 2 to 3
        (BERLIN, "2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
        (NEW_YORK, "2026-03-08 02:00", "2026-03-08 07:00"),
        (NEW_YORK, "2026-11-01 01:15", "2026-11-01 05:15"),
        (LORD_HOWE, "2026-10-04 02:15", "2026-10-03 15:30"),
        (LORD_HOWE, "2026-04-05 01:45", "2026-04-04 14:45"),
        (ZoneInfo("Pacific/Apia"), "2011-12-30 12:00", "2011-12-30 10:00"),  # a day that never was
    ],
)
def test_a_time_that_is_skipped_or_comes_twice_is_one_instant(zone, wall, utc):
    assert instant(zone, datetime.fromisoformat(wall)) == at(utc)


def test_hours_that_the_clocks_skip_altogether_are_no_work():
    early = Calendar(1, BERLIN, weekdays=DAILY, starts=time(2, 10), ends=time(2, 50))
    assert told(early.spans(at("2026-03-28 12:00"), at("2026-03-29 12:00"))) == []
    assert hours_in(early, at("2026-03-29 12:00"), at("2026-03-30 12:00")) == pytest.approx(2 / 3)


# The week, nights, holidays


def test_work_starts_with_its_first_instant_and_ends_before_its_last():
    calendar = Calendar(1, BERLIN)
    assert calendar.is_working(at("2026-11-23 09:00", BERLIN))
    assert calendar.is_working(at("2026-11-23 16:59", BERLIN))
    assert not calendar.is_working(at("2026-11-23 17:00", BERLIN))
    assert not calendar.is_working(at("2026-11-23 08:59", BERLIN))
    assert not calendar.is_working(at("2026-11-22 12:00", BERLIN))


def test_a_night_shift_belongs_to_the_day_on_which_it_starts():
    friday = Calendar(1, BERLIN, weekdays=frozenset({5}), starts=time(22), ends=time(6))
    assert told(friday.spans(at("2026-11-26 00:00"), at("2026-12-03 00:00"))) == ["27.11. 21:00 to 28.11. 05:00"]
    assert friday.is_working(at("2026-11-28 05:00", BERLIN))
    assert not friday.is_working(at("2026-11-27 05:00", BERLIN))


def test_the_next_work_is_now_or_after_the_weekend_or_not_in_sight():
    calendar = Calendar(1, BERLIN)
    assert calendar.next_working(at("2026-11-27 10:00", BERLIN)) == at("2026-11-27 10:00", BERLIN)
    assert calendar.next_working(at("2026-11-27 17:00", BERLIN)) == at("2026-11-30 09:00", BERLIN)
    gone = Calendar(1, BERLIN, absences=((at("2026-01-01 00:00"), at("2028-01-01 00:00")),))
    assert gone.next_working(at("2026-11-27 10:00")) is None
    assert gone.next_working(at("2026-11-29 10:00")) is not None  # 400 days before Monday 3 January 2028


def test_the_third_of_october_is_free_in_germany_and_not_without_holidays():
    saturday_too = {"weekdays": DAILY}
    noon = at("2026-10-03 12:00", BERLIN)
    assert not Calendar(1, BERLIN, country="DE", **saturday_too).is_working(noon)
    assert Calendar(1, BERLIN, **saturday_too).is_working(noon)
    assert Calendar(1, BERLIN, country="DE", **saturday_too).is_working(noon + timedelta(days=1))


def test_a_holiday_of_one_part_of_a_country_is_free_there_alone():
    noon = at("2026-01-06 12:00", BERLIN)  # Epiphany, a Tuesday: free in Bavaria, not in Berlin
    assert not Calendar(1, BERLIN, country="DE", subdivision="BY").is_working(noon)
    assert Calendar(1, BERLIN, country="DE", subdivision="BE").is_working(noon)
    assert Calendar(1, BERLIN, country="DE").is_working(noon)


def test_a_holiday_lasts_from_midnight_to_midnight_of_the_person():
    """Independence Day 2028 is a Tuesday; in London the 4th begins five hours before it does in New York."""
    nightly = {"weekdays": DAILY, "starts": time(0), "ends": time(23, 59)}
    there = Calendar(1, NEW_YORK, country="US", **nightly)
    assert there.is_working(at("2028-07-04 03:00"))
    assert not there.is_working(at("2028-07-04 04:30"))
    assert not there.is_working(at("2028-07-05 03:00"))
    assert there.is_working(at("2028-07-05 04:30"))


def test_a_holiday_that_is_observed_on_another_year_s_last_day_is_free_then():
    assert date(2021, 12, 31) in public_holidays("US", "", 2021)  # 1 January 2022 was a Saturday


def test_a_country_that_is_no_longer_known_has_no_holidays():
    assert public_holidays("XX", "", 2026) == frozenset()
    assert public_holidays("DE", "XX", 2026) == frozenset()
    assert Calendar(1, BERLIN, country="XX").is_working(at("2026-10-05 12:00", BERLIN))


def test_countries_and_their_parts_have_names():
    assert len(countries()) > 200
    assert (countries()["US"], countries()["CD"]) == ("United States", "DR Congo")
    assert countries()["BA"] == "Bosnia and Herzegovina"
    assert parts_of("DE")["BY"] == "Bayern"
    assert parts_of("XX") == {}
    assert (known("DE"), known("DE", "BY"), known("DE", "XX"), known("XX"), known("")) == (
        True,
        True,
        False,
        False,
        False,
    )


def test_the_next_holidays_are_told_over_the_turn_of_the_year():
    assert upcoming("DE", "BY", date(2026, 12, 26), 3) == [
        (date(2026, 12, 26), "Second Day of Christmas"),
        (date(2027, 1, 1), "New Year's Day"),
        (date(2027, 1, 6), "Epiphany"),
    ]
    assert upcoming("", "", date(2026, 12, 26), 3) == []


# Absences


def away(start: str, end: str, cancelled: bool = False) -> SimpleNamespace:
    return SimpleNamespace(starts_at=at(start), ends_at=at(end), cancelled_at=at(start) if cancelled else None)


def test_adjoining_absences_are_one():
    two = [away("2026-11-25 00:00", "2026-11-27 00:00"), away("2026-11-23 00:00", "2026-11-25 00:00")]
    assert absent_throughout(two, at("2026-11-24 00:00"), at("2026-11-26 00:00"))
    assert absent_throughout(two, at("2026-11-23 00:00"), at("2026-11-27 00:00"))
    assert not absent_throughout(two, at("2026-11-23 00:00"), at("2026-11-27 00:01"))
    assert not absent_throughout(two[:1], at("2026-11-24 00:00"), at("2026-11-26 00:00"))


def test_a_minute_between_absences_is_a_gap():
    two = [away("2026-11-23 00:00", "2026-11-24 23:59"), away("2026-11-25 00:00", "2026-11-27 00:00")]
    assert not absent_throughout(two, at("2026-11-24 00:00"), at("2026-11-26 00:00"))


def test_a_cancelled_absence_covers_nothing():
    assert not absent_throughout(
        [away("2026-11-23 00:00", "2026-11-27 00:00", cancelled=True)], at("2026-11-24 00:00"), at("2026-11-25 00:00")
    )


def test_an_instant_is_covered_from_the_start_of_an_absence_to_before_its_end():
    one = [away("2026-11-23 00:00", "2026-11-27 00:00")]
    assert absent_throughout(one, at("2026-11-23 00:00"), at("2026-11-23 00:00"))
    assert not absent_throughout(one, at("2026-11-27 00:00"), at("2026-11-27 00:00"))
    assert not absent_throughout([], at("2026-11-23 00:00"), at("2026-11-23 00:00"))


def test_who_is_absent_is_not_at_work():
    calendar = Calendar(1, BERLIN, absences=((at("2026-11-23 12:00", BERLIN), at("2026-11-24 10:00", BERLIN)),))
    assert calendar.is_absent(at("2026-11-23 12:00", BERLIN))
    assert not calendar.is_absent(at("2026-11-24 10:00", BERLIN))
    assert told(calendar.spans(at("2026-11-23 00:00"), at("2026-11-25 00:00"))) == [
        "23.11. 08:00 to 23.11. 11:00",
        "24.11. 09:00 to 24.11. 16:00",
    ]


# Clocks


def test_a_clock_stands_over_the_night_and_the_weekend():
    berlin = Calendar(1, BERLIN)
    assert add_working([berlin], at("2026-11-27 15:00", BERLIN), 4) == at("2026-11-30 11:00", BERLIN)
    assert add_working([berlin], at("2026-11-28 15:00", BERLIN), 8) == at("2026-11-30 17:00", BERLIN)


def test_a_clock_runs_while_anybody_is_at_work():
    both = [Calendar(1, BERLIN), Calendar(2, NEW_YORK)]  # 08:00 to 16:00 and 14:00 to 22:00 UTC
    assert add_working(both, at("2026-11-23 08:00"), 14) == at("2026-11-23 22:00")
    assert add_working(both, at("2026-11-23 08:00"), 15) == at("2026-11-24 09:00")


def test_a_clock_that_asks_for_no_hours_does_not_move():
    assert add_working([Calendar(1, BERLIN)], at("2026-11-28 15:00"), 0) == at("2026-11-28 15:00")


def test_a_clock_without_anybody_runs_in_plain_hours():
    start = at("2026-11-28 15:00")
    nobody = Calendar(1, BERLIN, weekdays=frozenset())
    assert add_working([], start, 30) == start + timedelta(hours=30)
    assert add_working([nobody], start, 30) == start + timedelta(hours=30)


def test_a_clock_goes_on_plainly_where_the_last_work_ended():
    """One working day, then away for two years: the rest does not wait for them."""
    leaving = Calendar(1, BERLIN, absences=((at("2026-11-24 00:00"), at("2028-11-24 00:00")),))
    assert add_working([leaving], at("2026-11-23 06:00", BERLIN), 10) == at("2026-11-23 19:00", BERLIN)


def test_a_clock_of_many_hours_runs_longer_than_one_search():
    assert add_working([Calendar(1, BERLIN)], at("2026-01-05 09:00", BERLIN), 8 * 5 * 100) == at(
        "2027-12-03 17:00", BERLIN
    )


def test_a_clock_does_not_run_backwards():
    with pytest.raises(ValueError, match="backwards"):
        add_working([], at("2026-11-28 15:00"), -1)


# Against brute force: every minute asked by itself

MINUTE = timedelta(minutes=1)
DAYS = 9
TURNS = [  # the clocks turn within the days after these
    (BERLIN, "2026-03-27 12:00"),
    (BERLIN, "2026-10-23 00:00"),
    (NEW_YORK, "2026-03-06 09:00"),
    (NEW_YORK, "2026-10-30 03:00"),
    (LORD_HOWE, "2026-04-03 03:00"),
    (LORD_HOWE, "2026-10-01 20:00"),
    (ZoneInfo("UTC"), "2026-12-24 00:00"),
    (BERLIN, "2026-12-23 00:00"),
]
minutes = st.integers(0, 24 * 60 - 1)


@st.composite
def calendars(draw, zone: ZoneInfo, begin: datetime) -> Calendar:
    starts, ends = draw(st.lists(minutes, min_size=2, max_size=2, unique=True))
    gaps = draw(st.lists(st.tuples(st.integers(0, DAYS * 1440), st.integers(1, 3000)), max_size=3))
    spans = sorted((begin + a * MINUTE, begin + (a + b) * MINUTE) for a, b in gaps)
    return Calendar(
        1,
        zone,
        draw(st.frozensets(st.integers(1, 7), max_size=7)),
        time(starts // 60, starts % 60),
        time(ends // 60, ends % 60),
        *draw(st.sampled_from([("", ""), ("DE", ""), ("DE", "BY"), ("US", "")])),
        absences=tuple(merged(spans)),
    )


@st.composite
def teams(draw) -> tuple[list[Calendar], datetime]:
    zone, begin = draw(st.sampled_from(TURNS))
    begin = at(begin)
    others = draw(st.lists(st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE]), max_size=1))
    return [draw(calendars(one, begin)) for one in [zone, *others]], begin


def minutes_at_work(calendar: Calendar, begin: datetime) -> set[datetime]:
    """The working minutes of the days from `begin` on, each told by the clock on the wall: one that never goes back, so that a
    time which comes twice counts once, and one that is skipped has come with the next."""
    wall, found = datetime.min, set()
    for n in range(-2 * 1440, DAYS * 1440):
        now = begin + n * MINUTE
        wall = max(wall, now.astimezone(calendar.zone).replace(tzinfo=None))
        if n >= 0 and _on_duty(calendar, wall) and not any(a <= now < b for a, b in calendar.absences):
            found.add(now)
    return found


def _on_duty(calendar: Calendar, wall: datetime) -> bool:
    clock, night = wall.time(), calendar.ends < calendar.starts
    if calendar.starts <= clock and (night or clock < calendar.ends):
        return _is_workday(calendar, wall.date())
    return night and clock < calendar.ends and _is_workday(calendar, wall.date() - timedelta(days=1))


def _is_workday(calendar: Calendar, day: date) -> bool:
    free = public_holidays(calendar.country, calendar.subdivision, day.year)
    return day.isoweekday() in calendar.weekdays and day not in free


@settings(max_examples=40, deadline=None)
@given(teams())
def test_spans_are_the_minutes_that_brute_force_finds(team):
    (calendar, *_), begin = team
    end = begin + timedelta(days=DAYS)
    spans = list(calendar.spans(begin, end))
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    found = {start + n * MINUTE for start, stop in spans for n in range((stop - start) // MINUTE)}
    assert found == minutes_at_work(calendar, begin)


@settings(max_examples=40, deadline=None)
@given(teams(), st.integers(0, 1440), st.integers(1, 40 * 60))
def test_a_clock_runs_out_where_brute_force_says(team, shift, minutes):
    people, begin = team
    start = begin + shift * MINUTE
    working = sorted(m for m in set().union(*(minutes_at_work(c, begin) for c in people)) if m >= start)
    assume(len(working) >= minutes)
    assert add_working(people, start, minutes / 60) == working[minutes - 1] + MINUTE


@settings(max_examples=80, deadline=None)
@given(teams(), st.integers(0, 1440), st.floats(0.01, 200))
def test_a_clock_moves_by_exactly_the_asked_working_time(team, shift, hours):
    people, begin = team
    assume(any(c.next_working(begin) for c in people))
    start = begin + shift * MINUTE
    end = add_working(people, start, hours)
    spans = merged(sorted(span for c in people for span in c.spans(start, end)))
    assert sum((b - a for a, b in spans), timedelta()) == timedelta(hours=hours)
    assert any(c.is_working(end - timedelta(microseconds=1)) for c in people)  # not an instant too late


@settings(max_examples=80, deadline=None)
@given(teams(), st.integers(0, 3000), st.integers(0, 3000), st.floats(0, 100), st.floats(0, 100))
def test_a_later_start_or_more_hours_never_end_earlier(team, shift, later, hours, more):
    people, begin = team
    start = begin + shift * MINUTE
    end = add_working(people, start, hours)
    assert end >= start
    assert add_working(people, start + later * MINUTE, hours) >= end
    assert add_working(people, start, hours + more) >= end


numbers = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6).map(
    lambda pairs: sorted((a, a + n) for a, n in pairs)
)


@given(numbers, numbers)
def test_spans_without_holes_hold_what_the_one_has_and_the_other_has_not(some, holes):
    def cells(spans):
        return {n for a, b in spans for n in range(a, b)}

    some, holes = list(merged(some)), list(merged(holes))
    left = list(without(some, holes))
    assert cells(left) == cells(some) - cells(holes)
    assert all(a[1] <= b[0] for a, b in pairwise(left))
    assert all(a < b for a, b in left)


# In words


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ({1, 2, 3, 4, 5}, "Mon to Fri"),
        ({1, 2, 4}, "Mon, Tue and Thu"),
        ({1, 2, 3, 5}, "Mon to Wed and Fri"),
        (set(range(1, 8)), "Mon to Sun"),
        ({7}, "Sun"),
    ],
)
def test_days_are_told_in_runs(days, words):
    assert days_in_words(frozenset(days)) == words


def test_a_week_is_told_with_its_times_and_holidays():
    assert week_in_words(Calendar(1, BERLIN)) == "Mon to Fri, 09:00 to 17:00"
    night = Calendar(1, BERLIN, starts=time(22), ends=time(6, 30), country="DE", subdivision="BY")
    assert week_in_words(night) == "Mon to Fri, 22:00 to 06:30 (next day)"
    assert holidays_in_words(night) == "Germany, Bayern"
    assert holidays_in_words(Calendar(1, BERLIN, country="AT")) == "Austria"


def test_presence_is_away_before_it_is_off_or_at_work():
    gone = (at("2026-11-24 00:00", BERLIN), at("2026-11-26 00:00", BERLIN))
    calendar = Calendar(1, BERLIN, absences=(gone,))
    told = [
        presence(calendar, at(text, BERLIN)) for text in ("2026-11-23 10:00", "2026-11-23 18:00", "2026-11-24 10:00")
    ]
    assert [p.state for p in told] == ["working", "off", "away"]
    assert told[0].until == at("2026-11-23 17:00", BERLIN)
    assert told[1].until == at("2026-11-26 09:00", BERLIN)
    assert told[2].until == gone[1]
