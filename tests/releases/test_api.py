"""The API of releases knocks at the same doors: what moves, what is refused with blockers, what is not seen."""

import pytest
from rest_framework.test import APIClient

from core.models import Event
from releases.models import Change, Product, Release
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db
ALL = ["products", "environments", "releases", "changes", "candidates", "risks", "dependencies", "freezes"]
ALL += ["standard-changes"]


def by(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def everything(product, manager):
    """One row of each kind, of one product."""
    release = releases.release(product, "building", version="4.8.0", manager=manager)
    releases.change(product, release)
    releases.candidate(release)
    releases.risk(release)
    release.dependencies.create(needs=releases.release(product, version="4.7.0"))
    releases.freeze().products.add(product)
    releases.template(product)
    return release


@pytest.mark.parametrize("name", ALL)
def test_a_list_shows_what_one_may_see_and_nothing_else(everything, manager, outsider, name):
    assert len(by(manager).get(f"/api/v1/{name}/").json()["results"]) >= 1
    assert by(outsider).get(f"/api/v1/{name}/").json()["results"] == []
    assert APIClient().get(f"/api/v1/{name}/").status_code == 401


@pytest.mark.parametrize("name", ALL)
def test_a_row_out_of_sight_is_404(everything, manager, outsider, name):
    pk = by(manager).get(f"/api/v1/{name}/").json()["results"][0]["id"]
    assert by(manager).get(f"/api/v1/{name}/{pk}/").status_code == 200
    assert by(outsider).get(f"/api/v1/{name}/{pk}/").status_code == 404


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_written_past_the_doors(everything, manager, name):
    pk = by(manager).get(f"/api/v1/{name}/").json()["results"][0]["id"]
    assert by(manager).put(f"/api/v1/{name}/{pk}/", {}, format="json").status_code == 405
    if name in ("products", "releases", "changes", "candidates", "freezes", "standard-changes"):
        assert by(manager).delete(f"/api/v1/{name}/{pk}/").status_code == 405


def test_a_release_is_drafted_planned_and_held(product, manager):
    client = by(manager)
    made = client.post(
        "/api/v1/releases/", {"product": product.pk, "version": "1.0.0", "strategy": "minor"}, format="json"
    )
    assert made.status_code == 201
    here = f"/api/v1/releases/{made.json()['id']}/"
    assert client.patch(here, {"objective": "Better."}, format="json").json()["plan_version"] == 2
    answer = client.post(f"{here}steps/plan/", {}, format="json")
    assert answer.status_code == 409
    assert {"manager-missing", "window-missing", "scope-empty"} <= {b["code"] for b in answer.json()["blockers"]}
    assert client.post(f"{here}steps/hold/", {"reason": "Wait."}, format="json").json()["state"] == "on_hold"


def test_a_wrong_version_is_refused_with_its_field(product, manager):
    answer = by(manager).post("/api/v1/releases/", {"product": product.pk, "version": "1"}, format="json")
    assert answer.status_code == 409
    assert answer.json()["blockers"][0]["field"] == "version"
    assert not Release.objects.exists()


def test_a_state_cannot_be_written(everything, manager):
    by(manager).patch(f"/api/v1/releases/{everything.pk}/", {"state": "released"}, format="json")
    everything.refresh_from_db()
    assert everything.state == "building"


def test_the_steps_tell_what_blocks_them(everything, manager, stakeholder):
    steps = {s["name"]: s for s in by(manager).get(f"/api/v1/releases/{everything.pk}/steps/").json()}
    assert steps["start_testing"]["possible"] is True
    steps = {s["name"]: s for s in by(stakeholder).get(f"/api/v1/releases/{everything.pk}/steps/").json()}
    assert steps["start_testing"]["permitted"] is False


def test_who_may_see_but_not_do_gets_403(everything, stakeholder):
    answer = by(stakeholder).post(f"/api/v1/releases/{everything.pk}/block/", {"reason": "x"}, format="json")
    assert answer.status_code == 403
    assert not Event.objects.exists()


def test_a_build_reports_its_candidate_as_a_service_account(product):
    robot = accounts.person("ci", roles=["contributor"], on=product, is_service=True)
    release = releases.release(product, "building", version="4.8.0")
    body = {"release": release.pk, "commit": "a" * 40, "artifacts": [{"name": "image", "digest": "sha256:" + "b" * 64}]}
    answer = by(robot).post("/api/v1/candidates/", body, format="json")
    assert (answer.status_code, answer.json()["version"]) == (201, "4.8.0-rc.1")
    body["artifacts"][0]["digest"] = "sha256:1"
    assert by(robot).post("/api/v1/candidates/", body, format="json").status_code == 409


def test_a_change_is_added_assessed_and_withdrawn(product, contributor):
    client, release = by(contributor), releases.release(product)
    body = {"product": product.pk, "release": release.pk, "title": "Progress"}
    here = f"/api/v1/changes/{client.post('/api/v1/changes/', body, format='json').json()['id']}/"
    assert client.patch(here, {"risk": "low", "impact": "Few notice."}, format="json").json()["risk"] == "low"
    assert client.post(f"{here}steps/assess/", {}, format="json").json()["state"] == "assessing"
    assert client.post(f"{here}steps/withdraw/", {}, format="json").status_code == 409
    assert client.post(f"{here}steps/withdraw/", {"reason": "No."}, format="json").json()["release"] is None
    assert Change.objects.get().state == "withdrawn"


def test_the_scope_is_changed_by_id(product, contributor):
    client, release, change = by(contributor), releases.release(product), releases.change(product)
    client.post(f"/api/v1/releases/{release.pk}/take_in/", {"change": change.pk}, format="json")
    assert list(release.changes.all()) == [change]
    client.post(f"/api/v1/releases/{release.pk}/take_out/", {"change": change.pk}, format="json")
    assert not release.changes.exists()


def test_risks_rollback_plan_and_notes_are_written_and_confirmed(product, manager):
    client, release = by(manager), releases.release(product, "testing")
    here = f"/api/v1/releases/{release.pk}/"
    risk = client.post(
        "/api/v1/risks/", {"release": release.pk, "title": "Loss", "impact": 5, "likelihood": 4}, format="json"
    )
    assert (risk.status_code, risk.json()["band"]) == (201, "high")
    treated = client.post(
        f"/api/v1/risks/{risk.json()['id']}/treat/", {"treatment": "accept", "plan": "Paid."}, format="json"
    )
    assert treated.json()["treated_by"] == manager.pk
    assert client.post(f"{here}confirm_risks/").json()["risks_assessed_at"]
    plan = client.patch(f"{here}rollback_plan/", {"trigger": "Errors", "expected_minutes": 4}, format="json")
    assert plan.json()["expected_minutes"] == 4
    assert client.put(f"{here}notes/", {"text": "New."}, format="json").json()["notes_reviewed_at"] is None
    assert client.post(f"{here}review_notes/").json()["notes_reviewed_at"]
    assert client.delete(f"/api/v1/risks/{risk.json()['id']}/").status_code == 204


def test_a_circle_of_dependencies_is_refused(product, manager):
    one, two = releases.release(product), releases.release(product)
    post = lambda a, b: by(manager).post("/api/v1/dependencies/", {"release": a.pk, "needs": b.pk}, format="json")  # noqa: E731
    assert post(one, two).status_code == 201
    assert post(two, one).json()["blockers"][0]["code"] == "dependency-circle"


def test_an_administrator_adds_a_product_with_environments_in_order(administrator):
    client = by(administrator)
    made = client.post("/api/v1/products/", {"name": "Ledger", "key": "LED", "scheme": "calver"}, format="json")
    assert made.status_code == 201
    pk = Product.objects.get(slug="ledger").pk
    ids = [
        client.post("/api/v1/environments/", {"product": pk, "name": n, "tier": t}, format="json").json()["id"]
        for n, t in (("Production", "production"), ("Staging", "staging"), ("Test", "test"))
    ]
    wrong = client.post(f"/api/v1/products/{pk}/order/", {"environments": ids}, format="json")
    assert wrong.json()["blockers"][0]["code"] == "production-last"
    assert client.post(f"/api/v1/products/{pk}/order/", {"environments": ids[::-1]}, format="json").status_code == 200


def test_a_freeze_is_announced_and_lifted(product, manager):
    body = {
        "name": "Year end",
        "starts_at": "2027-12-20T00:00Z",
        "ends_at": "2027-12-31T00:00Z",
        "products": [product.pk],
    }
    made = by(manager).post("/api/v1/freezes/", body, format="json")
    assert made.status_code == 201
    lifted = by(manager).post(f"/api/v1/freezes/{made.json()['id']}/lift/", {"reason": "Off."}, format="json")
    assert lifted.json()["lifted_at"]


def test_an_unreadable_repository_says_why(product, contributor):
    product.repository = "/nowhere/at/all"
    product.save()
    release = releases.release(product)
    answer = by(contributor).get(f"/api/v1/releases/{release.pk}/git/")
    assert answer.status_code == 409
    assert answer.json()["blockers"][0]["code"] == "repository-unreadable"


def test_a_standard_change_is_drafted_edited_revised_and_retired(product, contributor, change_manager):
    client = by(contributor)
    body = {"product": product.pk, "name": "Certificate", "title": "Rotate it", "risk": "low", "locked": ["kind"]}
    made = client.post("/api/v1/standard-changes/", body, format="json")
    assert (made.status_code, made.json()["state"]) == (201, "draft")
    assert made.json()["locked"] == ["kind", "risk", "impact", "backout"]
    here = f"/api/v1/standard-changes/{made.json()['id']}/"
    edited = client.patch(here, {"impact": "None.", "state": "approved"}, format="json").json()
    assert (edited["impact"], edited["state"]) == ("None.", "draft")
    assert edited["digest"] != made.json()["digest"]
    assert client.post(f"{here}revise/").json()["blockers"][0]["code"] == "state"
    offered = {s["name"]: s for s in client.get(f"{here}steps/").json()}
    assert offered["propose"]["possible"] is False
    assert offered["retire"]["permitted"] is False
    assert client.post(f"{here}retire/", {"reason": "No."}, format="json").status_code == 403
    assert by(change_manager).post(f"{here}retire/", {"reason": "No."}, format="json").json()["state"] == "retired"
    assert client.patch(here, {"impact": "x"}, format="json").json()["blockers"][0]["code"] == "template-settled"
    assert client.post("/api/v1/standard-changes/", {"name": "For all"}, format="json").status_code == 403


def test_a_change_of_the_catalogue_is_made_at_once_and_falls_back_by_an_edit(product, contributor):
    client, release = by(contributor), releases.release(product)
    template = releases.template(None)
    here = f"/api/v1/standard-changes/{template.pk}/use/"
    assert client.post(here, {"title": "x"}, format="json").json()["product"]
    locked = client.post(here, {"release": release.pk, "risk": "high"}, format="json")
    assert (locked.status_code, locked.json()["blockers"][0]["code"]) == (409, "locked:risk")
    assert not Event.objects.exists()
    made = client.post(here, {"release": release.pk, "title": "On edge-2"}, format="json")
    assert made.status_code == 201
    told = made.json()
    assert (told["state"], told["type"], told["template"], told["release"]) == (
        "approved",
        "standard",
        template.pk,
        release.pk,
    )
    assert told["template_digest"] == template.digest
    edited = client.patch(f"/api/v1/changes/{told['id']}/", {"risk": "medium"}, format="json").json()
    assert (edited["state"], edited["type"], edited["template"]) == ("new", "normal", None)


def test_a_template_out_of_sight_makes_no_change(product, contributor):
    foreign = releases.template(releases.product())
    answer = by(contributor).post(f"/api/v1/standard-changes/{foreign.pk}/use/", {"product": product.pk}, format="json")
    assert answer.status_code == 404
    assert not Change.objects.exists()


def test_a_product_is_blocked_through_the_api_with_a_reason(product, manager, contributor):
    here = f"/api/v1/products/{product.pk}/"
    assert by(contributor).post(f"{here}block/", {"reason": "A hole."}, format="json").status_code == 403
    assert by(manager).post(f"{here}block/", {}, format="json").status_code == 409
    told = by(manager).post(f"{here}block/", {"reason": "A hole."}, format="json").json()
    assert (told["blocked_reason"], told["blocked_by"]) == ("A hole.", manager.pk)
    assert told["blocked_at"]
