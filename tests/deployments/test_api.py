"""The API of deployments: the same doors, the same answers."""

import pytest
from rest_framework.test import APIClient

from deployments.drivers import Progress
from deployments.models import Deployment, Hook, LogLine
from tests.deployments.conftest import fresh, turn
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
ALL = "/api/v1/deployments/"


def client_of(person) -> APIClient:
    client = APIClient()
    client.force_authenticate(person)
    return client


@pytest.fixture
def api(place) -> APIClient:
    return client_of(place.deployer)


def test_a_deployment_is_planned_started_and_followed(api, place, tool):
    made = api.post(ALL, {"release": place.release.pk, "environment": place.staging.pk}, format="json")
    assert (made.status_code, made.data["state"]) == (201, "planned")
    one = f"{ALL}{made.data['id']}/"

    assert api.post(f"{one}start/").data["state"] == "running"
    turn()

    told = api.get(one).data
    assert (told["state"], told["product"], told["environment"]) == ("succeeded", "payments", "staging")
    assert [run["state"] for run in told["runs"]] == ["succeeded"]
    assert [line["text"] for line in api.get(f"{one}log/").data] == [f"{place.release.candidate.version} is there"]
    assert api.get(f"{one}log/", {"after": LogLine.objects.last().pk}).data == []
    assert [sample["ok"] for sample in api.get(f"{one}samples/").data] == [True]
    assert [row["id"] for row in api.get(ALL, {"state": "succeeded"}).data["results"]] == [told["id"]]


def test_a_closed_gate_answers_409_with_its_blockers_and_leaves_nothing(api, place, tool):
    releases.freeze(tiers=["staging"])

    answer = api.post(ALL, {"release": place.release.pk, "environment": place.staging.pk, "start": True}, format="json")

    assert answer.status_code == 409
    assert [b["code"] for b in answer.data["blockers"]] == ["frozen"]
    assert not Deployment.objects.exists()


def test_pause_resume_abort_and_roll_back_ask_for_a_reason(api, place, tool):
    shipping.verified(place.staging, "4.7.0")
    tool.answers["ship"] = Progress("running")
    one = f"{ALL}{place.into_staging().pk}/"
    turn(3)

    assert api.post(f"{one}pause/", {}, format="json").status_code == 400
    assert api.post(f"{one}pause/", {"reason": "The pager rang."}, format="json").data["state"] == "paused"
    assert api.post(f"{one}resume/", {"reason": "Go.", "how": "never"}, format="json").status_code == 400
    assert api.post(f"{one}resume/", {"reason": "False alarm."}, format="json").data["state"] == "running"
    assert api.post(f"{one}abort/", {"reason": "No."}, format="json").data["state"] == "aborted"
    turn()
    back = api.post(f"{one}roll-back/", {"reason": "It is broken."}, format="json").data
    assert (back["kind"], back["state"]) == ("rollback", "running")


def test_nobody_without_the_right_acts_or_sees(place, tool):
    row = place.into_staging()
    one = f"{ALL}{row.pk}/"

    assert client_of(place.stakeholder).get(one).status_code == 200
    assert client_of(place.stakeholder).post(f"{one}abort/", {"reason": "No."}, format="json").status_code == 403
    assert client_of(accounts.person()).get(one).status_code == 404
    assert client_of(accounts.person()).get(ALL).data["results"] == []
    assert APIClient().get(one).status_code == 401
    assert fresh(row).state == "running"


def test_a_release_that_the_reader_does_not_see_cannot_be_named(api, place):
    other = releases.release(state="testing")
    environment, _ = releases.pipeline(other.product)

    answer = api.post(ALL, {"release": other.pk, "environment": environment.pk}, format="json")

    assert answer.status_code == 400
    assert set(answer.data) == {"release", "environment"}


def test_the_secret_of_a_hook_is_written_and_never_read(place, tool):
    keeper = client_of(accounts.person(roles=["release-manager"], on=place.product))
    asked = {"environment": place.staging.pk, "name": "Warm up", "driver": "tool", "config": {}, "secret": "hush-hush"}

    made = keeper.post("/api/v1/hooks/", asked, format="json")

    assert made.status_code == 201
    assert made.data["has_secret"] is True
    assert "hush-hush" not in str(keeper.get("/api/v1/hooks/").content)
    one = f"/api/v1/hooks/{made.data['id']}/"
    assert keeper.patch(one, {"timeout_s": 30}, format="json").data["timeout_s"] == 30
    assert Hook.objects.get(pk=made.data["id"]).secret == "hush-hush"
    refused = keeper.patch(one, {"config": {"program": "bad"}}, format="json")
    assert (refused.status_code, refused.data["blockers"][0]["field"]) == (409, "config.program")
    assert client_of(place.deployer).delete(one).status_code == 403
    assert keeper.delete(one).status_code == 204
