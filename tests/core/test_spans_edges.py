"""Spans where they meet, overlap, or fall into the hour that the clocks skip."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.recurrence import Recurrence
from core.spans import Repeating, Span

BERLIN = "Europe/Berlin"


def utc(*at) -> datetime:
    return datetime(*at, tzinfo=UTC)


def berlin(*at) -> datetime:
    return datetime(*at, tzinfo=ZoneInfo(BERLIN))


@pytest.mark.parametrize(
    ("start", "end", "meets"),
    [(8, 9, False), (8, 10, True), (9, 11, True), (10, 10.5, True), (10, 12, True), (11, 12, False), (8, 12, True)],
)
def test_spans_that_only_touch_do_not_meet(start, end, meets):
    day, hour = utc(2026, 5, 4), timedelta(hours=1)
    assert Span(day + 9 * hour, day + 11 * hour).touches(day + start * hour, day + end * hour) is meets


def test_of_two_occurrences_that_are_on_the_one_that_ends_last_counts():
    long = Repeating(utc(2026, 5, 4, 12), utc(2026, 5, 5, 18), "FREQ=DAILY")
    assert long.occurrence_at(utc(2026, 5, 6, 13)) == Span(utc(2026, 5, 6, 12), utc(2026, 5, 7, 18))


def test_the_next_occurrence_is_not_the_one_that_begins_now():
    daily = Repeating(utc(2026, 5, 4, 9), utc(2026, 5, 4, 10), "FREQ=DAILY")
    assert daily.next_after(utc(2026, 5, 6, 9)).starts_at == utc(2026, 5, 7, 9)
    assert daily.next_after(utc(2026, 5, 6, 8, 59)).starts_at == utc(2026, 5, 6, 9)


def test_the_next_twenty_ninth_of_february_may_be_eight_years_away():
    leap = Repeating(utc(2096, 2, 29, 9), utc(2096, 2, 29, 10), "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")
    assert leap.next_after(utc(2096, 3, 1)).starts_at == utc(2104, 2, 29, 9)


@pytest.mark.parametrize(("minute", "is_on"), [(29, False), (30, True), (39, True), (40, False)])
def test_an_occurrence_that_lies_wholly_in_the_skipped_hour_is_found_when_it_is_on(minute, is_on):
    nightly = Repeating(berlin(2026, 1, 1, 2, 30), berlin(2026, 1, 1, 2, 40), "FREQ=DAILY", BERLIN)
    found = nightly.occurrence_at(utc(2026, 3, 29, 1, minute))  # 03:30 to 03:40 by the clock that follows
    assert found == (Span(utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 1, 40)) if is_on else None)


def test_a_last_occurrence_that_the_clocks_skip_is_not_the_last():
    nightly = Repeating(berlin(2026, 3, 27, 2), berlin(2026, 3, 27, 3), "FREQ=DAILY;COUNT=3", BERLIN)
    assert nightly.last_ends_at() == utc(2026, 3, 28, 2)


def test_a_time_that_the_clocks_skip_is_not_passed_over_by_who_asks_after_it():
    daily = Recurrence("FREQ=DAILY", date(2026, 3, 1), time(2, 30), BERLIN)
    assert daily.next(utc(2026, 3, 29, 1, 15), 2) == [utc(2026, 3, 29, 1, 30), utc(2026, 3, 30, 0, 30)]
