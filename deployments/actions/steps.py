"""What the doors of deployments share. Every function here works inside a door, on rows that the door has locked."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.actions import system_user
from accounts.models import User
from core.blockers import Refused
from core.events import record
from core.locking import locked
from deployments import clock, guards, way_back, where
from deployments.actions import rehearsed, shipping
from deployments.doorbell import ring_after_commit
from deployments.models import Deployment, Run, Sample
from deployments.states import UNDER_WAY, DeploymentKind, DeploymentState, RunState
from releases.models import Environment, Release


@contextmanager
def held(deployment_id: int) -> Iterator[Deployment]:
    """A door's transaction around one deployment: its release, its environment and itself are locked, in that order.

    Raises Deployment.DoesNotExist.
    """
    ids = Deployment.objects.values_list("release_id", "environment_id").get(pk=deployment_id)
    with entered(*ids) as (release, environment):
        deployment = Deployment.objects.select_for_update(of=("self",), no_key=True).get(pk=deployment_id)
        deployment.release, deployment.environment = release, environment
        yield deployment


@contextmanager
def entered(release_id: int, environment_id: int) -> Iterator[tuple[Release, Environment]]:
    """A door's transaction with a release and one of its product's environments locked."""
    with locked(Release.objects, release_id) as release:
        lock = Environment.objects.select_for_update(of=("self",), no_key=True)
        environment = lock.get(pk=environment_id, product=release.product_id)
        environment.product = release.product
        yield release, environment


def start(deployment: Deployment, *, actor: User) -> None:
    """Judge every gate, take the environment, lay out the runs and call the first. Raises Refused."""
    deployment.previous = _replaced(deployment)
    deployment.started_by, deployment.detail, deployment.due_at = actor, "", None
    deployment.start()
    deployment.save()
    if deployment.environment.is_production and not deployment.is_rollback:
        shipping.enter_production(deployment, actor=actor)
    for position, hook in enumerate(deployment.hooks(), start=1):
        lay_out_run(deployment, hook, position)
    record("deployment.started", deployment, actor=actor, **facts(deployment))
    go_on(deployment)


def _replaced(deployment: Deployment):
    """The candidate that it takes the place of, as far as is known."""
    if deployment.is_rollback:
        return deployment.rolls_back.candidate
    running = where.running_in(deployment.environment)
    return running.candidate if running else None


def facts(deployment: Deployment) -> dict:
    """What every event of a deployment tells besides its state."""
    return {
        "release": deployment.release_id,
        "environment": deployment.environment.slug,
        "tier": deployment.environment.tier,
        "candidate": deployment.candidate.version,
        "candidate_digest": deployment.candidate.digest,
        "previous": deployment.previous.version if deployment.previous else "",
        "kind": deployment.kind,
    }


def lay_out_run(deployment: Deployment, hook, position: int, attempt: int = 1, *, sample: Sample | None = None) -> Run:
    """One attempt of one step, or of a sample. Its key names the call for ever, so a repeat of the call is the same run."""
    return Run.objects.create(
        deployment=deployment,
        sample=sample,
        hook=hook,
        name=hook.name,
        purpose=hook.on,
        position=position,
        attempt=attempt,
        driver=hook.driver,
        config=hook.config,
        timeout_s=hook.timeout_s,
        on_failure=hook.on_failure,
        point_of_no_return=hook.point_of_no_return,
        key=f"{deployment.key}-s{sample.pk}-{position}" if sample else f"{deployment.key}-{position}-{attempt}",
        token=secrets.token_urlsafe(32),
    )


def go_on(deployment: Deployment) -> None:
    """Make the next step due, if nothing is under way and no earlier tool is still stopping; else look again in a second."""
    if is_waiting_for_a_stop(deployment):
        look_again(deployment, in_s=1)
        return
    runs = deployment.latest_runs()
    if any(run.state != RunState.WAITING and run.state in UNDER_WAY for run in runs):
        return
    for run in runs:
        if run.state == RunState.WAITING:
            call_now(run)
            return


def is_waiting_for_a_stop(deployment: Deployment) -> bool:
    stopping = Run.objects.stopping().filter(deployment__environment=deployment.environment_id)
    return stopping.exclude(deployment=deployment.pk).exists()


def call_now(run: Run) -> None:
    if run.due_at is None:
        run.due_at = timezone.now()
        run.save(update_fields=["due_at"])
    ring_after_commit("start_run", run.pk)


def look_again(deployment: Deployment, *, in_s: float = 0) -> None:
    """Let the engine look at the deployment in `in_s` seconds."""
    deployment.due_at = timezone.now() + timedelta(seconds=in_s)
    deployment.save(update_fields=["due_at"])
    if not in_s:
        ring_after_commit("verify" if deployment.state == DeploymentState.VERIFYING else "advance", deployment.pk)


def close_samples(deployment: Deployment, why: str) -> None:
    """Nobody waits for the answers of an open sample any more: it was not well, and belongs to no proof."""
    deployment.samples.filter(is_open=True).update(
        is_open=False, ok=False, closed_at=clock.now(), asked_until=None, detail=why
    )


def stop_runs(deployment: Deployment, *, actor: User) -> None:
    """Cancel what is under way or was lost sight of; the engine then tells the tools."""
    close_samples(deployment, "The verification ended before all had answered.")
    for run in deployment.runs.select_for_update(of=("self",), no_key=True).to_be_stopped():
        run.deployment = deployment
        run.cancel()
        run.save()
        record("run.ended", run, actor=actor, step=run.name, detail="Cancelled.")
        if run.is_stopping:
            ring_after_commit("stop_run", run.pk)


def pause(deployment: Deployment, reason: str, *, actor: User) -> None:
    """Stop before the next step, or in the middle of the verification, which then begins anew."""
    deployment.pause(reason=reason)
    deployment.save()
    deployment.runs.not_called().update(due_at=None, deadline_at=None)  # as Run.rest has it, for each of them
    close_samples(deployment, "The deployment was paused before all had answered.")
    record("deployment.paused", deployment, actor=actor, reason=reason, **facts(deployment))


def fail(deployment: Deployment, reason: str, *, actor: User) -> None:
    """End a deployment badly: undone by itself where the plan says so and a way back exists, else failed."""
    if deployment.is_rollback:
        fail_rollback(deployment, reason, actor=actor)
    elif not (is_undone_by_itself(deployment) and roll_back_by_itself(deployment, reason, actor=actor)):
        stop_runs(deployment, actor=actor)
        deployment.fail(reason=reason)
        deployment.save()
        record("deployment.failed", deployment, actor=actor, reason=reason, **facts(deployment))
        shipping.leave_production(deployment, actor=actor)


def is_undone_by_itself(deployment: Deployment) -> bool:
    plan = getattr(deployment.release, "rollback_plan", None)
    return bool(plan and plan.automatic and deployment.runs.filter(started_at__isnull=False).exists())


def roll_back_by_itself(deployment: Deployment, reason: str, *, actor: User) -> bool:
    """Roll back without being asked. False, and nothing changed, when a gate is closed."""
    if guards.no_way_back(deployment):
        return False
    try:
        with transaction.atomic():
            begin_rollback(deployment, f"By itself: {reason}", actor=actor, automatic=True)
    except Refused:
        refresh(deployment)
        return False
    return True


def refresh(deployment: Deployment) -> None:
    """Forget what a refused attempt left in memory."""
    release, environment = deployment.release, deployment.environment
    release.refresh_from_db()
    deployment.refresh_from_db()
    deployment.release, deployment.environment = release, environment


def begin_rollback(
    undone: Deployment, reason: str, *, actor: User, automatic: bool = False, rehearsal: bool = False
) -> Deployment:
    """Stop what is under way and start the rollback inside the hold of the deployment that it undoes. Raises Refused."""
    undone.roll_back(reason=reason)
    target = undone.way_back.candidate
    stop_runs(undone, actor=actor)
    undone.save()
    rollback = Deployment.objects.create(
        release=undone.release,
        candidate=target,
        environment=undone.environment,
        kind=DeploymentKind.ROLLBACK,
        rolls_back=undone,
        reason=reason,
        created_by=actor,
        is_rehearsal=rehearsal,
        way_back_digest=way_back.digest(undone.release, undone.environment),
    )
    record(
        "deployment.rolling_back",
        undone,
        actor=actor,
        reason=reason,
        automatic=automatic,
        rehearsal=rehearsal,
        to=target.version,
        rollback=rollback.pk,
        **facts(undone),
    )
    start(rollback, actor=actor)
    return rollback


def finish_rollback(rollback: Deployment, *, actor: User) -> None:
    """The earlier candidate is proven to run again: the deployment is undone, and in production so is the release."""
    undone = lock_undone(rollback)
    undone.finish_rollback()
    undone.save()
    record(
        "deployment.rolled_back",
        undone,
        actor=actor,
        reason=undone.reason,
        to=rollback.candidate.version,
        rollback=rollback.pk,
        rehearsal=rollback.is_rehearsal,
        **facts(undone),
    )
    if rollback.is_rehearsal:
        _put_back(rehearsed.passed(rollback, undone), actor=actor)
    else:
        shipping.taken_back(undone, actor=actor)


def _put_back(again: Deployment | None, *, actor: User) -> None:
    """After a rehearsal: the candidate's own deployment starts by itself, with every gate asked then."""
    if again is not None:
        record("deployment.planned", again, actor=actor, scheduled_for=again.scheduled_for, **facts(again))
        ring_after_commit("advance", again.pk)


def fail_rollback(rollback: Deployment, reason: str, *, actor: User) -> None:
    """Neither the new nor the old candidate is proven to run: both rows say so."""
    stop_runs(rollback, actor=actor)
    rollback.fail(reason=reason)
    rollback.save()
    record("deployment.failed", rollback, actor=actor, reason=reason, **facts(rollback))
    close_undone(rollback, reason, actor=actor)


def close_undone(rollback: Deployment, reason: str, *, actor: User) -> None:
    """The deployment that a failed rollback was to undo has failed to be rolled back. Its release is locked."""
    undone = lock_undone(rollback)
    undone.fail_rollback(reason=f"The rollback to {rollback.candidate.version} did not succeed: {reason}")
    undone.save()
    record(
        "deployment.rollback_failed",
        undone,
        actor=actor,
        reason=reason,
        rollback=rollback.pk,
        rehearsal=rollback.is_rehearsal,
        **facts(undone),
    )


def lock_undone(rollback: Deployment) -> Deployment:
    """The deployment that a rollback undoes, locked. Its release is locked already, so the order of locks holds."""
    undone = Deployment.objects.select_for_update(of=("self",), no_key=True).get(pk=rollback.rolls_back_id)
    undone.release, undone.environment = rollback.release, rollback.environment
    return undone


def the_system() -> User:
    return system_user()
