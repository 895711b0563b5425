"""Moves the demonstration's deployments and reactions on by hand, as worker and beat do, on the story's clock."""

import time

from config.demonstration.clock import Clock
from core import outbox
from deployments import due
from deployments.actions import deployment as deployments
from deployments.actions import run as runs
from deployments.actions import verification
from deployments.drivers import DRIVERS
from deployments.models import Deployment, Run
from deployments.states import DeploymentState

PATIENCE_S, LET_IT_WORK_S, LOOK_EVERY_S = 60, 2, 0.02
TASKS = {
    "start_run": runs.start_run,
    "poll_run": runs.poll_run,
    "stop_run": runs.stop_run,
    "advance": deployments.advance,
    "verify": verification.verify,
}
RESTING = (
    DeploymentState.PAUSED,
    DeploymentState.PLANNED,
    DeploymentState.AWAITING_APPROVAL,
    DeploymentState.SCHEDULED,
)


def react() -> None:
    """Deliver all that is due in the outbox, until nothing is."""
    while found := outbox.due():
        for pk in found:
            outbox.deliver(pk)


def carry_out(deployment: Deployment, clock: Clock) -> Deployment:
    """Drive a started deployment until it rests. The real tools run; waits are taken by moving the clock."""
    began = time.monotonic()
    while not _rests(deployment):
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError(f"{deployment} does not end: {deployment.state}, {deployment.detail}")
        todo = due.everything()
        if todo and all(task == "poll_run" for task, _pk in todo):
            _let_tools_work([pk for _task, pk in todo])
        for task, pk in todo:
            TASKS[task](pk)
        clock.forward(seconds=2)
    react()
    deployment.refresh_from_db()
    if deployment.state != DeploymentState.SUCCEEDED:
        raise RuntimeError(f"{deployment} of the demonstration ended {deployment.state}: {deployment.detail}")
    return deployment


def _let_tools_work(run_ids: list[int]) -> None:
    """Wait until one of these runs has ended, LET_IT_WORK_S at most. Looks for its last file: a poll asks the database much."""
    keys = Run.objects.filter(pk__in=run_ids).values_list("key", flat=True)
    endings = [DRIVERS["command"].folder(key) / "exit.json" for key in keys]
    until = time.monotonic() + LET_IT_WORK_S
    while time.monotonic() < until and not any(file.exists() for file in endings):
        time.sleep(LOOK_EVERY_S)


def _rests(deployment: Deployment) -> bool:
    deployment.refresh_from_db()
    live = Deployment.objects.live().filter(environment=deployment.environment_id).exists()
    return (deployment.ended_at is not None and not live) or deployment.state in RESTING
