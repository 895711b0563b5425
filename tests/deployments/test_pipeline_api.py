"""The API of pipelines, phases, queues and standstills: the same doors, the same answers."""

import pytest
from rest_framework.test import APIClient

from deployments.models import Deployment, Standstill
from releases.models import Phase
from tests.deployments.conftest import fresh
from tests.deployments.line import Line, make
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
V1 = "/api/v1"


@pytest.fixture
def line(tool) -> Line:
    return make()


def by(person) -> APIClient:
    client = APIClient()
    client.force_authenticate(person)
    return client


def test_the_pipeline_of_a_release_is_told_phase_by_phase(line):
    line.phase(line.test, name="First", soak_minutes=60)
    line.automatic(line.eu, line.us, needs="at_least", at_least=1)
    row = line.verify(line.test, ago_minutes=20)

    told = by(line.deployer).get(f"{V1}/pipelines/{line.release.pk}/").json()

    first, canaries, production = told["phases"]
    assert (told["candidate"], told["is_stopped"]) == ("4.8.0-rc.1", False)
    assert (first["name"], first["soak_left_minutes"], first["is_done"], first["lacks"]) == ("First", 40, False, 0)
    assert first["environments"][0]["deployment"] == row.pk
    assert [b["code"] for b in canaries["why_closed"]] == ["still-soaking"]
    assert canaries["opens_at"] == first["environments"][0]["soaked_at"]
    assert (canaries["is_automatic"], canaries["is_open"], canaries["required"]) == (True, False, 1)
    assert production["opens_at"] is None
    assert production["environments"][0] == {
        "environment": "production",
        "deployment": None,
        "verified_at": None,
        "soaked_at": None,
        "cut_at": None,
        "cut_by": "",
    }


def test_the_pipeline_of_a_release_out_of_sight_is_not_found(line):
    assert by(accounts.person("outsider")).get(f"{V1}/pipelines/{line.release.pk}/").status_code == 404


def test_phases_are_made_changed_and_removed_by_api(line):
    api = by(line.manager)
    asked = {
        "product": line.product.pk,
        "name": "Canaries",
        "environments": [line.eu.pk, line.us.pk],
        "soak_minutes": 30,
    }
    made = api.post(f"{V1}/phases/", asked | {"is_automatic": True}, format="json")
    assert (made.status_code, made.json()["automated_by"]) == (201, line.manager.pk)
    one = f"{V1}/phases/{made.json()['id']}/"

    assert api.patch(one, {"needs": "optional"}, format="json").json()["needs"] == "optional"
    refused = api.patch(one, {"environments": [line.test.pk, line.us.pk]}, format="json")
    assert (refused.status_code, refused.json()["blockers"][0]["code"]) == (409, "phase-torn")
    assert by(line.deployer).patch(one, {"needs": "all"}, format="json").status_code == 403
    assert by(accounts.person("outsider")).get(one).status_code == 404
    assert api.delete(one).status_code == 204
    assert not Phase.objects.exists()


def test_an_environment_is_placed_in_a_phase_of_its_own_product_only(line):
    phase = line.phase(line.eu)
    other = Phase.objects.create(product=releases.product(), name="Elsewhere")
    place = f"{V1}/environments/{line.us.pk}/place/"
    api = by(line.manager)

    assert api.post(place, {"phase": other.pk}, format="json").status_code == 400
    assert api.post(place, {"phase": phase.pk}, format="json").json()["phase"] == phase.pk
    assert api.post(place, {"phase": None}, format="json").json()["phase"] is None


def test_a_deployment_is_queued_held_and_let_go_by_api(line):
    other = releases.release(line.product, state="testing", version="4.7.9")
    shipping.deployment(other, line.test, "running")
    api = by(line.deployer)
    asked = {"release": line.release.pk, "environment": line.test.pk}

    made = api.post(f"{V1}/deployments/", asked | {"queue": True}, format="json")
    assert (made.status_code, made.json()["state"]) == (201, "queued")
    assert made.json()["queued_at"]
    both = api.post(f"{V1}/deployments/", asked | {"queue": True, "start": True}, format="json")
    assert both.status_code == 400

    one = f"{V1}/deployments/{made.json()['id']}/"
    held = api.post(f"{one}hold/", {"reason": "Wait for the database."}, format="json").json()
    assert (held["held_by"], held["held_reason"]) == (line.deployer.pk, "Wait for the database.")
    assert api.post(f"{one}let-go/").json()["held_at"] is None
    assert api.post(f"{one}let-go/").status_code == 409


def test_a_planned_deployment_joins_the_queue_by_api(line):
    row = shipping.deployment(line.release, line.test)
    reader = accounts.person("sam", roles=["stakeholder"], on=line.product)

    assert by(reader).post(f"{V1}/deployments/{row.pk}/queue/").status_code == 403
    assert by(line.deployer).post(f"{V1}/deployments/{row.pk}/queue/").json()["state"] == "queued"
    assert fresh(row).started_by == line.deployer
    assert Deployment.objects.count() == 1


def test_a_candidate_is_kept_where_it_is_and_let_go_on_by_api(line):
    asked = {"candidate": line.release.candidate_id, "reason": "Memory grows."}
    assert by(accounts.person("outsider")).post(f"{V1}/standstills/", asked, format="json").status_code == 404
    made = by(line.deployer).post(f"{V1}/standstills/", asked, format="json")
    assert (made.status_code, made.json()["version"]) == (201, "4.8.0-rc.1")
    assert by(line.deployer).get(f"{V1}/pipelines/{line.release.pk}/").json()["is_stopped"]
    one = f"{V1}/standstills/{made.json()['id']}/"

    assert by(line.deployer).post(f"{one}end/", {"reason": "Fine."}, format="json").status_code == 403
    tomasz = accounts.person("tomasz", roles=["change-manager"], on=line.product)
    assert by(tomasz).post(f"{one}end/", {"reason": "It was the probe."}, format="json").json()["ended_by"] == tomasz.pk
    assert by(accounts.person("another")).get(f"{V1}/standstills/").json()["results"] == []
    assert Standstill.objects.get().ended_because == "It was the probe."
