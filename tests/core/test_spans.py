"""Spans that come again: by the clock on the wall, at both changes of the clocks, in three zones."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.recurrence import in_words, on_date, on_days
from core.spans import Repeating, Span

BERLIN, YORK, HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
MINUTE = timedelta(minutes=1)


def utc(*at) -> datetime:
    return datetime(*at, tzinfo=UTC)


def wall(zone: str, *at, fold: int = 0) -> datetime:
    return datetime(*at, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def nightly(zone: str, start: tuple, end: tuple, on=(2026, 1, 1)) -> Repeating:
    """Every night between two wall times; an end at or before the start is on the next day."""
    first, last = datetime(*on, *start), datetime(*on, *end)
    last += timedelta(days=1) if last <= first else timedelta()
    place = ZoneInfo(zone)
    return Repeating(first.replace(tzinfo=place), last.replace(tzinfo=place), "FREQ=DAILY", zone)


# (zone, day on which the clocks go forward, day on which they go back)
CHANGES = [
    (BERLIN, (2026, 3, 29), (2026, 10, 25)),
    (YORK, (2026, 3, 8), (2026, 11, 1)),
    (HOWE, (2026, 10, 4), (2026, 4, 5)),
]


@pytest.mark.parametrize(("zone", "forward", "back", "shift_min"), [(*c, 60 if c[0] != HOWE else 30) for c in CHANGES])
def test_a_night_keeps_its_wall_times_and_is_shorter_in_spring_and_longer_in_autumn(zone, forward, back, shift_min):
    nights = nightly(zone, (1, 0), (6, 0))
    for day, minutes in ((forward, 300 - shift_min), (back, 300 + shift_min)):
        found = nights.occurrence_at(wall(zone, *day, 5))
        assert (found.starts_at, found.ends_at) == (wall(zone, *day, 1), wall(zone, *day, 6))
        assert found.ends_at - found.starts_at == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("zone", "start", "end", "day", "starts", "ends"),
    [
        # forward: 02:30 is skipped and read with the offset before, so it is 03:30 by the clock that follows
        (BERLIN, (2, 30), (5, 0), (2026, 3, 29), utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 3, 0)),
        (YORK, (2, 30), (5, 0), (2026, 3, 8), utc(2026, 3, 8, 7, 30), utc(2026, 3, 8, 9, 0)),
        (HOWE, (2, 15), (5, 0), (2026, 10, 4), utc(2026, 10, 3, 15, 45), utc(2026, 10, 3, 18, 0)),
        # back: what comes twice is the first of the two
        (BERLIN, (2, 30), (5, 0), (2026, 10, 25), utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 4, 0)),
        (YORK, (1, 30), (5, 0), (2026, 11, 1), utc(2026, 11, 1, 5, 30), utc(2026, 11, 1, 10, 0)),
        (HOWE, (1, 45), (5, 0), (2026, 4, 5), utc(2026, 4, 4, 14, 45), utc(2026, 4, 4, 18, 30)),
        (BERLIN, (1, 0), (2, 30), (2026, 10, 25), utc(2026, 10, 24, 23, 0), utc(2026, 10, 25, 0, 30)),
    ],
)  # fmt: skip
def test_a_skipped_start_takes_the_offset_before_it_and_a_doubled_one_is_the_first(zone, start, end, day, starts, ends):
    spans = nightly(zone, start, end).between(starts - timedelta(hours=1), ends + timedelta(hours=1))
    assert Span(starts, ends) in spans


@pytest.mark.parametrize(
    ("zone", "start", "end", "day"),
    [
        (BERLIN, (2, 0), (3, 0), (2026, 3, 29)),
        (YORK, (2, 15), (3, 0), (2026, 3, 8)),
        (HOWE, (2, 0), (2, 30), (2026, 10, 4)),
    ],
)
def test_an_occurrence_that_the_clocks_skip_as_a_whole_does_not_exist(zone, start, end, day):
    nights = nightly(zone, start, end)
    before = wall(zone, *day, 0)
    assert nights.between(before, before + timedelta(hours=20)) == []
    assert nights.next_after(before).starts_at == wall(zone, day[0], day[1], day[2] + 1, *start)


def test_without_a_rule_a_span_comes_once_at_exactly_its_instants():
    once = Repeating(utc(2026, 10, 25, 1), utc(2026, 10, 25, 2), "", BERLIN)
    assert once.occurrence_at(utc(2026, 10, 25, 1, 30)) == Span(utc(2026, 10, 25, 1), utc(2026, 10, 25, 2))
    assert once.occurrence_at(utc(2026, 10, 25, 2)) is None
    assert (once.next_after(utc(2026, 10, 25)).starts_at, once.next_after(utc(2026, 10, 25, 1))) == (
        utc(2026, 10, 25, 1),
        None,
    )


def test_a_span_is_half_open():
    span = Span(utc(2026, 1, 1), utc(2026, 1, 2))
    assert span.covers(utc(2026, 1, 1))
    assert not span.covers(utc(2026, 1, 2))
    assert span.touches(utc(2026, 1, 1, 23), utc(2026, 1, 5))
    assert not span.touches(utc(2026, 1, 2), utc(2026, 1, 3))


def test_an_occurrence_that_is_still_on_is_found_however_long_ago_it_began():
    quarterly = Repeating(utc(2026, 1, 1), utc(2026, 3, 20), "FREQ=YEARLY", "UTC")
    assert quarterly.occurrence_at(utc(2027, 3, 19)) == Span(utc(2027, 1, 1), utc(2027, 3, 20))


def test_the_last_end_of_a_rule_is_known_where_it_has_one():
    start, end = utc(2026, 1, 6, 9), utc(2026, 1, 6, 11)
    assert Repeating(start, end, "FREQ=WEEKLY;BYDAY=TU;COUNT=3").last_ends_at() == utc(2026, 1, 20, 11)
    assert Repeating(start, end, "FREQ=WEEKLY;BYDAY=TU;UNTIL=20260202T000000Z").last_ends_at() == utc(2026, 1, 27, 11)
    assert Repeating(start, end, "FREQ=WEEKLY;BYDAY=TU").last_ends_at() is None
    assert Repeating(start, end).last_ends_at() == end


def test_a_rule_that_never_comes_true_gives_nothing_and_ends():
    never = Repeating(utc(2001, 1, 1), utc(2001, 1, 2), "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30")
    assert (never.occurrence_at(utc(2026, 2, 1)), never.next_after(utc(2026, 2, 1)), never.first) == (None, None, None)


def test_the_first_occurrence_may_be_later_than_the_start():
    saturday = Repeating(utc(2026, 1, 3, 9), utc(2026, 1, 3, 10), "FREQ=WEEKLY;BYDAY=MO")
    assert saturday.first == Span(utc(2026, 1, 5, 9), utc(2026, 1, 5, 10))


RULES = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3",
    on_days(["SA", "SU"]),
    on_days(["MO", "TU", "WE", "TH", "FR"]),
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU",
    "FREQ=MONTHLY;BYDAY=-1SU",
    "FREQ=MONTHLY;BYMONTHDAY=29",
    "FREQ=YEARLY;BYMONTH=3,10,11;BYDAY=SU",
    "FREQ=DAILY;COUNT=40",
    "FREQ=WEEKLY;BYDAY=SU;UNTIL=20261031T000000Z",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rule=st.sampled_from(RULES),
    change=st.sampled_from([(zone, day) for zone, *days in CHANGES for day in days]),
    back_days=st.integers(0, 45),
    start_min=st.integers(0, 5 * 60),
    length_min=st.integers(1, 30 * 60),
)
def test_every_occurrence_agrees_with_a_walk_minute_by_minute(rule, change, back_days, start_min, length_min):
    zone, day = change
    place = ZoneInfo(zone)
    first = datetime(*day) - timedelta(days=back_days) + timedelta(minutes=start_min)
    repeating = Repeating(
        first.replace(tzinfo=place), (first + timedelta(minutes=length_min)).replace(tzinfo=place), rule, zone
    )
    if repeating._wall(repeating.starts_at) != first or repeating._wall(repeating.ends_at) != first + timedelta(
        minutes=length_min
    ):
        return  # a first wall time that the clocks skip: no such instant can be stored
    start = wall(zone, *day, 0) - timedelta(hours=12)
    end = start + timedelta(hours=48)
    spans = repeating.between(start, end)
    walked = on_by_walking(rule, first, length_min, zone, start, end)
    minutes = [start + n * MINUTE for n in range((end - start) // MINUTE)]
    assert {at for at in minutes if any(span.covers(at) for span in spans)} == walked
    for at in minutes:
        if at.minute % 20 == 0 or len({at - MINUTE in walked, at in walked, at + MINUTE in walked}) == 2:
            assert (repeating.occurrence_at(at) is not None) == (at in walked), at


def on_by_walking(
    rule: str, first: datetime, length_min: int, zone: str, start: datetime, end: datetime
) -> set[datetime]:
    """Every minute (UTC) that is on, told by walking the time line and reading the wall clock: slow, and by other means.

    Each wall minute of a rule's day is looked up among the instants that show it: the earliest one; where no instant shows it, the
    wall minute is as many minutes after the last one shown as the clock was ahead of it.
    """
    place = ZoneInfo(zone)
    shown = shown_by_the_clock(zone, start - timedelta(days=3), end + timedelta(days=3))
    text = rule.replace("UNTIL=20261031T000000Z", f"UNTIL={utc(2026, 10, 31).astimezone(place):%Y%m%dT%H%M%S}")
    found: set[datetime] = set()
    low, high = min(shown), max(shown)
    for naive in rrulestr(text, dtstart=first).between(low, high, inc=True):
        finish = naive + timedelta(minutes=length_min)
        if finish > high:
            continue
        on, over = looked_up(shown, naive), looked_up(shown, finish)
        while on < over:
            found.add(on)
            on += MINUTE
    return {at for at in found if start <= at < end}


@cache
def shown_by_the_clock(zone: str, start: datetime, end: datetime) -> dict[datetime, datetime]:
    """{wall minute: the first instant that shows it}"""
    shown: dict[datetime, datetime] = {}
    at = start
    while at < end:
        shown.setdefault(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0), at)
        at += MINUTE
    return shown


def looked_up(shown: dict[datetime, datetime], naive: datetime) -> datetime:
    skipped = 0
    while naive - skipped * MINUTE not in shown:
        skipped += 1
    return shown[naive - skipped * MINUTE] + skipped * MINUTE


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=DAILY", "every day"),
        (on_days(["TU", "MO"]), "every Monday and Tuesday"),
        (on_days(["MO", "TU", "WE", "TH", "FR"]), "from Monday to Friday"),
        (on_date(15), "monthly on day 15"),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=3", "every Tuesday, 3 times"),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20270331T000000Z", "every Tuesday, until 31 Mar 2027"),
        ("FREQ=YEARLY;BYWEEKNO=20", "FREQ=YEARLY;BYWEEKNO=20"),
    ],
)
def test_a_rule_is_told_in_plain_words(rule, words):
    assert in_words(rule) == words
