"""For how long an environment was well on end, judged from looks."""

from datetime import UTC, datetime, timedelta

import pytest

from deployments.steadiness import Look, look_of, watched_for, well_for

NOW = datetime(2026, 11, 12, 21, 0, tzinfo=UTC)


def seconds(number):
    return timedelta(seconds=number)


def look(seconds_ago, ok=True, took=0):
    return Look(ok, NOW - seconds(seconds_ago), seconds(took))


@pytest.mark.parametrize(
    ("looks", "well_s"),
    [
        ([], None),
        ([look(0)], 0),
        ([look(7)], 7),
        ([look(20), look(10), look(0)], 20),
        ([look(25), look(15), look(5)], 25),
        ([look(20), look(10, ok=False), look(0)], 0),
        ([look(20), look(10), look(0, ok=False)], None),
        ([look(25, ok=False), look(15), look(5)], 15),
        ([look(40), look(10), look(1)], 10),
        ([look(25), look(20), look(18)], None),
        ([look(10, took=4), look(5, took=3)], 6),
        ([look(-5)], None),
    ],
    ids=[
        "nothing seen",
        "seen this instant",
        "seen once",
        "good all the time",
        "good up to a moment ago",
        "bad in the middle",
        "bad at the end",
        "bad before",
        "nobody looked for half a minute in the middle",
        "nobody looked lately",
        "counted from when the first answers were there",
        "a look after now",
    ],
)
def test_well_means_good_and_watched_without_a_break(looks, well_s):
    expected = None if well_s is None else seconds(well_s)
    assert well_for(looks, 2, NOW) == expected


def test_a_gap_is_measured_by_the_interval_that_was_agreed():
    looks = [look(120), look(60), look(0)]
    assert well_for(looks, 60, NOW) == seconds(120)
    assert well_for(looks, 40, NOW) == seconds(0)


def test_a_clock_set_forward_by_an_hour_begins_the_steady_time_anew():
    looks = [look(3604), look(3602), look(2), look(0)]
    assert well_for(looks, 2, NOW) == seconds(2)


def test_a_clock_set_back_by_an_hour_begins_the_steady_time_anew():
    looks = [look(-3600 + 4), look(-3600 + 2), look(2), look(0)]
    assert well_for(looks, 2, NOW) == seconds(2)


def test_a_look_without_hooks_is_never_longer_than_it_can_have_been():
    jumped = look_of(True, NOW, NOW + timedelta(hours=1), called_hooks=False)
    called = look_of(True, NOW, NOW + timedelta(hours=1), called_hooks=True)
    set_back = look_of(True, NOW, NOW - timedelta(hours=1), called_hooks=True)
    assert [each.took for each in (jumped, called, set_back)] == [seconds(30), timedelta(hours=1), seconds(0)]


@pytest.mark.parametrize(
    ("looks", "watched_s"),
    [
        ([], 20),
        ([look(100), look(98), look(96)], 20 + 2 + 2 + 17),
        ([look(3700), look(3698), look(2), look(0)], 20 + 2 + 17 + 2),
        ([look(10, took=8), look(0)], 20 + 8 + 2),
    ],
    ids=["nobody looked yet", "nobody looks any more", "nobody looked for an hour", "a look that takes long"],
)
def test_only_time_in_which_somebody_looked_uses_up_the_limit(looks, watched_s):
    began = (looks[0].at if looks else NOW) - seconds(20)
    assert watched_for(looks, began, 2, 5, NOW) == seconds(watched_s)


def test_the_first_look_may_be_late_by_the_delay_that_was_agreed():
    assert watched_for([look(0)], NOW - seconds(100), 2, 60, NOW) == seconds(2 + 15 + 60)
    assert watched_for([look(0)], NOW + timedelta(hours=1), 2, 60, NOW) == seconds(0)
