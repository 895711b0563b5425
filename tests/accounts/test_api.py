"""The API of accounts, and the tokens that open it."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts import actions, policy
from accounts.models import ApiToken, Grant, Team, User
from tests.factories.accounts import hold, person, team

pytestmark = pytest.mark.django_db


def bearer(secret: str) -> dict:
    return {"headers": {"Authorization": f"Bearer {secret}"}}


def post(client, path, data):
    return client.post(f"/api/v1/{path}", data, content_type="application/json")


@pytest.fixture
def as_adele(adele, client):
    client.force_login(adele)
    return client


@pytest.fixture
def secret(noor):
    return actions.create_token(actor=noor, name="laptop")[1]


def test_a_token_speaks_for_its_person_with_their_rights(client, noor, payments, secret):
    me = client.get("/api/v1/me/", **bearer(secret)).json()
    assert me["username"] == "noor"
    assert me["rights"] == {
        f"product:{payments.pk}": [
            "releases.comment",
            "releases.contribute",
            "releases.report_deployments",
            "releases.view_product",
        ]
    }
    assert ApiToken.objects.get().last_used_at is not None


def test_an_ended_token_is_refused(client, secret):
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = client.get("/api/v1/me/", **bearer(secret))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_token_is_refused(client, noor, secret):
    actions.revoke_token(ApiToken.objects.get().pk, actor=noor)
    assert client.get("/api/v1/me/", **bearer(secret)).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer slw_wrong", "Bearer a b", "Basic abc", "Bearer \xff\xfe", ""])
def test_nonsense_is_no_token(client, header, db):
    assert client.get("/api/v1/me/", headers={"Authorization": header}).status_code == 401


def test_a_wrong_token_is_not_excused_by_a_session(client, noor):
    client.force_login(noor)
    assert client.get("/api/v1/me/", **bearer("slw_wrong")).status_code == 401


def test_a_token_needs_no_csrf_token_and_a_session_does(noor, secret):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    change = {"path": f"/api/v1/people/{noor.pk}/", "data": {"last_name": "H"}, "content_type": "application/json"}
    assert strict.patch(**change, **bearer(secret)).status_code == 200
    strict.force_login(noor)
    assert strict.patch(**change).status_code == 403


def test_a_token_does_not_make_tokens(client, secret):
    answer = client.post("/api/v1/tokens/", {"name": "next"}, **bearer(secret))
    assert answer.status_code == 403
    assert ApiToken.objects.count() == 1


def test_a_service_account_does_not_sign(robot, payments):
    hold(robot, "qa-approver", payments)
    assert not policy.who_may("releases.vote", payments).exists()
    with pytest.raises(PermissionDenied, match="never sign"):
        policy.require_person(robot)


def test_a_session_makes_lists_and_revokes_tokens(client, noor, adele):
    actions.create_token(actor=adele, name="hers")
    client.force_login(noor)
    made = post(client, "tokens/", {"name": "cli"}).json()
    assert client.get("/api/v1/me/", **bearer(made["secret"])).status_code == 200
    listed = client.get("/api/v1/tokens/").json()["results"]
    assert [(t["name"], "secret" in t, "digest" in t) for t in listed] == [("cli", False, False)]
    assert client.delete(f"/api/v1/tokens/{made['id']}/").status_code == 204
    assert client.delete(f"/api/v1/tokens/{ApiToken.objects.get().pk}/").status_code == 404


def test_people_are_added_and_switched_off(as_adele):
    made = post(as_adele, "people/", {"username": "ci2", "is_service": True})
    assert made.status_code == 201
    path = f"/api/v1/people/{made.json()['id']}/"
    assert as_adele.patch(path, {"is_active": False}, content_type="application/json").json()["is_active"] is False
    again = post(as_adele, "people/", {"username": "CI2"})
    assert (again.status_code, [b["code"] for b in again.json()["blockers"]]) == (409, ["username-taken"])


def test_nobody_promotes_themselves(client, noor):
    client.force_login(noor)
    path = f"/api/v1/people/{noor.pk}/"
    client.patch(path, {"is_superuser": True, "username": "root"}, content_type="application/json")
    assert not User.objects.get(pk=noor.pk).is_superuser
    assert User.objects.get(pk=noor.pk).username == "noor"
    assert client.patch(path, {"is_active": False}, content_type="application/json").status_code == 403
    assert post(client, "grants/", {"role": "administrator", "user": noor.pk}).status_code == 403
    assert post(client, "people/", {"username": "friend"}).status_code == 403
    assert post(client, "teams/", {"name": "Ours"}).status_code == 403


def test_roles_are_given_and_taken(as_adele, payments):
    mira = person("mira")
    made = post(as_adele, "grants/", {"role": "deployer", "scope": f"product:{payments.pk}", "user": mira.pk})
    assert made.status_code == 201
    assert policy.may(mira, "releases.deploy", payments)
    assert as_adele.delete(f"/api/v1/grants/{made.json()['id']}/").status_code == 204
    assert not policy.may(User.objects.get(pk=mira.pk), "releases.deploy", payments)


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "emperor"},
        {"scope": "product:999999"},
        {"scope": "planet:1"},
        {"user": None},
        {"user": 999999},
    ],
)
def test_a_grant_that_makes_no_sense_is_a_400(as_adele, payments, wrong):
    data = {"role": "deployer", "scope": f"product:{payments.pk}", "user": person().pk} | wrong
    assert post(as_adele, "grants/", data).status_code == 400
    assert Grant.objects.count() == 1


def test_a_grant_to_both_a_user_and_a_team_is_a_400(as_adele):
    assert post(as_adele, "grants/", {"role": "tester", "user": person().pk, "team": team().pk}).status_code == 400


def test_grants_out_of_sight_are_not_listed(client, noor, payments, checkout):
    hidden = person("mira", roles=["deployer"], on=checkout)
    client.force_login(noor)
    listed = client.get("/api/v1/grants/").json()["results"]
    assert [g["user"] for g in listed] == [noor.pk]
    assert client.delete(f"/api/v1/grants/{hidden.grants.get().pk}/").status_code == 404


def test_teams_are_made_and_filled(as_adele):
    mira, tom = person("mira"), person("tom")
    made = post(as_adele, "teams/", {"name": "Red", "members": [mira.pk]}).json()
    path = f"/api/v1/teams/{made['id']}/"
    as_adele.patch(path, {"members": [tom.pk], "lead": tom.pk}, content_type="application/json")
    red = Team.objects.get()
    assert (red.name, red.lead, list(red.members.all())) == ("Red", tom, [tom])


@pytest.mark.parametrize("rows", [1, 10])
def test_lists_ask_as_much_for_ten_as_for_one(as_adele, rows, django_assert_max_num_queries):
    for _ in range(rows):
        hold(team(members=[person(), person()]), "tester")
    for path in ("people", "teams", "grants"):
        with django_assert_max_num_queries(9):
            assert len(as_adele.get(f"/api/v1/{path}/").json()["results"]) >= rows
