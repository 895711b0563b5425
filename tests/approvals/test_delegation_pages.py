"""The page of delegations and its API."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.models import Delegation
from core.models import Event
from tests.factories import releases
from tests.factories.accounts import absence, person, team
from tests.factories.delegations import delegation

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
PAGE = "/settings/delegations/"
API = "/api/v1/delegations/"


@pytest.fixture
def payments():
    return releases.product("Payments API")


@pytest.fixture
def ann(payments):
    return person("ann", roles=["qa-approver"], on=payments, timezone="Europe/Berlin")


@pytest.fixture
def ben(payments):
    return person("ben", roles=["stakeholder"], on=payments)


@pytest.fixture
def by(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def text(response) -> str:
    main = response.content.decode().split("<main", 1)[-1].split("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def typed(whose, stand_in, **more) -> dict:
    start = timezone.now() + DAY
    return {
        "person": whose.pk,
        "stand_in": stand_in.pk,
        "starts_at": f"{start:%Y-%m-%dT%H:%M}",
        "ends_at": f"{start + 3 * DAY:%Y-%m-%dT%H:%M}",
        "product": "",
        "who": "",
        "reason": "On leave.",
    } | more


def test_one_names_a_stand_in_on_ones_own_page_in_ones_own_time_zone(by, ann, ben):
    response = by(ann).post(
        PAGE, typed(ann, ben, starts_at="2026-12-01T09:00", ends_at="2026-12-04T18:00"), follow=True
    )
    assert response.redirect_chain == [(PAGE, 302)]
    made = Delegation.objects.get()
    assert made.starts_at.isoformat() == "2026-12-01T08:00:00+00:00"
    page = text(response)
    assert "Ben Tue 1 Dec" in page
    assert "To come" in page
    assert "All votes On leave." in page
    assert "Ben votes for you" in response.content.decode()


def test_a_refusal_stands_at_its_field_and_what_was_typed_is_kept(by, ann, payments):
    abe = person("abe", roles=["qa-approver"], on=payments)
    response = by(ann).post(PAGE, typed(ann, abe, reason="Sun <b>and</b> sea"))
    assert response.status_code == 422
    page = response.content.decode()
    assert "Nothing was delegated" in page
    assert "Abe holds the same places and votes in their own name" in page
    assert "Sun &lt;b&gt;and&lt;/b&gt; sea" in page
    assert not Delegation.objects.exists()


def test_a_circle_is_said(by, ann, payments):
    olga = person("olga", roles=["security-approver"], on=payments)
    delegation(olga, ann)
    response = by(ann).post(PAGE, typed(ann, olga), follow=True)
    assert "Olga has delegated the other way as well" in response.content.decode()


def test_whom_one_stands_in_for_is_shown_without_a_button_to_end_it(by, ann, ben):
    made = delegation(ann, ben)
    page = by(ben).get(PAGE).content.decode()
    assert "You stand in for" in page
    assert "Ann" in page
    assert f"{PAGE}{made.pk}/end/" not in page
    assert by(ben).post(f"{PAGE}{made.pk}/end/").status_code == 403


def test_ending_on_the_page_keeps_it_among_the_past_ones(by, ann, ben):
    made = delegation(ann, ben)
    response = by(ann).post(f"{PAGE}{made.pk}/end/", follow=True)
    page = text(response)
    assert "Past delegations" in page
    assert "Ben for Ann" in page
    assert "Ended early by Ann" in page
    assert by(ann).get(f"{PAGE}{made.pk}/end/").status_code == 405


def test_a_lead_names_a_stand_in_for_a_member_and_sees_what_members_did(by, ann, ben):
    lena = person("lena", roles=["stakeholder"])
    team("Red", [ann], lead=lena)
    response = by(lena).post(PAGE, typed(ann, ben), follow=True)
    page = text(response)
    assert "Members of your teams" in page
    assert "Ben for Ann named by Lena" in page
    event = Event.objects.get(name="delegation.planned")
    assert (event.actor, event.on_behalf_of) == (lena, ann)


def test_nobody_delegates_for_a_stranger_through_the_form(by, ann, ben):
    otto = person("otto", roles=["stakeholder"])
    response = by(otto).post(PAGE, typed(ann, ben))
    assert response.status_code == 422
    assert not Delegation.objects.exists()


def test_delegations_of_strangers_are_neither_shown_nor_ended(by, ann, ben):
    made = delegation(ann, ben)
    otto = person("otto", roles=["stakeholder"])
    assert "Ann" not in text(by(otto).get(PAGE)).replace("Approvals", "").split("Reason")[0].split("Stand-in")[0]
    assert by(otto).post(f"{PAGE}{made.pk}/end/").status_code == 404
    assert by(otto).get(f"{API}{made.pk}/").status_code == 404


def test_planning_an_absence_leads_to_a_stand_in_for_that_time(by, ann):
    away = absence(ann, timezone.now() + DAY, timezone.now() + 4 * DAY)
    page = by(ann).get("/settings/hours/").content.decode()
    link = re.search(r'href="(/settings/delegations/\?[^"]+)"', page)[1].replace("&amp;", "&")
    form = by(ann).get(link).content.decode()
    local = timezone.localtime(away.starts_at, BERLIN)
    assert f'value="{local:%Y-%m-%dT%H:%M}"' in form
    assert f'value="{timezone.localtime(away.ends_at, BERLIN):%Y-%m-%dT%H:%M}"' in form


@pytest.mark.parametrize(
    "query",
    [
        "?person=x&from=never&until=9999-99-99",
        "?from=0001-01-01T00:00:00Z",
        "?from=9999-12-30T00:00:00Z",
        "?person=" + "9" * 40,
    ],
)
def test_odd_addresses_show_the_page_all_the_same(by, ann, query):
    assert by(ann).get(PAGE + query).status_code == 200


def test_the_page_asks_as_much_for_twelve_delegations_as_for_two(by, ann, ben, payments):
    lena = person("lena", roles=["stakeholder"])
    reds = team("Red", [ann], lead=lena)

    def cost(more: int) -> int:
        for at in range(more):
            member = person(roles=["qa-approver"], on=payments)
            reds.members.add(member)
            delegation(member, ben, who="role:qa-approver" if at % 2 else "", product=payments)
            delegation(member, lena)
            delegation(member, ben, ends_at=timezone.now() - timedelta(seconds=1), starts_at=timezone.now() - DAY)
        with CaptureQueriesContext(connection) as asked:
            assert by(lena).get(PAGE).status_code == 200
        return len(asked)

    cost(1)  # what a process learns once
    assert cost(2) == cost(6)


def test_the_api_delegates_lists_and_ends(by, ann, ben, payments):
    now = timezone.now()
    body = {
        "stand_in": ben.pk,
        "starts_at": now.isoformat(),
        "ends_at": (now + DAY).isoformat(),
        "product": payments.pk,
    }
    made = by(ann).post(API, body, content_type="application/json")
    assert made.status_code == 201
    pk = made.json()["id"]
    assert (made.json()["person"], made.json()["product"]) == (ann.pk, payments.pk)
    assert [row["id"] for row in by(ben).get(API).json()["results"]] == [pk]
    assert by(person("otto", roles=["stakeholder"])).get(API).json()["results"] == []
    ended = by(ann).post(f"{API}{pk}/end/", {}, content_type="application/json")
    assert (ended.status_code, ended.json()["ended_by"]) == (200, ann.pk)


def test_the_api_answers_a_refusal_with_its_codes(by, ann):
    now = timezone.now()
    body = {"stand_in": ann.pk, "starts_at": now.isoformat(), "ends_at": (now + DAY).isoformat()}
    answer = by(ann).post(API, body, content_type="application/json")
    assert answer.status_code == 409
    assert [b["code"] for b in answer.json()["blockers"]] == ["stand-in-self"]
