"""Every state with every transition of the runbook and of its steps; their gates, and what releases ask of deployments."""

import pytest

from core import gates
from core.models import Event
from deployments.actions import runbook as doors
from deployments.models import Runbook, RunbookStep
from deployments.states import RunbookState, StepState
from tests.deployments.machines import differing, tried
from tests.factories import releases

pytestmark = pytest.mark.django_db

RUNBOOK = {
    "start": ({"draft"}, "running"),
    "finish": ({"running"}, "finished"),
    "abort": ({"running"}, "aborted"),
}
STEP = {
    "hand_over": ({"waiting"}, "ready"),
    "begin": ({"ready", "failed"}, "running"),
    "finish": ({"ready", "running"}, "done"),
    "fail": ({"ready", "running"}, "failed"),
    "skip": ({"waiting", "ready", "failed"}, "skipped"),
}
GATES = {"runbook.start": {"complete"}, "runbook.finish": {"steps_done"}}


def test_the_tables_name_every_transition():
    assert set(RUNBOOK) == set(Runbook.machine.steps)
    assert set(STEP) == set(RunbookStep.machine.steps)


def test_every_gate_is_declared_and_answered():
    declared = {step.key: set(step.gates) for step in Runbook.machine.steps.values() if step.gates}
    assert declared == GATES
    assert {key: set(gates.registered(key)) for key in GATES} == GATES
    assert not any(step.gates for step in RunbookStep.machine.steps.values())
    assert set(gates.registered("release.close")) >= {"rollbacks_confirmed"}


def test_a_runbook_moves_only_as_the_table_says(place):
    book = doors.add_runbook(place.release.pk, actor=place.deployer)
    assert differing(tried_from_each_state(book, RunbookState, RUNBOOK), RUNBOOK) == {}


def test_a_step_moves_only_as_the_table_says(place):
    book = doors.add_runbook(place.release.pk, actor=place.deployer)
    step = doors.add_step(book.pk, actor=place.deployer, name="Announce", owner=place.deployer)
    assert differing(tried_from_each_state(step, StepState, STEP), STEP) == {}


def tried_from_each_state(row, states, table: dict) -> dict:
    """{(state, step): what came of it}; none of them leaves an event."""
    before, found = Event.objects.count(), {}
    for state in states.values:
        releases.put_in_state(row, state)
        found |= {(state, name): tried(row, name) for name in table}
    assert Event.objects.count() == before
    return found
