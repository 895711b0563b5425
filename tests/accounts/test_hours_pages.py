"""The pages of working hours and absences, and the API of both."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import Absence, User, WorkingHours
from tests.factories.accounts import absence, hours, person, team

pytestmark = pytest.mark.django_db

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = {"weekdays": ["1", "2"], "starts": "08:30", "ends": "16:00", "country": "DE", "subdivision": "BY"}


@pytest.fixture
def mira(payments):
    return person("mira", timezone="Europe/Berlin")


@pytest.fixture
def lena(mira):
    lead = person("lena")
    team("Red", [mira], lead=lead)
    return lead


@pytest.fixture
def by(client):
    """The client, signed in as somebody."""

    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def text(response) -> str:
    main = response.content.decode().split("<main", 1)[-1].split("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def days_ahead(n: int) -> date:
    return timezone.now().astimezone(BERLIN).date() + timedelta(days=n)


def typed(first: int = 2, last: int = 4, **more) -> dict:
    return {"starts_at": days_ahead(first).isoformat(), "ends_at": days_ahead(last).isoformat(), "note": ""} | more


# One's own


def test_hours_are_saved_on_ones_own_page(by, mira):
    response = by(mira).post("/settings/hours/", WEEK, follow=True)
    assert response.redirect_chain == [("/settings/hours/", 302)]
    row = WorkingHours.objects.get(user=mira)
    assert (row.weekdays, row.starts, row.ends, row.country, row.subdivision) == (
        [1, 2],
        time(8, 30),
        time(16),
        "DE",
        "BY",
    )
    page = text(response)
    assert "Working hours saved" in response.content.decode()
    assert "Mon and Tue, 08:30 to 16:00 in Europe/Berlin, without the holidays of Germany, Bayern." in page
    assert "Next public holidays" in page


def test_the_page_shows_what_is_set(by, mira):
    hours(mira, weekdays=[3], starts=time(22), ends=time(6), country="AT")
    page = by(mira).get("/settings/hours/").content.decode()
    assert re.search(r'value="3"[^>]* checked', page)
    assert not re.search(r'value="1"[^>]* checked', page)
    assert 'value="22:00"' in page
    assert '<option value="AT" selected>Austria</option>' in page
    assert '<option value="9">Wien</option>' in page


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"weekdays": []}, "weekdays"),
        ({"ends": "08:30"}, "ends"),
        ({"starts": "half past"}, "starts"),
        ({"country": "XX"}, "country"),
        ({"subdivision": "XX"}, "subdivision"),
    ],
)
def test_refused_hours_keep_what_was_typed(by, mira, wrong, field):
    response = by(mira).post("/settings/hours/", {**WEEK, **wrong})
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert "The hours were not saved" in page
    kept = wrong.get("starts", "08:30")
    assert f'value="{kept}"' in page
    assert not WorkingHours.objects.exists()


def test_whole_days_are_meant_in_the_zone_of_who_is_away(by, mira):
    response = by(mira).post(f"/people/{mira.pk}/absences/", typed(note="Holiday"))
    assert (response.status_code, response.url) == (302, "/settings/hours/#absences")
    row = Absence.objects.get()
    assert row.starts_at == datetime.combine(days_ahead(2), time(), BERLIN)
    assert row.ends_at == datetime.combine(days_ahead(5), time(), BERLIN)
    assert (row.note, row.added_by) == ("Holiday", mira)
    assert "Holiday" in text(by(mira).get("/settings/hours/"))


def test_an_absence_may_begin_and_end_at_a_time_of_day(by, mira):
    by(mira).post(f"/people/{mira.pk}/absences/", typed(from_time="13:00", until_time="11:30"))
    row = Absence.objects.get()
    assert row.starts_at == datetime.combine(days_ahead(2), time(13), BERLIN)
    assert row.ends_at == datetime.combine(days_ahead(4), time(11, 30), BERLIN)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"ends_at": "2020-01-01"}, "ends_at"),
        ({"ends_at": ""}, "ends_at"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"ends_at": "9999-12-31"}, "ends_at"),
        ({"starts_at": "0001-01-01", "ends_at": "0001-01-01"}, "ends_at"),
        ({"until_time": "25:00"}, "until_time"),
        ({"note": "x" * 201}, "note"),
    ],
)
def test_a_refused_absence_keeps_what_was_typed(by, mira, wrong, field):
    response = by(mira).post(f"/people/{mira.pk}/absences/", typed(from_time="13:07") | wrong)
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert "The absence was not planned" in page
    assert 'value="13:07"' in page
    assert not Absence.objects.exists()


def test_an_absence_ahead_is_cancelled_and_one_that_runs_ended(by, mira):
    ahead = absence(mira)
    running = absence(mira, timezone.now() - timedelta(days=1), timezone.now() + timedelta(hours=1))
    page = text(by(mira).get("/settings/hours/"))
    assert ("End now" in page, "Cancel" in page, "Away now" in page) == (True, True, True)
    for one in (ahead, running):
        assert by(mira).post(f"/absences/{one.pk}/cancel/").url == "/settings/hours/#absences"
    assert list(Absence.objects.standing()) == [running]
    page = text(by(mira).get("/settings/hours/"))
    assert "Past absences" in page
    assert "No absence ahead" in page


def test_the_parts_of_a_country_are_given_as_options(by, mira):
    page = by(mira).get("/settings/hours/parts/?country=DE").content.decode()
    assert page.startswith('<option value="">The whole country</option>')
    assert '<option value="BY">Bayern</option>' in page
    assert by(mira).get("/settings/hours/parts/?country=XX").content.decode().count("<option") == 1


def test_a_country_without_script_shows_its_parts_after_saving(by, mira):
    by(mira).post("/settings/hours/", WEEK | {"country": "AT", "subdivision": ""})
    assert '<option value="9">Wien</option>' in by(mira).get("/settings/hours/").content.decode()


# Others


def test_a_person_s_page_tells_when_they_work_and_are_away(by, noor, mira):
    hours(mira, weekdays=[1, 2, 3, 4], country="DE", subdivision="BY")
    absence(mira, timezone.now() - timedelta(hours=1), timezone.now() + timedelta(days=40), note="Surgery")
    page = text(by(noor).get(f"/people/{mira.pk}/"))
    assert "Away until" in page
    assert "Mon to Thu, 09:00 to 17:00" in page
    assert "without the holidays of Germany, Bayern" in page
    assert "Surgery" not in page
    assert "Plan an absence" not in page


def test_lists_of_people_tell_who_is_away_now(by, noor, mira, lena):
    absence(lena)
    for path in ("/people/", mira.teams.get().get_absolute_url()):
        assert "Away until" not in text(by(noor).get(path))
    absence(mira, timezone.now() - timedelta(hours=1), timezone.now() + timedelta(days=40), note="Surgery")
    for path in ("/people/", mira.teams.get().get_absolute_url()):
        page = text(by(noor).get(path))
        assert page.count("Away until") == 1
        assert "Surgery" not in page


def test_the_lead_of_a_team_plans_an_absence_on_a_member_s_page(by, lena, mira):
    page = by(lena).get(f"/people/{mira.pk}/").content.decode()
    assert f'action="/people/{mira.pk}/absences/"' in page
    assert "Mira’s time zone: Europe/Berlin" in page
    response = by(lena).post(f"/people/{mira.pk}/absences/", typed())
    assert response.url == f"/people/{mira.pk}/hours/#absences"
    assert Absence.objects.get().starts_at == datetime.combine(days_ahead(2), time(), BERLIN)
    assert by(lena).get(f"/people/{mira.pk}/hours/").status_code == 200
    assert by(lena).post(f"/people/{mira.pk}/hours/", WEEK).url == f"/people/{mira.pk}/hours/"


def test_nobody_else_opens_the_hours_of_another(by, noor, mira):
    theirs = absence(mira)
    client = by(noor)
    assert client.get(f"/people/{mira.pk}/hours/").status_code == 403
    for path, data in (
        (f"/people/{mira.pk}/hours/", WEEK),
        (f"/people/{mira.pk}/absences/", typed(8, 9)),
        (f"/people/{mira.pk}/absences/", {}),
        (f"/absences/{theirs.pk}/cancel/", {}),
    ):
        assert client.post(path, data).status_code == 403
    assert list(Absence.objects.standing()) == [theirs]
    assert not WorkingHours.objects.exists()


def test_what_is_not_there_is_not_found(by, adele, robot):
    client = by(adele)
    assert client.get("/people/999999/hours/").status_code == 404
    assert client.get(f"/people/{robot.pk}/hours/").status_code == 404
    assert client.post("/people/999999/absences/", typed()).status_code == 404
    assert client.post("/absences/999999/cancel/").status_code == 404


def test_a_service_account_s_page_tells_no_hours(by, adele, robot):
    page = text(by(adele).get(f"/people/{robot.pk}/"))
    assert "Plan an absence" not in page
    assert "09:00 to 17:00" not in page


def test_the_profile_leads_to_hours_and_absences(by, mira):
    page = by(mira).get("/settings/profile/").content.decode()
    assert page.count('href="/settings/hours/"') == 2  # the sections, and beside the form
    assert "You work Mon to Fri, 09:00 to 17:00" in page


@pytest.mark.parametrize("rows", [1, 15])
def test_the_page_asks_as_much_for_fifteen_absences_as_for_one(by, lena, mira, rows, django_assert_max_num_queries):
    for n in range(rows):
        absence(mira, timezone.now() + timedelta(days=2 * n + 1), added_by=person())
        absence(mira, timezone.now() - timedelta(days=2 * n + 3), added_by=person())
    client = by(lena)
    with django_assert_max_num_queries(20):
        response = client.get(f"/people/{mira.pk}/hours/")
    assert response.content.count(b'<th scope="row">') == 2 * rows


def test_the_admin_shows_hours_and_absences_and_changes_nothing(client, mira):
    client.force_login(User.objects.create_superuser("root"))
    absence(mira, note="Surgery")
    hours(mira)
    for model in ("absence", "workinghours"):
        assert client.get(f"/admin/accounts/{model}/").status_code == 200
        assert client.get(f"/admin/accounts/{model}/add/").status_code == 403
    shown = client.get(f"/admin/accounts/absence/{Absence.objects.get().pk}/change/")
    assert shown.status_code == 200
    assert b"Surgery" not in shown.content


# The API


def send(client, method: str, path: str, data=None):
    return getattr(client, method)(f"/api/v1/{path}", data, content_type="application/json")


def test_ones_own_hours_are_read_and_changed_in_part(by, mira):
    client = by(mira)
    assert client.get("/api/v1/me/hours/").json() == {
        "weekdays": [1, 2, 3, 4, 5],
        "starts": "09:00",
        "ends": "17:00",
        "country": "",
        "subdivision": "",
        "timezone": "Europe/Berlin",
    }
    answer = send(client, "patch", "me/hours/", {"starts": "08:00", "country": "DE"})
    assert (answer.status_code, answer.json()["starts"], answer.json()["country"]) == (200, "08:00", "DE")
    answer = send(client, "patch", "me/hours/", {"weekdays": [1]})
    assert (answer.json()["weekdays"], answer.json()["starts"]) == ([1], "08:00")


@pytest.mark.parametrize(
    "wrong", [{"weekdays": []}, {"weekdays": [8]}, {"weekdays": "all"}, {"starts": "noon"}, {"country": "x" * 9}]
)
def test_hours_that_cannot_be_read_are_a_400(by, mira, wrong):
    assert send(by(mira), "patch", "me/hours/", wrong).status_code == 400
    assert not WorkingHours.objects.exists()


def test_hours_that_make_no_sense_are_refused_by_the_door(by, mira):
    answer = send(by(mira), "patch", "me/hours/", {"country": "XX"})
    assert answer.status_code == 409
    assert [(b["code"], b["field"]) for b in answer.json()["blockers"]] == [("country-unknown", "country")]


def test_everybody_reads_hours_and_only_who_keeps_them_changes_them(by, noor, lena, mira):
    hours(mira, weekdays=[2])
    path = f"people/{mira.pk}/hours/"
    assert by(noor).get(f"/api/v1/{path}").json()["weekdays"] == [2]
    assert send(by(noor), "patch", path, {"weekdays": [3]}).status_code == 403
    assert send(by(lena), "patch", path, {"weekdays": [3]}).json()["weekdays"] == [3]


def test_absences_are_added_listed_and_cancelled(by, mira):
    client = by(mira)
    start = timezone.now().astimezone(UTC).replace(microsecond=0) + timedelta(days=1)
    made = send(client, "post", "absences/", {"starts_at": start, "ends_at": start + timedelta(days=1), "note": "Away"})
    assert made.status_code == 201
    assert (made.json()["user"], made.json()["note"], made.json()["added_by"]) == (mira.pk, "Away", mira.pk)
    assert [one["id"] for one in client.get("/api/v1/absences/").json()["results"]] == [made.json()["id"]]
    path = f"absences/{made.json()['id']}/"
    assert send(client, "post", f"{path}cancel/").json()["cancelled_by"] == mira.pk
    assert client.get("/api/v1/absences/").json()["results"] == []
    assert client.get(f"/api/v1/{path}").json()["cancelled_at"] is not None
    assert client.delete(f"/api/v1/{path}").status_code == 405


def test_others_read_when_somebody_is_away_and_not_why(by, noor, lena, mira):
    made = absence(mira, note="Surgery")
    absence(noor, note="Beach")
    assert [(a["user"], a["note"]) for a in by(noor).get("/api/v1/absences/").json()["results"]] == [
        (noor.pk, "Beach"),
        (mira.pk, ""),
    ]
    assert by(noor).get(f"/api/v1/absences/{made.pk}/").json()["note"] == ""
    seen = by(lena).get(f"/api/v1/absences/?user={mira.pk}").json()["results"]
    assert [(a["user"], a["note"]) for a in seen] == [(mira.pk, "Surgery")]


def test_nobody_else_adds_or_cancels_an_absence_by_the_api(by, noor, mira):
    theirs = absence(mira)
    start = timezone.now() + timedelta(days=9)
    data = {"user": mira.pk, "starts_at": start, "ends_at": start + timedelta(days=1)}
    assert send(by(noor), "post", "absences/", data).status_code == 403
    assert send(by(noor), "post", f"absences/{theirs.pk}/cancel/").status_code == 403
    assert list(Absence.objects.standing()) == [theirs]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"starts_at": "soon"}, 400),
        ({"ends_at": None}, 400),
        ({"user": 999_999}, 400),
        ({"note": "x" * 201}, 400),
        ({"ends_at": "0001-01-01T00:00:00+14:00"}, 400),
        ({"ends_at": "2001-01-01T00:00:00Z"}, 409),
        ({"ends_at": "2999-12-31T23:59:59Z"}, 409),
    ],
)
def test_an_absence_that_makes_no_sense_is_no_row(by, mira, wrong, status):
    start = timezone.now() + timedelta(days=1)
    data = {"starts_at": start, "ends_at": start + timedelta(days=1)} | wrong
    assert send(by(mira), "post", "absences/", data).status_code == status
    assert not Absence.objects.exists()


@pytest.mark.parametrize("rows", [1, 15])
def test_the_list_of_absences_asks_as_much_for_fifteen_as_for_one(by, noor, rows, django_assert_max_num_queries):
    for _ in range(rows):
        absence(person(), note="Away")
    client = by(noor)
    with django_assert_max_num_queries(5):
        assert len(client.get("/api/v1/absences/").json()["results"]) == rows
