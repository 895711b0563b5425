"""The pages and the API of runbooks, of rehearsals and of confirmations: found, refused, kept, counted."""

from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.blockers import Refused
from deployments.actions import deployment as deploying
from deployments.actions import runbook as doors
from deployments.actions import runbook_step as acting
from deployments.models import Runbook, RunbookStep
from portal import inbox
from releases.models import Product
from tests.deployments.conftest import fresh, turn
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
TAB = "/r/payments/4.8.0/runbook/"


@pytest.fixture
def reader(client, place):
    client.force_login(place.deployer)
    return client


@pytest.fixture
def book(place) -> Runbook:
    return doors.add_runbook(place.release.pk, actor=place.deployer)


def add(book, place, name: str, **fields) -> RunbookStep:
    return doors.add_step(book.pk, actor=place.deployer, name=name, **({"owner": place.deployer} | fields))


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def form(**fields) -> dict:
    return {"name": "Announce", "kind": "manual", "planned_minutes": 5, "instructions": "Tell **them**."} | fields


def test_a_runbook_is_written_through_its_pages(reader, place):
    assert "No runbook yet" in text(reader.get(TAB))
    made = reader.post(f"{TAB}new/", {"name": "Cut-over", "starts_at": "2030-01-02T21:00"})
    book = Runbook.objects.get()
    assert made.headers["Location"] == book.get_absolute_url()

    new = reverse("deployments:step_new", args=[book.pk])
    reader.post(new, form(owner=place.deployer.pk))
    first = book.steps.get()
    assert (first.name, first.owner, first.planned_minutes) == ("Announce", place.deployer, 5)
    reader.post(new, form(name="Deploy", kind="deployment", environment=place.staging.pk, needs=[first.pk]))
    page = text(reader.get(book.get_absolute_url()))
    assert "deployment to Staging, starts by itself" in page
    assert "Start the runbook" in page

    second = book.steps.get(name="Deploy")
    reader.post(reverse("deployments:step_arrange", args=[second.pk, "up"]))
    assert [s.name for s in book.steps.all()] == ["Deploy", "Announce"]
    reader.post(reverse("deployments:step_arrange", args=[second.pk, "remove"]))
    reader.post(reverse("deployments:runbook_start", args=[book.pk]))
    assert fresh(book).state == "running"


@pytest.mark.parametrize("typed", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_a_runbook_is_planned_for_no_end_of_the_calendar(reader, place, book, typed):
    add(book, place, "Announce")
    told = {"name": "Far", "starts_at": typed}
    body = {"release": place.release.pk, "name": "Far", "starts_at": f"{typed}:00Z"}

    pages = [reader.post(f"{TAB}new/", told), reader.post(reverse("deployments:runbook_edit", args=[book.pk]), told)]
    made = reader.post("/api/v1/runbooks/", body, "application/json")
    for door in (
        lambda at: doors.add_runbook(place.release.pk, actor=place.deployer, name="Far", starts_at=at),
        lambda at: doors.edit_runbook(book.pk, actor=place.deployer, starts_at=at),
    ):
        with pytest.raises(Refused) as refusal:
            door(datetime.fromisoformat(f"{typed}:00+00:00"))
        assert [(b.code, b.field) for b in refusal.value.blockers] == [("out-of-time", "starts_at")]

    assert [(page.status_code, "Choose a day from 2000 to 2100." in text(page)) for page in pages] == [(422, True)] * 2
    assert (made.status_code, made.json()["blockers"][0]["field"]) == (409, "starts_at")
    assert (Runbook.objects.get().starts_at, reader.get(book.get_absolute_url()).status_code) == (None, 200)


def test_a_refused_step_keeps_what_was_typed_and_says_why_at_the_field(reader, place, book):
    first, second = add(book, place, "Announce"), add(book, place, "Close")
    edit = reverse("deployments:step_edit", args=[first.pk])

    answer = reader.post(edit, form(name="Announce loudly", owner=place.deployer.pk, needs=[second.pk]))

    assert answer.status_code == 422
    assert "“Close” would wait for this step" in text(answer)
    assert "Announce loudly" in text(answer)
    assert fresh(first).name == "Announce"


def test_a_step_is_done_through_its_page(reader, place, book):
    step = add(book, place, "Announce")
    second = add(book, place, "Close")
    doors.start_runbook(book.pk, actor=place.deployer)
    act = lambda row, verb, **data: reader.post(reverse("deployments:step_act", args=[row.pk, verb]), data)  # noqa: E731

    assert reader.get(reverse("deployments:step_act", args=[step.pk, "fail"])).status_code == 200
    assert act(step, "fail", reason="").status_code == 422
    act(step, "fail", reason="The channel is down.")
    assert "The channel is down." in text(reader.get(TAB))
    act(step, "begin")
    act(step, "done")
    act(second, "skip", reason="It is closed.")

    assert fresh(book).state == "finished"
    assert [s.state for s in book.steps.all()] == ["done", "skipped"]


def test_what_is_mine_comes_first_and_what_others_have_is_named(client, place, book):
    mine = add(book, place, "Look at the graphs", owner=place.stakeholder, needs=[])
    add(book, place, "Switch it on", needs=[])
    doors.start_runbook(book.pk, actor=place.deployer)
    client.force_login(place.stakeholder)

    page = text(client.get(TAB))

    assert page.index(f'id="mine-{mine.pk}"') < page.index("With others now") < page.index("Steps in time")
    assert f'id="done-{mine.pk}"' in page
    assert f'id="done-{book.steps.get(name="Switch it on").pk}"' not in page


def test_who_may_not_see_the_release_finds_no_runbook_and_who_may_only_see_it_writes_none(client, place, book):
    step = add(book, place, "Announce")
    addresses = [
        book.get_absolute_url(),
        reverse("deployments:runbook_live", args=[book.pk]),
        reverse("deployments:runbook_edit", args=[book.pk]),
        reverse("deployments:step_new", args=[book.pk]),
        reverse("deployments:step_edit", args=[step.pk]),
        f"{TAB}new/",
        reverse("deployments:runbook_abort", args=[book.pk]),
        reverse("deployments:way_back", args=["payments", "4.8.0"]),
        reverse("deployments:rehearse", args=["payments", "4.8.0", "staging"]),
    ]
    client.force_login(accounts.person())
    assert {client.get(url).status_code for url in addresses} == {404}

    client.force_login(place.stakeholder)
    assert [client.get(url).status_code for url in addresses] == [200, 286, 403, 403, 403, 403, 403, 200, 200]
    assert client.post(f"{TAB}new/", {"name": "Mine"}).status_code == 403
    assert client.post(reverse("deployments:runbook_start", args=[book.pk])).status_code == 403


def test_the_live_part_says_nothing_new_while_nothing_is_new_and_ends_the_polling(reader, place, book):
    step = add(book, place, "Announce", planned_minutes=60)
    doors.start_runbook(book.pk, actor=place.deployer)
    url = reverse("deployments:runbook_live", args=[book.pk])
    answers = []
    for _ in range(3):  # the look may change with the clock between two of them
        first = reader.get(url)
        assert first.status_code == 200
        seen = text(first).split("?seen=")[1].split('"')[0]
        answers.append(reader.get(f"{url}?seen={seen}").status_code)

    assert 204 in answers

    acting.begin_step(step.pk, actor=place.deployer)
    assert reader.get(f"{url}?seen={seen}").status_code == 200
    acting.finish_step(step.pk, actor=place.deployer)
    last = reader.get(f"{url}?seen={seen}")
    assert last.status_code == 286
    assert "hx-get" not in text(last)


@pytest.mark.parametrize("state", ["draft", "running"])
def test_the_runbook_asks_as_much_for_nine_steps_as_for_two(reader, place, book, state):
    asked = []
    for rows in (2, 7):
        for _ in range(rows):
            team = accounts.team(members=[place.deployer])
            releases.put_in_state(book, "draft")
            add(book, place, "Announce", owner=None, team=team, needs=[])
        releases.put_in_state(book, state)
        RunbookStep.objects.update(ready_at=book.created_at, state="ready" if state == "running" else "waiting")
        reader.get(TAB)
        with CaptureQueriesContext(connection) as queries:
            assert reader.get(TAB).status_code == 200
        asked.append(len(queries))

    assert asked[0] == asked[1]


# The way back


def test_the_way_back_says_what_is_missing_and_leads_to_the_rehearsal(reader, place, tool):
    Product.objects.update(rehearsed_strategies=[place.release.strategy])
    shipping.verified(place.staging, "4.7.0")
    shipping.verified(place.production, "4.7.1")
    place.verified_in_staging()
    way = reverse("deployments:way_back", args=["payments", "4.8.0"])
    rehearse = reverse("deployments:rehearse", args=["payments", "4.8.0", "staging"])
    page = text(reader.get(way))
    assert "Never rehearsed" in page
    assert rehearse in page
    assert "4.7.1-rc.1" in page
    assert "4.7.0-rc.1" in text(reader.get(rehearse))
    assert f'hx-get="{way}"' in text(reader.get("/r/payments/4.8.0/rollback/"))

    answer = reader.post(rehearse)
    assert answer.status_code == 302
    assert "Rehearsal" in text(reader.get(answer.headers["Location"]))
    turn()

    page = text(reader.get(way, headers={"HX-Request": "true"}))
    assert "Rehearsed" in page
    assert "It holds until" in page
    assert "<html" not in page


def test_the_page_of_a_deployment_shows_where_the_point_of_no_return_lies_and_that_it_is_crossed(reader, place, tool):
    shipping.verified(place.production, "4.7.0")
    place.production.hooks.update(point_of_no_return=True)
    made = place.approved().into_production()
    assert "once it is done, there is no way back" in text(reader.get(made.get_absolute_url()))
    turn()
    page = text(reader.get(made.get_absolute_url()))
    assert "No way back since" in page
    assert "The point of no return is crossed" in page


def test_a_change_manager_finds_a_rollback_in_the_inbox_and_confirms_it(client, place, tool):
    cora = accounts.person("cora", roles=["change-manager"], on=place.product)
    shipping.verified(place.production, "4.7.0")
    made = place.approved().into_production()
    turn()
    back = deploying.roll_back(made.pk, actor=place.deployer, reason="Errors.")
    turn()
    client.force_login(cora)
    url = reverse("deployments:confirm", args=[back.pk])
    assert [item.url for item in inbox.items_for(fresh(cora)) if item.kind == "rollback"] == [url]
    assert not [item for item in inbox.items_for(fresh(place.deployer)) if item.kind == "rollback"]
    assert url in text(client.get(back.get_absolute_url()))

    assert client.post(url, {"comment": " "}).status_code == 422
    client.post(url, {"comment": "4.7.0 serves again."})

    assert "4.7.0 serves again." in text(client.get(back.get_absolute_url()))
    assert not [item for item in inbox.items_for(fresh(cora)) if item.kind == "rollback"]


# The API


def test_a_runbook_is_written_and_done_over_the_api(reader, place):
    post = lambda url, **data: reader.post(f"/api/v1/{url}", data, content_type="application/json")  # noqa: E731
    book = post("runbooks/", release=place.release.pk, name="Cut-over").json()
    first = post("runbook-steps/", runbook=book["id"], name="Announce", owner=place.deployer.pk).json()
    second = post(
        "runbook-steps/", runbook=book["id"], name="Close", owner=place.deployer.pk, planned_minutes=20
    ).json()
    assert second["needs"] == [first["id"]]
    circle = reader.patch(
        f"/api/v1/runbook-steps/{first['id']}/", {"needs": [second["id"]]}, content_type="application/json"
    )
    assert circle.status_code == 409
    assert circle.json()["blockers"][0]["code"] == "needs-circle"

    assert post(f"runbooks/{book['id']}/start/").json()["state"] == "running"
    times = reader.get(f"/api/v1/runbooks/{book['id']}/timetable/").json()
    assert times["critical_path"] == [first["id"], second["id"]]
    assert post(f"runbook-steps/{first['id']}/begin/").json()["state"] == "running"
    assert post(f"runbook-steps/{first['id']}/finish/", note="Told.").json()["note"] == "Told."
    assert post(f"runbook-steps/{second['id']}/skip/", reason="It is closed.").json()["state"] == "skipped"
    assert reader.get(f"/api/v1/runbooks/{book['id']}/").json()["state"] == "finished"


def test_a_rehearsal_is_started_over_the_api(reader, place, tool):
    shipping.verified(place.staging, "4.7.0")
    place.verified_in_staging()

    answer = reader.post(
        "/api/v1/deployments/rehearse/",
        {"release": place.release.pk, "environment": place.staging.pk},
        content_type="application/json",
    )

    assert answer.status_code == 201
    assert answer.json()["is_rehearsal"] is True
