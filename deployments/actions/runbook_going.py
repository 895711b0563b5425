"""How a running runbook goes on by itself, inside a door: its release and itself are locked."""

from accounts.models import User
from core.events import record
from deployments.guards.runbook import OVER
from deployments.models import Runbook, RunbookStep
from deployments.states import StepState


def go_on(runbook: Runbook, *, actor: User) -> None:
    """Hand over each step whose needs are over, and finish the runbook with its last step."""
    steps = list(runbook.steps.select_for_update(of=("self",), no_key=True).prefetch_related("needs"))
    states = {step.pk: step.state for step in steps}
    for step in steps:
        if step.state == StepState.WAITING and all(states[need.pk] in OVER for need in step.needs.all()):
            step.runbook = runbook
            step.hand_over()
            step.save()
            told(step, "step.ready", actor)
    if all(state in OVER for state in states.values()):
        runbook.finish()
        runbook.save()
        record("runbook.finished", runbook, actor=actor)


def told(step: RunbookStep, event: str, actor: User, **more) -> None:
    """Record what became of a step, with what everybody who is told of it needs."""
    record(
        event,
        step,
        actor=actor,
        runbook=step.runbook_id,
        release=step.runbook.release_id,
        step=step.name,
        kind=step.kind,
        owner=step.owner_id,
        team=step.team_id,
        **more,
    )
