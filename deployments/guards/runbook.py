"""What a runbook needs before it starts and before it is over."""

from core.blockers import Blocker
from deployments.states import StepKind, StepState
from releases.states import FINISHED

OVER = (StepState.DONE, StepState.SKIPPED)


def incomplete(runbook) -> list[Blocker]:
    """A release that is not over, steps, and somebody for each that a person does."""
    if runbook.release.state in FINISHED:
        return [Blocker("release-over", f"{runbook.release} is {runbook.release.get_state_display().lower()}.")]
    steps = list(runbook.steps.all())
    if not steps:
        return [Blocker("no-step", "The runbook has no steps yet. Add the first one.")]
    return [
        Blocker(f"no-owner:{step.pk}", f"Nobody does “{step.name}”. Name a person or a team.")
        for step in steps
        if step.kind == StepKind.MANUAL and step.owner_id is None and step.team_id is None
    ]


def steps_left(runbook) -> list[Blocker]:
    return [
        Blocker(f"step-left:{step.pk}", f"“{step.name}” is {step.get_state_display().lower()}.")
        for step in runbook.steps.all()
        if step.state not in OVER
    ]
