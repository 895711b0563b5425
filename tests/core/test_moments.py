"""Days and instants of our time: one rule, said by forms and doors alike."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django import forms

from core import moments
from core.blockers import Refused
from core.forms import Day, Moment

SAID = "Choose a day from 2000 to 2100."


class Asked(forms.Form):
    at = Moment(required=False)
    on = Day(required=False)


@pytest.mark.parametrize("year", [1, 1970, 1999, 2101, 2200, 9999])
def test_what_is_not_of_our_time_is_refused_at_its_field(year):
    at = datetime(year, 6, 15, 12, tzinfo=UTC)

    with pytest.raises(Refused) as refusal:
        moments.fit(starts_at=at, ends_at=None, on=at.date(), due=datetime(2030, 1, 1, tzinfo=UTC))

    assert [(b.code, b.field, b.message) for b in refusal.value.blockers] == [
        ("out-of-time", "starts_at", SAID),
        ("out-of-time", "on", SAID),
    ]


@pytest.mark.parametrize("day", [date(2000, 1, 1), date(2100, 12, 31)])
def test_the_first_and_the_last_day_are_of_our_time(day):
    moments.fit(on=day, at=datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC))
    assert Asked({"at": f"{day}T00:00", "on": f"{day}"}).is_valid()


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_the_ends_of_the_calendar_are_judged_without_reckoning_by_another_clock(hours):
    zone = timezone(timedelta(hours=hours))
    for at in (datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)):
        assert [b.field for b in moments.unfit(at=at)] == ["at"]


def test_a_form_says_it_at_both_kinds_of_fields():
    form = Asked({"at": "9999-12-31T23:59", "on": "0001-01-01"})

    assert form.errors == {"at": [SAID], "on": [SAID]}


def test_a_form_left_empty_has_nothing_to_say():
    assert Asked({"at": "", "on": ""}).is_valid()
