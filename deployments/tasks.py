"""Celery faces of deployments. Each takes an id, does one thing and may run twice: the rows know what is due.

Beat rings `tick` every second; it rings for each due row, and the claim inside the door lets one worker through.
"""

from celery import shared_task

from deployments import due
from deployments.actions import deployment, health, promotion, run, runbook_step, tidying, verification
from deployments.doorbell import ring


@shared_task
def tick() -> int:
    """Ring for every row that is due. Returns how many."""
    found = due.everything()
    for task, pk in found:
        ring(task, pk)
    return len(found)


@shared_task
def flag_late() -> int:
    """Tell of steps of runbooks that are late. Beat asks each minute."""
    return runbook_step.flag_late()


@shared_task
def look_around() -> int:
    """Ask services how they are. Beat asks every ten seconds; one worker at a time is taken by it."""
    return health.look_around()


@shared_task
def tidy() -> int:
    """Remove what old programs have left on the worker's machine. Beat asks once a day."""
    return tidying.remove_old_runs()


@shared_task
def start_run(run_id: int) -> None:
    run.start_run(run_id)


@shared_task
def poll_run(run_id: int) -> None:
    run.poll_run(run_id)


@shared_task
def stop_run(run_id: int) -> None:
    run.stop_run(run_id)


@shared_task
def advance(deployment_id: int) -> None:
    deployment.advance(deployment_id)


@shared_task
def verify(deployment_id: int) -> None:
    verification.verify(deployment_id)


@shared_task
def promote(deployment_id: int) -> None:
    promotion.promote_from(deployment_id)
