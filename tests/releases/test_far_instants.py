"""Windows, freezes and plans at the ends of the calendar: refused at the field, in every zone, by page, API and door."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from releases import actions
from releases.models import DeploymentWindow, FreezeWindow, Release
from tests.factories import accounts
from tests.input.test_fields import error_at

SAID = "Choose a day from 2000 to 2100."
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def everywhere(db):
    return accounts.person("rita", roles=["release-manager"])


@pytest.fixture
def signed_in(everywhere):
    client = Client(raise_request_exception=False)
    client.force_login(everywhere)
    return client


def refusal_of(door, *args, **fields):
    with pytest.raises(Refused) as refusal:
        door(*args, **fields)
    assert not Event.objects.exists()
    return [(b.code, b.field) for b in refusal.value.blockers]


TIMES = [
    ({"starts_at": NOON, "ends_at": LAST}, "ends_at"),
    ({"starts_at": NOON, "ends_at": LAST, "rule": "FREQ=DAILY"}, "ends_at"),
    ({"starts_at": FIRST, "ends_at": NOON}, "starts_at"),
    ({"starts_at": FIRST, "ends_at": FIRST + HOUR, "rule": "FREQ=WEEKLY;BYDAY=MO"}, "starts_at"),
]


@pytest.mark.parametrize(("times", "field"), TIMES)
def test_windows_and_freezes_take_no_end_of_the_calendar(product, everywhere, times, field):
    place = product.environments.first()

    window = refusal_of(actions.add_window, place.pk, actor=everywhere, name="Office hours", **times)
    freeze = refusal_of(actions.add_freeze, actor=everywhere, name="Year end", reason="Books close.", **times)

    assert ("out-of-time", field) in window
    assert window == freeze
    assert not DeploymentWindow.objects.exists()
    assert not FreezeWindow.objects.exists()


def test_what_comes_again_is_asked_for_its_length_before_its_rule_is_run(product, everywhere):
    times = {"starts_at": NOON, "ends_at": NOON + timedelta(days=93), "rule": "FREQ=WEEKLY;BYDAY=MO"}

    assert refusal_of(actions.add_freeze, actor=everywhere, name="Long", **times) == [("too-long", "ends_at")]


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Asia/Tokyo", "UTC"])
@pytest.mark.parametrize("pattern", ["once", "daily"])
@pytest.mark.parametrize(
    ("starts", "ends", "far"),
    [
        ("2030-05-01T12:00", "9999-12-31T23:59", "ends_at"),
        ("0001-01-01T00:00", "2030-05-01T12:00", "starts_at"),
        ("2100-12-31T22:00", "2101-01-01T00:00", "ends_at"),
    ],
)
def test_the_pages_of_windows_and_freezes_say_so_at_the_field(product, signed_in, zone, pattern, starts, ends, far):
    times = {"name": "Far", "starts_at": starts, "ends_at": ends, "zone": zone, "pattern": pattern}
    environment = product.environments.first()

    window = signed_in.post(reverse("releases:window_new", args=[product.slug, environment.slug]), times)
    freeze = signed_in.post(reverse("releases:freeze_new"), times | {"reason": "Books close."})

    for answer in (window, freeze):
        assert answer.status_code == 422
        assert error_at(far, answer.content.decode()) == SAID
    assert not DeploymentWindow.objects.exists()
    assert not FreezeWindow.objects.exists()


@pytest.mark.parametrize(
    ("zone", "typed"), [("Pacific/Honolulu", "2100-12-31T23:59"), ("Asia/Tokyo", "2000-01-01T00:00")]
)
def test_an_instant_that_leaves_our_time_by_the_clock_of_its_zone_is_an_error_of_the_form(
    product, signed_in, zone, typed
):
    """The form reads a wall time, the door an instant: the last night in Honolulu is another year in UTC."""
    times = {"starts_at": typed, "ends_at": typed, "zone": zone, "pattern": "once"}
    times["ends_at" if typed.startswith("2000") else "starts_at"] = "2030-05-01T12:00"

    answer = signed_in.post(reverse("releases:freeze_new"), times | {"name": "Far", "reason": "Books close."})

    assert answer.status_code == 422
    assert SAID in answer.content.decode()


@pytest.mark.parametrize(("window", "field"), [((FIRST, NOON), "window_starts_at"), ((NOON, LAST), "window_ends_at")])
def test_a_release_has_no_window_at_the_end_of_the_calendar(product, everywhere, signed_in, window, field):
    plan = dict(zip(("window_starts_at", "window_ends_at"), window, strict=True))

    door = refusal_of(actions.draft_release, product.pk, actor=everywhere, version="2.0.0", strategy="minor", **plan)
    told = signed_in.post(
        "/api/v1/releases/",
        {"product": product.pk, "version": "2.0.0", "strategy": "minor"}
        | {n: at.isoformat() for n, at in plan.items()},
        "application/json",
    )
    typed = {name: f"{at:%Y-%m-%dT%H:%M}".rjust(16, "0") for name, at in plan.items()}
    answer = signed_in.post(
        reverse("releases:new"),
        {"product": product.slug, "version": "2.0.0", "title": "Far", "objective": "-", "strategy": "minor"} | typed,
    )

    assert door == [("out-of-time", field)]
    assert (told.status_code, [(b["code"], b["field"]) for b in told.json()["blockers"]]) == (409, door)
    assert (answer.status_code, SAID in answer.content.decode()) == (422, True)
    assert not Release.objects.exists()


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Asia/Tokyo"])
def test_a_rule_ends_in_our_time_or_says_no_end(product, everywhere, zone):
    start = timezone.now().replace(microsecond=0) + HOUR
    times = {"name": "Nights", "starts_at": start, "ends_at": start + HOUR, "zone": zone}

    for until in ("99991231T235959Z", "99991231", "21010101"):
        rule = f"FREQ=DAILY;UNTIL={until}"
        assert refusal_of(actions.add_freeze, actor=everywhere, rule=rule, **times) == [("rule-invalid", "rule")]
    made = actions.add_freeze(actor=everywhere, rule="FREQ=DAILY;UNTIL=21001231", **times)
    assert made.last_ends_at.year in (2100, 2101)


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Asia/Tokyo"])
@pytest.mark.parametrize("rule", ["FREQ=YEARLY;COUNT=10000", "FREQ=DAILY;INTERVAL=1000;COUNT=10000"])
def test_a_rule_whose_count_outlasts_our_time_simply_goes_on(product, everywhere, rule, zone):
    start = datetime(2030, 12, 31, 22, tzinfo=UTC)

    made = actions.add_freeze(
        actor=everywhere, name="Nights", starts_at=start, ends_at=start + 2 * HOUR, rule=rule, zone=zone
    )

    assert made.last_ends_at is None
    assert made.times.occurrence_at(start + HOUR)
