"""Checks are added, changed, ordered and removed; what approvers and the record see of them; and what the API has."""

import pytest
from django.core.exceptions import PermissionDenied
from rest_framework.test import APIClient

from core.blockers import Refused
from core.models import Event
from deployments import payload
from deployments.actions import check as doors
from deployments.actions import deployment as deployment_doors
from deployments.actions import statement, verification
from deployments.models import Check, Deployment, Run, Sample, Statement
from tests.deployments.conftest import fresh, turn
from tests.deployments.counterpart import Counterpart
from tests.factories import accounts
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
QUERY = {"address": "http://p.example.org:9090/x?token=t0ken", "query": "errors", "operator": "<", "threshold": 1.5}


@pytest.fixture
def keeper(place):
    return accounts.person("kim", roles=["release-manager"], on=place.product)


def add(place, keeper, **fields):
    made = {"name": "Ready", "kind": "http", "config": {"address": "/ready"}} | fields
    return doors.save_check(place.staging.pk, actor=keeper, **made)


def codes(refusal) -> list[str]:
    return [blocker.code for blocker in refusal.value.blockers]


def test_a_check_is_added_at_the_end_with_the_defaults_of_its_kind(place, keeper):
    add(place, keeper)
    second = add(place, keeper, name="Errors", kind="prometheus", config=QUERY)

    assert [check.name for check in place.staging.checks.all()] == ["Ready", "Errors"]
    assert fresh(second).config == QUERY | {"empty_is_ok": False}
    assert Check.objects.get(name="Ready").config == {"address": "/ready", "status": 200}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "ready"}, ["check-name-taken"]),
        ({"name": "Health"}, ["check-name-taken"]),
        ({"name": " "}, ["check-name"]),
        ({"name": "X", "kind": "guess"}, ["check-kind"]),
        ({"name": "X", "config": {"address": "ready"}}, ["check-config:address"]),
        ({"name": "X", "config": []}, ["check-config"]),
        ({"name": "X", "kind": "external", "config": {"url": "https://gate.example.org"}}, ["check-secret"]),
        ({"name": "X", "kind": "manual", "config": {"question": "?"}, "secret": "x"}, ["check-secret"]),
    ],
)
def test_a_check_that_could_not_be_asked_is_refused_at_its_field(place, keeper, fields, expected):
    add(place, keeper)

    with pytest.raises(Refused) as refusal:
        add(place, keeper, **fields)

    assert codes(refusal) == expected
    assert Check.objects.count() == 1


def test_there_are_no_more_checks_than_can_be_asked_at_once(place, keeper):
    for number in range(doors.MOST):
        shipping.check(place.staging, name=f"Check no. {number}")

    with pytest.raises(Refused) as refusal:
        add(place, keeper)

    assert codes(refusal) == ["check-too-many"]


def test_only_who_keeps_environments_keeps_their_checks(place, keeper):
    check = add(place, keeper)
    for door in (
        lambda: add(place, place.deployer, name="Mine"),
        lambda: doors.remove_check(check.pk, actor=place.deployer),
        lambda: doors.order_checks(place.staging.pk, [check.pk], actor=place.deployer),
        lambda: statement.try_checks(place.staging.pk, actor=place.deployer),
    ):
        with pytest.raises(PermissionDenied):
            door()


def test_the_record_tells_what_changed_and_never_a_secret(place, keeper):
    check = add(place, keeper, name="Errors", kind="prometheus", config=QUERY, secret="s3cret-token")
    doors.save_check(place.staging.pk, actor=keeper, check_id=check.pk, config=QUERY | {"threshold": 2})
    doors.remove_check(check.pk, actor=keeper)

    added, changed, removed = (
        Event.objects.get(name=f"environment.{name}").payload
        for name in ("check_added", "check_changed", "check_removed")
    )
    assert added["secret_changed"] is True
    assert changed["changed"]["asked"] == [
        "p.example.org:9090/x: errors is below 1.5",
        "p.example.org:9090/x: errors is below 2",
    ]
    assert removed["removed"]["name"] == "Errors"
    assert not any(word in str([added, changed, removed]) for word in ("s3cret-token", "t0ken"))
    assert fresh(place.staging).checks.count() == 0


def test_the_secret_is_kept_encrypted_and_left_alone_where_nothing_is_said(place, keeper):
    check = add(place, keeper, secret="s3cret-token")
    doors.save_check(place.staging.pk, actor=keeper, check_id=check.pk, name="Renamed")

    assert fresh(check).secret == "s3cret-token"
    stored = Check.objects.extra(select={"raw": "secret"}).values_list("raw", flat=True).get()
    assert "s3cret" not in stored


def test_checks_are_put_in_order_whole_or_not_at_all(place, keeper):
    first, second = add(place, keeper), add(place, keeper, name="Errors", kind="prometheus", config=QUERY)
    doors.order_checks(place.staging.pk, [second.pk, first.pk], actor=keeper)
    assert list(place.staging.checks.values_list("name", flat=True)) == ["Errors", "Ready"]

    for ids in ([first.pk], [first.pk, first.pk], [first.pk, second.pk, 0]):
        with pytest.raises(Refused):
            doors.order_checks(place.staging.pk, ids, actor=keeper)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"delay_s": 60, "steady_s": 60, "timeout_s": 120}, "timeout_s"),
        ({"interval_s": 1, "timeout_s": 5_001}, "interval_s"),
    ],
)
def test_times_that_cannot_be_met_are_refused(place, keeper, fields, field):
    with pytest.raises(Refused) as refusal:
        verification.set_verification(place.staging.pk, actor=keeper, **fields)
    assert [blocker.field for blocker in refusal.value.blockers] == [field]


def test_approvers_see_every_check_that_is_in_use_and_a_change_of_what_they_do_not_see(place, keeper):
    add(place, keeper, name="Errors", kind="prometheus", config=QUERY, secret="s3cret-token")
    off = add(place, keeper, name="Off", is_active=False)

    rows = {row["key"]: row["text"] for row in payload.verification(fresh(place.product))}
    assert set(rows) == {"Staging", "Production", "Staging: Errors"}
    text = rows["Staging: Errors"]
    assert text.startswith("Prometheus query · p.example.org:9090/x: errors is below 1.5 · settings ")
    assert "t0ken" not in text

    hidden = QUERY | {"address": QUERY["address"].replace("t0ken", "another")}
    doors.save_check(place.staging.pk, actor=keeper, check_id=Check.objects.get(name="Errors").pk, config=hidden)
    doors.save_check(place.staging.pk, actor=keeper, check_id=off.pk, is_active=True)
    after = {row["key"]: row["text"] for row in payload.verification(fresh(place.product))}
    assert after["Staging: Errors"].split(" · ")[:2] == text.split(" · ")[:2]
    assert after["Staging: Errors"] != text
    assert after["Staging: Off"].startswith("HTTP probe · /ready answers 200 · settings ")


def test_the_order_of_checks_is_no_matter_of_approvers(place, keeper):
    first, second = add(place, keeper), add(place, keeper, name="Errors", kind="prometheus", config=QUERY)
    before = payload.verification(fresh(place.product))
    doors.order_checks(place.staging.pk, [second.pk, first.pk], actor=keeper)
    assert payload.verification(fresh(place.product)) == before


def test_a_deployment_does_not_start_with_a_check_that_cannot_be_asked_and_a_rollback_does(place, keeper, tool):
    shipping.check(place.staging, "prometheus", name="Errors", config=QUERY | {"threshold": "low"})
    with pytest.raises(Refused) as refusal:
        place.into_staging()
    assert [blocker.message for blocker in refusal.value.blockers] == ["Errors: Give a number."]
    assert refusal.value.blockers[0].url == "/products/payments/verification/staging/"

    earlier = shipping.verified(place.staging, "4.7.0")
    failed = shipping.deployment(place.release, place.staging, "failed")
    rollback = deployment_doors.roll_back(failed.pk, actor=place.deployer, reason="Back.")
    assert (rollback.state, rollback.candidate) == ("running", earlier.candidate)


def test_trying_asks_each_check_once_of_what_runs_there_and_keeps_nothing(place, keeper):
    with Counterpart() as server:
        place.staging.url = server.url
        place.staging.save()
        running = shipping.verified(place.staging, "4.7.0")
        server.answers["/health"] = (200, b"")
        server.answers["/version"] = (200, {"version": running.candidate.version})
        server.answers["/ready"] = (503, b"")
        shipping.check(place.staging, name="Ready")
        shipping.check(place.staging, "manual", name="Sign-in")
        shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})
        before = Event.objects.count()

        found = {result["check"]: result["ok"] for result in statement.try_checks(place.staging.pk, actor=keeper)}

    assert found == {"Health": True, "Ready": False, "Sign-in": None}
    assert len(server.requests) == 3
    assert (Sample.objects.count(), Run.objects.count(), Event.objects.count()) == (0, 0, before)


def test_trying_where_nothing_runs_asks_for_no_version(place, keeper):
    with Counterpart() as server:
        place.staging.url = server.url
        place.staging.save()
        server.answers["/health"] = (200, b"")

        (found,) = statement.try_checks(place.staging.pk, actor=keeper)

    assert (found["check"], found["ok"]) == ("Health", True)


@pytest.fixture
def api(keeper):
    client = APIClient()
    client.force_authenticate(keeper)
    return client


def test_the_api_adds_orders_changes_and_removes_checks_and_never_tells_a_secret(api, place):
    asked = {
        "environment": place.staging.pk,
        "name": "Errors",
        "kind": "prometheus",
        "config": QUERY,
        "secret": "s3cret",
    }
    made = api.post("/api/v1/checks/", asked, format="json")
    assert made.status_code == 201, made.data
    assert made.data["has_secret"] is True
    assert "s3cret" not in str(made.data)
    one = f"/api/v1/checks/{made.data['id']}/"

    refused = api.patch(one, {"config": {"address": "x"}}, format="json")
    assert refused.status_code == 409
    assert api.patch(one, {"is_active": False}, format="json").data["is_active"] is False
    assert Check.objects.get().secret == "s3cret"
    order = {"environment": place.staging.pk, "checks": [made.data["id"]]}
    assert [row["name"] for row in api.post("/api/v1/checks/order/", order, format="json").data] == ["Errors"]
    assert [row["name"] for row in api.get("/api/v1/checks/", {"environment": place.staging.pk}).data["results"]] == [
        "Errors"
    ]
    assert api.delete(one).status_code == 204
    assert not Check.objects.exists()


def test_the_api_tells_and_sets_the_times_of_an_environment(api, place):
    one = f"/api/v1/verifications/{place.staging.pk}/"
    assert api.get(one).data["steady_s"] == 0
    assert api.patch(one, {"delay_s": 5, "interval_s": 3, "timeout_s": 90}, format="json").data["delay_s"] == 5
    assert api.patch(one, {"interval_s": 0}, format="json").status_code == 400
    assert api.patch(one, {"timeout_s": 1}, format="json").status_code == 409
    listed = {row["environment"]: row["delay_s"] for row in api.get("/api/v1/verifications/").data["results"]}
    assert listed == {place.staging.pk: 5, place.production.pk: 0}
    assert api.post(f"{one}try/").data == []


def test_the_api_takes_a_persons_word_and_tells_samples_with_their_results(api, place, tool):
    shipping.check(place.staging, "manual", name="Sign-in")
    deployment = place.into_staging()
    turn(6)
    one = f"/api/v1/deployments/{deployment.pk}/"
    assert api.post(f"{one}statements/", {"check_name": "Sign-in", "ok": False}, format="json").status_code == 409

    said = api.post(f"{one}statements/", {"check_name": "Sign-in", "ok": True, "comment": "Fine."}, format="json")
    turn()

    assert (said.status_code, said.data["person"]) == (201, "kim")
    assert Deployment.objects.get().state == "succeeded"
    assert [row["ok"] for row in api.get(f"{one}statements/").data] == [True]
    last = api.get(f"{one}samples/").data[-1]
    assert (last["ok"], last["is_open"]) == (True, False)
    assert last["results"] == [
        {
            "check": "Sign-in",
            "kind": "manual",
            "ok": True,
            "detail": "Kim says: well. Fine.",
            "value": None,
            "elapsed_ms": 0,
        }
    ]


def test_the_api_takes_no_word_of_a_service_account(place, tool):
    shipping.check(place.staging, "manual", name="Sign-in")
    deployment = place.into_staging()
    turn(6)
    robot = APIClient()
    robot.force_authenticate(accounts.person("robot", roles=["deployer"], on=place.product, is_service=True))

    said = {"check_name": "Sign-in", "ok": True}
    answer = robot.post(f"/api/v1/deployments/{deployment.pk}/statements/", said, format="json")

    assert answer.status_code == 403
    assert not Statement.objects.exists()
