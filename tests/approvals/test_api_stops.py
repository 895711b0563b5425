"""The API of liftings, of unauthorised changes and of proposing standard changes."""

import pytest
from rest_framework.test import APIClient

from approvals.models import Lift
from releases.actions import block_release
from tests.factories import releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db

LIFTS, FOUND = "/api/v1/lifts/", "/api/v1/unauthorised-changes/"


def api(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_a_stop_is_lifted_by_the_quorum_and_not_by_who_asks(release, people):
    block_release(release.pk, actor=people.qa, reason="Smoke.")
    wish = {"kind": "release", "id": release.pk, "reason": "The smoke is gone."}
    assert api(people.reader).post(LIFTS, wish).status_code == 403
    assert api(people.outsider).post(LIFTS, wish).status_code == 404
    made = api(people.qa).post(LIFTS, wish)
    assert (made.status_code, made.json()["release"], made.json()["state"]) == (201, release.pk, "requested")

    decide = f"{LIFTS}{made.json()['id']}/decide/"
    assert api(people.qa).post(decide, {"grant": True}).status_code == 409
    assert api(people.change_manager).post(decide, {"grant": True}).json()["state"] == "granted"
    release.refresh_from_db()
    assert not release.is_blocked


def test_liftings_out_of_sight_are_not_listed(release, people):
    block_release(release.pk, actor=people.qa, reason="Smoke.")
    api(people.qa).post(LIFTS, {"kind": "release", "id": release.pk, "reason": "Gone."})
    assert [row["id"] for row in api(people.qa).get(LIFTS).json()["results"]] == [Lift.objects.get().pk]
    elsewhere = person("elsa", roles=["qa-approver"], on=releases.product())
    assert api(elsewhere).get(LIFTS).json()["results"] == []


def test_what_is_not_there_to_be_lifted_is_refused(release, people):
    assert api(people.qa).post(LIFTS, {"kind": "release", "id": release.pk, "reason": "Gone."}).status_code == 409
    assert api(people.qa).post(LIFTS, {"kind": "release", "id": 10**9, "reason": "Gone."}).status_code == 404
    assert api(people.qa).post(LIFTS, {"kind": "planet", "id": 1, "reason": "Gone."}).status_code == 400


def test_a_pipeline_records_what_it_found_and_those_who_would_have_decided_are_asked(release, people):
    bot = api(person("drift", roles=["contributor"], is_service=True))
    made = bot.post(FOUND, {"product": release.product_id, "title": "Hotfix on the host", "commits": ["a" * 40]})
    assert (made.status_code, made.json()["type"], made.json()["state"]) == (201, "unauthorised", "done")
    assert [row["id"] for row in bot.get(FOUND).json()["results"]] == [made.json()["id"]]
    asked = api(people.change_manager).get("/api/v1/requests/", {"change": made.json()["id"]}).json()["results"]
    assert [row["purpose"] for row in asked] == ["retrospective"]
    assert bot.post(FOUND, {"product": release.product_id, "title": "Hotfix", "commits": ["x"]}).status_code == 409
    assert api(people.reader).post(FOUND, {"product": release.product_id, "title": "Hotfix"}).status_code == 403


def test_a_standard_change_is_proposed(release, people):
    contributor = person("bob", roles=["contributor"])
    template = releases.template(release.product, "draft", created_by=contributor)
    made = api(contributor).post("/api/v1/requests/", {"template": template.pk})
    assert (made.status_code, made.json()["kind"], made.json()["template"]) == (201, "template", template.pk)
    assert api(contributor).post("/api/v1/requests/", {"template": template.pk, "change": 1}).status_code == 400
