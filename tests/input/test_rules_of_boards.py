"""Recurrence rules that no board means: refused in a sentence at their field, soon, with all that was typed kept."""

import html
import time

import pytest
from django.urls import reverse

from approvals.models import Board, Meeting
from core.models import Event
from tests.input.conftest import as_person, undone
from tests.input.test_fields import error_at

AT_MOST_S = 3  # of the processor; a rule that was followed through the centuries would take minutes
BOARD = {
    "name": "Board of rules",
    "pattern": "rule",
    "nth": "1",
    "day": "TU",
    "clock": "10:00",
    "zone": "Europe/London",
    "first_on": "2026-01-01",
    "minutes_long": "60",
    "minutes_per_item": "10",
    "member_roles": "role:cab-member",
}
REFUSED = {
    "every second": "FREQ=SECONDLY",
    "every minute, a thousand million times": "FREQ=MINUTELY;COUNT=1000000000",
    "every hour until the end of days": "FREQ=HOURLY;UNTIL=99991231T235959Z",
    "a second frequency": "FREQ=DAILY;FREQ=SECONDLY",
    "more often than can be counted": "FREQ=DAILY;COUNT=" + "9" * 100,
    "too long to read": "FREQ=DAILY;COUNT=" + "9" * 500,
    "a negative count": "FREQ=DAILY;COUNT=-1",
    "no step at all": "FREQ=DAILY;INTERVAL=0",
    "the ninety-ninth Monday": "FREQ=MONTHLY;BYDAY=99MO",
    "no Monday": "FREQ=MONTHLY;BYDAY=0MO",
    "the second Tuesday of a week": "FREQ=WEEKLY;BYDAY=2TU",
    "the thirteenth month": "FREQ=YEARLY;BYMONTH=13",
    "the day before the first": "FREQ=MONTHLY;BYMONTHDAY=0",
    "the week after the last": "FREQ=YEARLY;BYWEEKNO=54",
    "a day that never comes": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "a day that never comes, once": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31;COUNT=1",
    "a place that never comes": "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=366;COUNT=10000",
    "the day of a leap year, every thousand years": "FREQ=YEARLY;INTERVAL=1000;BYYEARDAY=366;COUNT=10000",
    "a day of the week that is another's": "FREQ=DAILY;INTERVAL=7;BYDAY=FR",
    "until there was time": "FREQ=DAILY;UNTIL=00010101T000000Z",
    "until a day that there is not": "FREQ=DAILY;UNTIL=20260230",
    "other times of the day": "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0",
    "another start": "DTSTART=20260101;FREQ=DAILY",
    "a second line": "FREQ=DAILY\nRRULE:FREQ=SECONDLY",
    "a zero character": "FREQ=DAILY;\0",
    "separators alone": ";=;=;",
}
STARTS = {"before there were boards": "0001-01-01", "at the end of days": "9999-12-31"}


def posted(client, name: str, data: dict):
    """(answer, what it left, seconds of the processor that it took)"""
    with undone():
        before, since = Event.objects.count(), time.process_time()
        answer = client.post(reverse(name), data)
        took = time.process_time() - since
        left = (Board.objects.filter(name=BOARD["name"]).count(), Event.objects.count() - before)
    return answer, left, took


@pytest.mark.parametrize("kind", REFUSED)
def test_a_rule_that_no_board_means_is_refused_at_its_field_soon(world, kind):
    data = BOARD | {"rule": REFUSED[kind]}

    answer, left, took = posted(as_person(world.master), "approvals:board_new", data)

    page = html.unescape(answer.content.decode())
    assert (answer.status_code, left) == (422, (0, 0))
    assert error_at("rule", page)
    assert BOARD["name"] in page
    assert took < AT_MOST_S


@pytest.mark.parametrize("kind", REFUSED)
def test_the_preview_of_such_a_rule_lists_no_meeting(world, kind):
    answer, _, took = posted(as_person(world.master), "approvals:board_preview", BOARD | {"rule": REFUSED[kind]})

    assert answer.status_code == 200
    assert "<time" not in answer.content.decode()
    assert took < AT_MOST_S


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("rule", ["FREQ=DAILY", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=YEARLY;COUNT=10000"])
def test_a_rule_runs_from_no_day_far_away(world, kind, rule):
    data = BOARD | {"rule": rule, "first_on": STARTS[kind]}

    answer, left, took = posted(as_person(world.master), "approvals:board_new", data)
    preview, _, took_more = posted(as_person(world.master), "approvals:board_preview", data)

    assert (answer.status_code, preview.status_code, left) == (422, 200, (0, 0))
    assert "2000 to 2100" in error_at("first_on", html.unescape(answer.content.decode()))
    assert max(took, took_more) < AT_MOST_S


@pytest.mark.parametrize("kind", REFUSED)
def test_the_api_refuses_such_a_rule_too(world, kind):
    client = as_person(world.master)
    board = {name: BOARD[name] for name in ("name", "clock", "zone", "first_on")} | {"recurrence": REFUSED[kind]}
    with undone():
        answer = client.post("/api/v1/boards/", board, content_type="application/json")
        made = Board.objects.filter(name=board["name"]).exists()

    told = answer.json()
    assert answer.status_code in (400, 409)
    assert told.get("recurrence") or told["blockers"][0]["field"] == "recurrence"
    assert not made


def test_the_longest_rule_that_is_taken_plans_a_handful_of_meetings(world):
    data = BOARD | {"rule": "FREQ=DAILY;COUNT=10000"}
    with undone():
        answer = as_person(world.master).post(reverse("approvals:board_new"), data)
        planned = Meeting.objects.filter(board__name=BOARD["name"]).count()

    assert answer.status_code == 302
    assert 0 < planned < 100
