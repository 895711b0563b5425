"""How instants, spans and counts are worded. The cases are those of the interface's rules for wording."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from core import wording

NOW = datetime(2026, 11, 10, 13, 16, tzinfo=UTC)  # Tue 10 Nov 2026, 14:16 in Amsterdam
WINDOW = datetime(2026, 11, 12, 20, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def this_moment(monkeypatch, amsterdam):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def test_a_record_names_day_year_clock_and_zone_of_the_reader():
    assert wording.full(WINDOW) == "Thu 12 Nov 2026, 21:00 CET"


def test_a_table_drops_the_current_year_and_keeps_another():
    assert wording.moment(WINDOW) == "Thu 12 Nov, 21:00"
    assert wording.day(date(2025, 11, 12)) == "Wed 12 Nov 2025"


def test_today_is_called_today():
    assert wording.near(NOW - timedelta(hours=4, minutes=28)) == "today, 09:48"
    assert wording.near(WINDOW) == "Thu 12 Nov, 21:00"


def test_a_zone_without_letters_is_given_as_its_distance_from_utc():
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        assert wording.full(NOW) == "Tue 10 Nov 2026, 19:01 UTC+05:45"


def test_a_span_repeats_the_day_only_when_it_passes_midnight():
    assert wording.span(WINDOW, WINDOW + timedelta(hours=2)) == "Thu 12 Nov 2026, 21:00 to 23:00 CET"
    assert wording.span(WINDOW, WINDOW + timedelta(hours=4)) == "Thu 12 Nov 2026, 21:00 to Fri 13 Nov 2026, 01:00 CET"


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(seconds=20), "now"),
        (timedelta(minutes=9), "in 9 min"),
        (timedelta(minutes=-14), "14 min ago"),
        (timedelta(hours=-3, minutes=-10), "3 h ago"),
        (timedelta(hours=-20), "yesterday"),
        (timedelta(days=1, hours=3), "tomorrow"),
        (timedelta(days=2, hours=7), "in 2 days"),
        (timedelta(days=-12), "12 days ago"),
        (timedelta(days=100), "in 3 months"),
        (timedelta(days=-1000), "3 years ago"),
    ],
)
def test_near_instants_are_counted_in_hours_and_far_ones_in_calendar_days(distance, words):
    assert wording.relative(NOW + distance) == words


def test_a_day_is_relative_by_the_calendar():
    assert wording.relative(date(2026, 11, 10)) == "today"
    assert wording.relative(date(2026, 11, 20)) == "in 10 days"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (42, "42 s"),
        (240, "4 min"),
        (228, "3 min 48 s"),
        (7500, "2 h 5 min"),
        (86400 * 3 + 14400, "3 days 4 h"),
        (86400 * 5 + 31 * 60, "5 days"),
        (3600 + 59, "1 h"),
    ],
)
def test_a_duration_shows_its_largest_unit_and_the_one_below(seconds, words):
    assert wording.duration(timedelta(seconds=seconds)) == words
    assert wording.duration(seconds) == words


def test_counts_take_the_plural_of_their_noun():
    assert wording.plural(1, "change") == "1 change"
    assert wording.plural(1240, "delivery") == "1,240 deliveries"
    assert wording.plural(0, "day") == "0 days"
    assert wording.plural(2, "batch") == "2 batches"
    assert wording.plural(3, "person", "people") == "3 people"


def test_figures_have_commas_points_and_a_real_minus():
    assert wording.number(1240.5, 1) == "1,240.5"
    assert wording.number(-9) == "−9"
    assert wording.percent(0.78) == "78%"


def test_lists_end_with_and():
    assert wording.listed(["Ines"]) == "Ines"
    assert wording.listed(["Priya", "Lena", "Noor"]) == "Priya, Lena and Noor"


@pytest.mark.parametrize(
    ("chance", "word"), [(0.75, "likely"), (0.749, "at risk"), (0.5, "at risk"), (0.49, "unlikely")]
)
def test_a_forecast_carries_its_word(chance, word):
    assert wording.judged(chance) == word


def test_a_digest_keeps_both_ends():
    assert wording.digest_short("sha256:4be1" + "0" * 56 + "07d2") == "sha256:4be1…07d2"
    assert wording.digest_short("9f3c1ab") == "9f3c1ab"
