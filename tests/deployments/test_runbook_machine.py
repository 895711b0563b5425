"""Every state with every transition of the runbook and of its steps; their gates, and what releases ask of deployments."""

from unittest import mock

import pytest

from core import gates
from core.blockers import Refused
from core.models import Event
from deployments.actions import runbook as doors
from deployments.models import Runbook, RunbookStep
from deployments.states import RunbookState, StepState
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


@pytest.mark.parametrize("name", RUNBOOK)
@pytest.mark.parametrize("state", RunbookState.values)
def test_a_runbook_moves_only_as_the_table_says(place, state, name):
    book = doors.add_runbook(place.release.pk, actor=place.deployer)
    _try(releases.put_in_state(book, state), state, name, *RUNBOOK[name])


@pytest.mark.parametrize("name", STEP)
@pytest.mark.parametrize("state", StepState.values)
def test_a_step_moves_only_as_the_table_says(place, state, name):
    book = doors.add_runbook(place.release.pk, actor=place.deployer)
    step = doors.add_step(book.pk, actor=place.deployer, name="Announce", owner=place.deployer)
    _try(releases.put_in_state(step, state), state, name, *STEP[name])


def _try(row, state: str, name: str, sources: set[str], target: str) -> None:
    step = type(row).machine.steps[name]
    reason = {"reason": "Because."} if step.reason else {}
    before = Event.objects.count()
    with mock.patch.object(gates, "answers", return_value=[]):
        if state in sources:
            getattr(row, name)(**reason)
            assert row.state == target
        else:
            with pytest.raises(Refused) as refusal:
                getattr(row, name)(**reason)
            assert [b.code for b in refusal.value.blockers] == ["state"]
            assert row.state == state
    assert Event.objects.count() == before
