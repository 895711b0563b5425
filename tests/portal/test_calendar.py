"""The calendar and its feed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from accounts.actions import renew_feed_token
from portal.month import month
from tests.factories import accounts, approvals, boards, deployments, releases

pytestmark = pytest.mark.django_db


def at(day: int, hour: int = 12, *, month: int = 3) -> datetime:
    return datetime(2027, month, day, hour, tzinfo=UTC)


def window(day: int, hour: int = 12, hours: int = 2) -> dict:
    return {"window_starts_at": at(day, hour), "window_ends_at": at(day, hour) + timedelta(hours=hours)}


def days(shown) -> dict:
    return {day.date.isoformat(): day for week in shown.weeks for day in week.days}


def test_a_month_starts_on_the_monday_of_its_first_week_and_ends_on_a_sunday(manager):
    shown = month(manager, 2027, 3)

    first, last = shown.weeks[0].days[0].date, shown.weeks[-1].days[-1].date
    assert (first.isoformat(), last.isoformat()) == ("2027-03-01", "2027-04-04")
    assert [w.number for w in shown.weeks] == [9, 10, 11, 12, 13]


def test_a_window_stands_on_its_day_in_the_readers_zone(fetch):
    reader = accounts.person(roles=["release-manager"], timezone="Pacific/Auckland")
    release = releases.release(state="planned", **window(9, 20))

    html = fetch(reader, reverse("portal:calendar_month", args=[2027, 3])).content.decode()

    cell = html.split('<time datetime="2027-03-10">')[1].split("</td>")[0]
    assert str(release) in cell
    assert "All times NZDT" in html


def test_a_window_inside_a_freeze_collides_until_it_is_overridden(manager):
    release = releases.release(state="building", **window(9))
    freeze = releases.freeze(name="Peak", starts_at=at(8), ends_at=at(11))

    shown = month(manager, 2027, 3)
    assert [(c.kind, c.title) for c in shown.conflicts] == [("freeze", f"{release} is planned inside Peak")]
    assert days(shown)["2027-03-09"].freeze == "Peak"
    assert days(shown)["2027-03-09"].events[0].tone == "bad"

    approvals.override(freeze, release, state="granted", expires_at=at(20))

    assert month(manager, 2027, 3).conflicts == []


def test_windows_of_one_product_that_touch_collide_and_those_that_meet_do_not(manager):
    shop = releases.product()
    first = releases.release(shop, "planned", **window(9, 12))
    second = releases.release(shop, "planned", **window(9, 13))
    releases.release(shop, "planned", **window(9, 15))
    releases.release(state="planned", **window(9, 12))

    conflicts = month(manager, 2027, 3).conflicts

    assert [c.release_ids for c in conflicts] == [{first.pk, second.pk}]


def test_a_freeze_of_staging_alone_freezes_no_day_of_the_calendar(manager):
    releases.release(state="building", **window(9))
    releases.freeze(starts_at=at(8), ends_at=at(11), tiers=["staging"])

    shown = month(manager, 2027, 3)

    assert shown.conflicts == []
    assert days(shown)["2027-03-09"].freeze == ""


def test_planned_deployments_stand_in_the_month(manager):
    release = releases.release(state="ready", **window(20))
    staging, _ = releases.pipeline(release.product)
    deployments.deployment(release, staging, "scheduled", scheduled_for=at(18))

    assert [e.word for e in days(month(manager, 2027, 3))["2027-03-18"].events] == [f"{release} to Staging"]


def test_cancelled_releases_and_those_out_of_sight_are_left_out():
    shop = releases.product()
    reader = accounts.person(roles=["tester"], on=shop)
    releases.release(shop, "cancelled", **window(9))
    releases.release(state="planned", **window(9))

    assert days(month(reader, 2027, 3))["2027-03-09"].events == []


@pytest.mark.parametrize("path", ["/calendar/2027/13/", "/calendar/2027/0/", "/calendar/99999/1/", "/calendar/1/1/"])
def test_a_month_that_no_calendar_has_is_not_found(manager, fetch, path):
    assert fetch(manager, path).status_code == 404


@pytest.mark.parametrize("path", ["/calendar/", "/calendar/9998/12/", "/calendar/1970/1/", "/calendar/2027/12/"])
def test_months_at_the_edges_open(manager, fetch, path):
    assert fetch(manager, path).status_code == 200


def test_the_calendar_asks_as_much_for_a_full_month_as_for_an_empty_day(manager, client):
    client.force_login(manager)

    def fill(count: int) -> None:
        for n in range(count):
            release = releases.release(state="ready", **window(3 + n))
            staging, _ = releases.pipeline(release.product)
            deployments.deployment(release, staging, "scheduled", scheduled_for=at(3 + n))
            releases.freeze(starts_at=at(3 + n), ends_at=at(4 + n)).products.add(release.product)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/calendar/2027/3/").status_code == 200
        return len(captured)

    fill(1)
    queries()
    few = queries()
    fill(6)

    assert queries() == few


def feed_of(client, user) -> Calendar:
    response = client.get(reverse("portal:calendar_feed", args=[user.feed_token]))
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/calendar")
    return Calendar.from_ical(response.content)


@pytest.fixture
def reader():
    return renew_feed_token(actor=accounts.person(roles=["tester"], on=releases.product(name="Shop")))


def soon(days: float) -> dict:
    from django.utils import timezone

    start = timezone.now().replace(microsecond=0) + timedelta(days=days)
    return {"window_starts_at": start, "window_ends_at": start + timedelta(hours=2)}


def test_the_feed_holds_what_its_reader_may_see_and_nothing_else(client, reader):
    from releases.models import Product

    shop = Product.objects.get(name="Shop")
    seen = releases.release(shop, "ready", title="Shop; with, signs\nand a line", **soon(3))
    releases.release(state="ready", **soon(3))
    releases.freeze(name="For all", **{"starts_at": seen.window_starts_at, "ends_at": seen.window_ends_at})

    feed = feed_of(client, reader)

    events = {str(e["uid"]): e for e in feed.walk("VEVENT")}
    assert [str(e["summary"]) for e in events.values()] == [str(seen), "For all"]
    window = events[f"window-{seen.pk}@slipway"]
    assert (window["dtstart"].dt, window["dtend"].dt) == (seen.window_starts_at, seen.window_ends_at)
    assert window["status"] == "CONFIRMED"
    assert "dtstamp" in window
    assert feed["version"] == "2.0"
    assert feed.errors == []


def test_a_moved_window_keeps_its_uid(client, reader):
    from releases.models import Product, Release

    release = releases.release(Product.objects.get(name="Shop"), "planned", **soon(3))
    before = [str(e["uid"]) for e in feed_of(client, reader).walk("VEVENT")]
    Release.objects.filter(pk=release.pk).update(**soon(9))

    assert [str(e["uid"]) for e in feed_of(client, reader).walk("VEVENT")] == before


def test_lines_of_the_feed_end_and_fold_as_rfc_5545_wants(client, reader):
    from releases.models import Product

    releases.release(Product.objects.get(name="Shop"), "planned", title="Long " * 20, **soon(3))

    raw = client.get(reverse("portal:calendar_feed", args=[reader.feed_token])).content

    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75


def test_the_feed_holds_the_meetings_of_boards_in_the_readers_sight_with_what_they_may_see_of_the_agenda(
    client, reader
):
    from releases.models import Product

    shop, hidden = Product.objects.get(name="Shop"), releases.product(name="Hidden")
    ahead = boards.meeting(boards.board(shop, name="Shop board"), link="https://meet.example.com/shop")
    off = boards.meeting(boards.board(shop, name="Night board"), "cancelled", sequence=2)
    boards.meeting(boards.board(hidden, name="Hidden board"))
    boards.item(ahead, boards.asked(shop, ahead.starts_at))
    secret = boards.asked(hidden, ahead.starts_at)
    boards.item(ahead, secret)

    events = {str(e["summary"]): e for e in feed_of(client, reader).walk("VEVENT") if "meeting" in e["uid"]}

    assert set(events) == {"Shop board", "Night board"}
    shown = events["Shop board"]
    assert (str(shown["uid"]), shown["dtstart"].dt) == (f"meeting-{ahead.pk}@slipway", ahead.starts_at)
    assert "1 item on the agenda" in shown["description"]
    assert str(secret.release) not in shown["description"]
    assert str(events["Night board"]["status"]) == "CANCELLED"
    assert (events["Night board"]["sequence"], str(events["Night board"]["uid"])) == (2, f"meeting-{off.pk}@slipway")


def test_more_boards_and_meetings_cost_the_feed_no_more_queries(client, reader):
    from releases.models import Product

    shop = Product.objects.get(name="Shop")

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            feed_of(client, reader)
        return len(asked)

    def meet() -> None:
        meeting = boards.meeting(boards.board(shop))
        boards.item(meeting, boards.asked(shop, meeting.starts_at))

    meet()
    few = queries()
    for _ in range(3):
        meet()
    assert queries() == few


def test_the_feed_of_a_person_who_left_is_not_found(client, reader):
    url = reverse("portal:calendar_feed", args=[reader.feed_token])
    assert client.get(url).status_code == 200
    type(reader).objects.filter(pk=reader.pk).update(is_active=False)

    assert client.get(url).status_code == 404


def test_an_unknown_feed_is_not_found(client):
    assert client.get(reverse("portal:calendar_feed", args=["nobodys-secret"])).status_code == 404


def test_renewing_the_address_stops_the_old_one(client, reader):
    old = reverse("portal:calendar_feed", args=[reader.feed_token])
    client.force_login(reader)

    assert client.get(reverse("portal:renew_feed")).status_code == 405
    assert client.post(reverse("portal:renew_feed")).status_code == 302

    reader.refresh_from_db()
    assert client.get(old).status_code == 404
    assert client.get(reverse("portal:calendar_feed", args=[reader.feed_token])).status_code == 200


# What comes again


def nightly(**fields):
    """From the first of March on, 22:00 to 06:00 in Lisbon, whose clocks go forward on the 28th."""
    times = {"starts_at": at(1, 22), "ends_at": at(2, 6), "rule": "FREQ=DAILY", "zone": "Europe/Lisbon"}
    return releases.freeze(**({"name": "Nightly quiet"} | times | fields))


def frozen_words(client, reader, path="/calendar/2027/3/") -> str:
    client.force_login(reader)
    return client.get(path).text.split('id="freezes-h"')[1].split("</section>")[0]


def test_a_nightly_freeze_is_one_line_by_its_own_clock(manager, client):
    nightly(zone="Europe/Berlin")
    releases.freeze(name="Peak", starts_at=at(8), ends_at=at(11))

    html = frozen_words(client, manager)

    assert html.count('<li class="gate"') == 2
    assert "2 freezes" in html
    assert "Every day, 23:00 to 07:00 in Europe/Berlin; 35 times in these weeks." in html


def test_the_zone_of_a_freeze_goes_without_saying_where_it_is_the_readers(client):
    nightly()
    reader = accounts.person(roles=["release-manager"], timezone="Europe/Lisbon")

    assert "Every day, 22:00 to 06:00; 35 times" in frozen_words(client, reader)


@pytest.mark.parametrize(
    ("ends_at", "words"),
    [
        (at(1, 23), "22:00 to 23:00"),
        (at(4, 6), "22:00 to 06:00 3 days later"),
        (at(2, 23), "22:00 to 23:00 1 day later"),
    ],
)
def test_a_freeze_over_days_says_on_which_day_it_ends(manager, client, ends_at, words):
    nightly(ends_at=ends_at, rule="FREQ=WEEKLY;BYDAY=MO", zone="UTC")

    assert f"Every Monday, {words}" in frozen_words(client, manager)


def test_a_nightly_freeze_freezes_its_days_for_a_part_and_says_its_name_once(manager, client):
    nightly()
    shown = days(month(manager, 2027, 3))
    assert {(day.freeze, day.partly) for day in shown.values()} == {("Nightly quiet", True)}

    client.force_login(manager)
    html = client.get("/calendar/2027/3/").text.split('<table class="month">')[1].split("</table>")[0]
    assert (html.count("Nightly quiet"), html.count("is-freeze-part"), html.count('"is-freeze ')) == (1, 35, 0)


def test_a_freeze_of_whole_days_goes_before_a_nightly_one_and_one_that_comes_again_all_day_is_whole(manager):
    nightly()
    releases.freeze(name="Peak", starts_at=at(8), ends_at=at(11)).products.add(releases.product())
    shown = days(month(manager, 2027, 3))
    assert (shown["2027-03-09"].freeze, shown["2027-03-09"].partly) == ("Peak", False)
    assert (shown["2027-03-08"].freeze, shown["2027-03-08"].partly) == ("Peak", False)  # though it begins at noon
    assert (shown["2027-03-12"].freeze, shown["2027-03-12"].partly) == ("Nightly quiet", True)

    nightly(name="Sundays", starts_at=at(7, 0), ends_at=at(8, 0), rule="FREQ=WEEKLY;BYDAY=SU", zone="UTC")
    shown = days(month(manager, 2027, 3))
    assert (shown["2027-03-14"].freeze, shown["2027-03-14"].partly) == ("Sundays", False)


def test_a_freeze_that_comes_often_asks_no_more_than_one_that_comes_once(manager, client):
    client.force_login(manager)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/calendar/2027/3/").status_code == 200
        return len(captured)

    rare = nightly(rule="", ends_at=at(2, 6))
    rare.products.add(releases.product())
    queries()
    once = queries()
    type(rare).objects.filter(pk=rare.pk).update(rule="FREQ=DAILY")
    for n in range(5):
        nightly(name=f"Nightly {n}").products.add(releases.product())
    assert queries() == once


def test_a_window_of_several_nights_collides_with_a_nightly_freeze_once(manager):
    release = releases.release(state="building", window_starts_at=at(9), window_ends_at=at(12))
    nightly(zone="UTC")

    [told] = month(manager, 2027, 3).conflicts

    assert told.title == f"{release} is planned inside Nightly quiet"
    assert told.because.endswith(
        "Production is frozen from Tue 9 Mar 2027, 22:00 to Wed 10 Mar 2027, 06:00, and 2 more times."
    )
