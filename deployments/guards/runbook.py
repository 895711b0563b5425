"""What a runbook needs before it starts and before it is over."""

from core.blockers import Blocker
from deployments.states import StepState

OVER = (StepState.DONE, StepState.SKIPPED)


def incomplete(runbook) -> list[Blocker]:
    """Steps, and somebody for each that a person does."""
    steps = list(runbook.steps.all())
    if not steps:
        return [Blocker("no-step", "The runbook has no steps yet. Add the first one.")]
    return [
        Blocker(f"no-owner:{step.pk}", f"Nobody does “{step.name}”. Name a person or a team.")
        for step in steps
        if step.kind == "manual" and step.owner_id is None and step.team_id is None
    ]


def steps_left(runbook) -> list[Blocker]:
    return [
        Blocker(f"step-left:{step.pk}", f"“{step.name}” is {step.get_state_display().lower()}.")
        for step in runbook.steps.all()
        if step.state not in OVER
    ]
