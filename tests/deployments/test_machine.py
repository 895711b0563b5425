"""Every state with every transition of the deployment and of the run: allowed ones move, all others refuse and leave no event."""

from unittest import mock

import pytest

from core import gates
from core.blockers import Refused
from core.models import Event
from deployments.models import Deployment, Run
from deployments.states import DeploymentState, RunState
from tests.deployments.machines import differing, tried
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db

_LIVE = {"running", "verifying", "paused"}
_WAITING = {"planned", "awaiting_approval", "scheduled", "queued"}
DEPLOYMENT = {
    "await_approval": ({"planned", "scheduled", "queued"}, "awaiting_approval"),
    "schedule": ({"planned", "awaiting_approval", "scheduled"}, "scheduled"),
    "unschedule": ({"scheduled"}, "planned"),
    "enqueue": ({"planned", "awaiting_approval", "scheduled"}, "queued"),
    "start": (_WAITING, "running"),
    "verify": ({"running"}, "verifying"),
    "succeed": ({"verifying"}, "succeeded"),
    "pause": ({"running", "verifying"}, "paused"),
    "resume": ({"paused"}, "running"),
    "fail": (_LIVE, "failed"),
    "abort": (_WAITING | _LIVE, "aborted"),
    "roll_back": (_LIVE | {"succeeded", "failed", "aborted", "rollback_failed"}, "rolling_back"),
    "finish_rollback": ({"rolling_back"}, "rolled_back"),
    "fail_rollback": ({"rolling_back"}, "rollback_failed"),
    "supersede": (_WAITING, "superseded"),
    "expire": (_WAITING, "expired"),
}
RUN = {
    "claim": ({"waiting"}, "claimed"),
    "hand_back": ({"claimed"}, "waiting"),
    "run": ({"claimed"}, "running"),
    "succeed": ({"claimed", "running"}, "succeeded"),
    "fail": ({"claimed", "running"}, "failed"),
    "lose": ({"claimed", "running"}, "unknown"),
    "confirm": ({"unknown"}, "succeeded"),
    "cancel": ({"waiting", "claimed", "running", "unknown"}, "cancelled"),
    "skip": ({"failed", "unknown", "cancelled"}, "skipped"),
}
GATES = {
    "deployment.enqueue": {
        "not_blocked",
        "not_held",
        "progression",
        "earlier_phases",
        "current_candidate",
        "release_may_deploy",
        "window_open",
        "freeze",
        "conflicts",
        "hooks",
        "not_older",
        "rehearsed",
    },
    "deployment.start": {
        "not_blocked",
        "environment_free",
        "not_held",
        "progression",
        "earlier_phases",
        "current_candidate",
        "release_may_deploy",
        "window_open",
        "freeze",
        "conflicts",
        "hooks",
        "not_older",
        "rehearsed",
    },
    "deployment.verify": {"runs_succeeded"},
    "deployment.succeed": {"verified"},
    "deployment.roll_back": {"way_back"},
}


def test_the_tables_name_every_transition():
    assert set(DEPLOYMENT) == set(Deployment.machine.steps)
    assert set(RUN) == set(Run.machine.steps)


def test_every_gate_is_declared_and_answered():
    declared = {step.key: set(step.gates) for step in Deployment.machine.steps.values() if step.gates}
    assert declared == GATES
    assert {key: set(gates.registered(key)) for key in GATES} == GATES
    assert set(gates.registered("release.mark_released")) == {"deployment_verified"}
    assert set(gates.registered("release.roll_back")) == {"rollback_done"}


def test_a_deployment_moves_only_as_the_table_says(place):
    found = {}
    for state in DeploymentState.values:
        row = shipping.deployment(place.release, place.staging, state)
        found |= {(state, name): tried(row, name) for name in DEPLOYMENT}
        row.delete()

    assert differing(found, DEPLOYMENT) == {}
    assert not Event.objects.exists()


def test_a_run_moves_only_as_the_table_says(place):
    deployment, hook, found = (
        shipping.deployment(place.release, place.staging, "running"),
        place.staging.hooks.get(),
        {},
    )
    for attempt, state in enumerate(RunState.values, 1):
        row = shipping.run(deployment, hook, state, attempt=attempt)
        found |= {(state, name): tried(row, name) for name in RUN}

    assert differing(found, RUN) == {}
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", [name for name, step in Deployment.machine.steps.items() if step.reason])
def test_a_step_that_asks_for_a_reason_refuses_without_one(place, name):
    state = sorted(DEPLOYMENT[name][0])[0]
    row = shipping.deployment(place.release, place.staging, state)
    with mock.patch.object(gates, "answers", return_value=[]), pytest.raises(Refused) as refusal:
        getattr(row, name)(reason="  ")
    assert [b.code for b in refusal.value.blockers] == ["reason"]
