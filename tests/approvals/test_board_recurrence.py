"""When a board meets: by the clock on its wall, summer and winter alike."""

from datetime import date, time

import pytest

from core.recurrence import Recurrence, in_words, monthly, parsed, taken_apart, weekly
from tests.factories.boards import utc


def times(rule: str, zone: str = "UTC", at=time(9), first=date(2026, 1, 1)) -> Recurrence:
    return Recurrence(rule, first, at, zone)


def test_a_weekly_meeting_in_berlin_keeps_its_hour_when_summer_begins():
    found = times("FREQ=WEEKLY;BYDAY=TU", "Europe/Berlin").next(utc(2026, 3, 20), 3)
    assert found == [utc(2026, 3, 24, 8), utc(2026, 3, 31, 7), utc(2026, 4, 7, 7)]  # clocks change on 29 March


def test_a_weekly_meeting_in_new_york_keeps_its_hour_when_winter_begins():
    found = times("FREQ=WEEKLY;BYDAY=TH", "America/New_York").next(utc(2026, 10, 28), 2)
    assert found == [utc(2026, 10, 29, 13), utc(2026, 11, 5, 14)]  # clocks change on 1 November


def test_the_two_zones_part_for_the_weeks_in_which_only_one_has_changed_its_clocks():
    rule = "FREQ=WEEKLY;BYDAY=WE"
    berlin, york = times(rule, "Europe/Berlin", time(15)), times(rule, "America/New_York", time(9))
    assert berlin.next(utc(2026, 3, 2), 1) == [utc(2026, 3, 4, 14)] == york.next(utc(2026, 3, 2), 1)
    assert (berlin.next(utc(2026, 3, 9), 1), york.next(utc(2026, 3, 9), 1)) == (
        [utc(2026, 3, 11, 14)],
        [utc(2026, 3, 11, 13)],
    )


def test_a_local_time_that_the_clocks_skip_is_read_with_the_offset_before_it():
    found = times("FREQ=DAILY", "Europe/Berlin", time(2, 30)).next(utc(2026, 3, 28), 3)
    assert found == [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1, 30), utc(2026, 3, 30, 0, 30)]


def test_a_local_time_that_comes_twice_is_the_first_of_the_two():
    assert times("FREQ=DAILY", "Europe/Berlin", time(2, 30)).next(utc(2026, 10, 25), 1) == [utc(2026, 10, 25, 0, 30)]


def test_every_second_week_counts_from_the_first_meeting():
    assert times("FREQ=WEEKLY;INTERVAL=2;BYDAY=TH").next(utc(2026, 1, 2), 3) == [
        utc(2026, 1, 15, 9), utc(2026, 1, 29, 9), utc(2026, 2, 12, 9)
    ]  # fmt: skip


def test_the_first_and_the_last_monday_of_a_month():
    assert times(monthly("1", "MO")).next(utc(2026, 1, 6), 2) == [utc(2026, 2, 2, 9), utc(2026, 3, 2, 9)]
    assert times(monthly("-1", "MO")).next(utc(2026, 1, 6), 2) == [utc(2026, 1, 26, 9), utc(2026, 2, 23, 9)]


def test_a_meeting_at_the_asked_instant_counts_and_one_before_it_does_not():
    rule = times("FREQ=WEEKLY;BYDAY=TU")
    assert rule.next(utc(2026, 1, 6, 9), 1) == [utc(2026, 1, 6, 9)]
    assert rule.next(utc(2026, 1, 6, 9, 0, 1), 1) == [utc(2026, 1, 13, 9)]


def test_nothing_comes_before_the_first_day():
    assert times("FREQ=DAILY", first=date(2026, 5, 1)).next(utc(2026, 1, 1), 1) == [utc(2026, 5, 1, 9)]


def test_a_rule_ends_at_its_last_instant_in_the_zone_of_the_board():
    rule = times("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260331T070000Z", "Europe/Berlin")
    assert rule.next(utc(2026, 3, 20)) == [utc(2026, 3, 24, 8), utc(2026, 3, 31, 7)]


def test_a_rule_that_never_comes_true_gives_nothing_and_ends():
    assert times("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30").next(utc(2026, 1, 1)) == []


def test_a_count_holds_from_the_first_day_on():
    assert times("FREQ=DAILY;COUNT=3").next(utc(2026, 1, 2)) == [utc(2026, 1, 2, 9), utc(2026, 1, 3, 9)]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("", "one line"),
        ("every tuesday", "FREQ is one of these"),
        ("FREQ=HOURLY", "FREQ is one of these"),
        ("FREQ=SECONDLY;COUNT=9", "FREQ is one of these"),
        ("FREQ=DAILY;INTERVAL=0", "at least 1"),
        ("FREQ=WEEKLY;BYDAY=XX", "not a recurrence rule"),
        ("FREQ=WEEKLY;BYHOUR=3,4", "leave out BYHOUR"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "leave out BYMONTH and BYMONTHDAY"),
        ("FREQ=WEEKLY;COUNT=100000", "at most 10,000"),
        ("FREQ=WEEKLY\nRDATE:20260101", "one line"),
        ("DTSTART:20260101T090000", "one line"),
        ("FREQ=MONTHLY;BYSETPOS=400;BYDAY=MO", "from 1 to 366"),
        ("FREQ=WEEKLY;" + "BYDAY=MO;" * 40, "one line"),
        ("FREQ=MONTHLY;BYDAY=99MO", "99MO does not come with FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYDAY=2TU", "2TU does not come with FREQ=WEEKLY"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH is from 1 to 12"),
        ("FREQ=YEARLY;BYMONTH=5L", "BYMONTH is from 1 to 12"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "from 1 to 31, or from -1 to -31"),
        ("FREQ=YEARLY;BYWEEKNO=54", "from 1 to 53"),
    ],
)
def test_what_is_no_rule_for_a_board_is_refused_in_a_sentence(rule, why):
    from datetime import datetime

    with pytest.raises(ValueError, match=why):
        parsed(rule, datetime(2026, 1, 1, 9))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (weekly("TU"), "every Tuesday"),
        (weekly("TH", 2), "every second Thursday"),
        (monthly("1", "MO"), "monthly on the first Monday"),
        (monthly("-1", "FR"), "monthly on the last Friday"),
        ("FREQ=WEEKLY;INTERVAL=3;BYDAY=MO", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO"),
    ],
)
def test_a_rule_is_told_in_plain_words_and_a_rare_one_as_it_is(rule, words):
    assert in_words(rule) == words
    parts = taken_apart(rule)
    again = {
        "weekly": lambda: weekly(parts["day"]),
        "fortnightly": lambda: weekly(parts["day"], 2),
        "monthly": lambda: monthly(parts["nth"], parts["day"]),
        "rule": lambda: parts["rule"],
    }[parts["pattern"]]()
    assert again == rule
