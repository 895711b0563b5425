"""Boards, meetings and agendas over the API: the same doors, rights and refusals."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from approvals.actions.board import plan_meetings
from approvals.models import Board, Meeting
from tests.factories import approvals, boards, releases
from tests.factories.accounts import person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]
BASE = "/api/v1"


@pytest.fixture
def meeting():
    shop = releases.product("Shop")
    made = boards.meeting(boards.board(shop), starts_at=timezone.now() + timedelta(minutes=10))
    for _ in range(2):
        boards.asked(shop, made.starts_at + timedelta(hours=2))
    plan_meetings()
    return made


def api(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(type(user).objects.get(pk=user.pk))
    return client


def post(user, path: str, body=None):
    return api(user).post(f"{BASE}{path}", body or {}, format="json")


def codes(response) -> list[str]:
    assert response.status_code == 409, response.content
    return [b["code"] for b in response.json()["blockers"]]


def test_a_board_is_set_up_changed_and_refused_over_the_api(chris):
    body = {
        "name": "CAB",
        "zone": "Europe/Berlin",
        "recurrence": "FREQ=WEEKLY;BYDAY=TU",
        "first_on": "2026-01-06",
        "clock": "10:00",
        "member_roles": ["role:cab-member"],
    }
    made = post(chris, "/boards/", body)
    assert made.status_code == 201, made.content
    assert (made.json()["slug"], Meeting.objects.count()) == ("cab", 5)
    path = f"{BASE}/boards/{made.json()['id']}/"
    changed = api(chris).patch(path, {"minutes_long": 30}, format="json")
    assert (changed.status_code, Board.objects.get().minutes_long) == (200, 30)
    assert codes(api(chris).patch(path, {"recurrence": "FREQ=HOURLY"}, format="json")) == ["recurrence-invalid"]
    assert codes(post(chris, "/boards/", body)) == ["name-taken"]
    reader = person("rita", roles=["stakeholder"])
    assert post(reader, "/boards/", body | {"name": "Mine"}).status_code == 403
    assert api(reader).get(path).status_code == 200
    assert api(person("otto")).get(path).status_code == 404
    assert api(chris).delete(path).status_code == 405


def test_a_meeting_is_led_over_the_api_from_its_opening_to_its_minutes(chris, meeting):
    path = f"/meetings/{meeting.pk}/"
    assert post(chris, path + "open/").json()["state"] == "in_session"
    taken = post(chris, path + "next/").json()
    first, second = taken["items"]
    assert (first["state"], second["state"]) == ("in_discussion", "open")
    assert post(chris, f"/agenda-items/{first['id']}/note/", {"note": "Watch it."}).json()["note"] == "Watch it."
    assert codes(post(chris, f"/agenda-items/{first['id']}/defer/")) == ["reason"]
    assert post(chris, f"/agenda-items/{first['id']}/defer/", {"reason": "Later."}).json()["state"] == "deferred"
    assert post(chris, f"/agenda-items/{second['id']}/take_up/").json()["state"] == "in_discussion"
    assert post(chris, f"/agenda-items/{second['id']}/finish/").json()["outcome"] == "pending"
    assert post(chris, path + "attendance/", {"present": [chris.pk]}).status_code == 200
    closed = post(chris, path + "close/").json()
    assert closed["state"] == "closed"
    assert "Watch it." in closed["minutes"]
    assert codes(post(chris, path + "next/")) == ["state"]


def test_a_meeting_is_called_moved_and_cancelled_over_the_api(chris, meeting):
    soon = timezone.now() + timedelta(hours=5)
    called = post(chris, "/meetings/", {"board": meeting.board_id, "starts_at": soon.isoformat()})
    assert called.status_code == 201
    path = f"/meetings/{called.json()['id']}/"
    body = {"starts_at": (soon + timedelta(hours=1)).isoformat(), "reason": "Room taken."}
    assert post(chris, path + "move/", body).json()["sequence"] == 1
    assert codes(post(chris, path + "cancel/")) == ["reason"]
    assert post(chris, path + "cancel/", {"reason": "Ill."}).json()["state"] == "cancelled"


def test_items_are_added_and_dropped_over_the_api(chris, meeting):
    request = approvals.request(releases.change(meeting.board.products.get(), state="authorising"), {"cab-member": 1})
    added = post(chris, f"/meetings/{meeting.pk}/add/", {"request": request.pk, "planned_min": 5})
    assert added.status_code == 201
    item = next(i for i in added.json()["items"] if i["request"] == request.pk)
    assert item["minutes"] == 5
    assert codes(post(chris, f"/meetings/{meeting.pk}/add/", {"request": request.pk})) == ["on-agenda"]
    assert post(chris, f"/agenda-items/{item['id']}/drop/", {"reason": "By mail."}).json()["state"] == "dropped"


def test_members_and_service_accounts_do_not_lead_and_hidden_items_are_counted_alone(chris, meeting):
    path = f"/meetings/{meeting.pk}/"
    cora, bot = person("cora", roles=["cab-member"]), person("bot", roles=["change-manager"], is_service=True)
    assert post(cora, path + "open/").status_code == 403
    assert post(bot, path + "open/").status_code == 403
    member = person("mark")
    meeting.board.members.add(member)
    seen = api(member).get(BASE + path).json()
    assert (seen["items"], seen["hidden_items"]) == ([], 2)
    assert api(member).get(f"{BASE}/agenda-items/").json()["results"] == []
    assert len(api(cora).get(f"{BASE}/agenda-items/?meeting={meeting.pk}").json()["results"]) == 2
    assert api(person("otto")).get(BASE + path).status_code == 404
