"""Doors of a deployment: planned, started, stopped, taken on, undone, and moved on by the engine."""

from datetime import datetime

from django.db import transaction

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from deployments.actions import schedule, steps, waiting
from deployments.actions.steps import entered, held
from deployments.guards import verification_of
from deployments.models import Deployment, Run
from deployments.states import UNDER_WAY, WAITING, DeploymentState, How, OnFailure, RunState

DEPLOY = "releases.deploy"
STOPPED = (RunState.UNKNOWN, RunState.FAILED, RunState.CANCELLED)


def plan_deployment(
    release_id: int,
    environment_id: int,
    *,
    actor: User,
    scheduled_for: datetime | None = None,
    minutes: int | None = None,
) -> Deployment:
    """Plan a deployment of the release's current candidate; with `scheduled_for` it starts by itself then.

    A scheduled one books its environment for `minutes` (None: as long as deployments there usually take). Raises
    Release.DoesNotExist, Environment.DoesNotExist, Http404/PermissionDenied, or Refused (no candidate, an instant that is past,
    outside the window of a release that enters production, or booked by another deployment).
    """
    with entered(release_id, environment_id) as (release, environment):
        policy.require(actor, DEPLOY, release)
        return plan(release, environment, actor=actor, scheduled_for=scheduled_for, minutes=minutes)


def deploy(release_id: int, environment_id: int, *, actor: User) -> Deployment:
    """Plan and start at once: both, or neither. Raises as plan_deployment and start_deployment."""
    with entered(release_id, environment_id) as (release, environment):
        policy.require(actor, DEPLOY, release)
        deployment = plan(release, environment, actor=actor)
        steps.start(deployment, actor=actor)
    return deployment


def plan(
    release,
    environment,
    *,
    actor: User,
    scheduled_for: datetime | None = None,
    minutes: int | None = None,
    promoted_from: Deployment | None = None,
) -> Deployment:
    """Plan on locked rows. `promoted_from` is what opened the phase, where nobody asked for this one. Raises Refused."""
    if release.candidate is None:
        refuse("no-candidate", f"{release} has no candidate to deploy. Add one first.")
    schedule.require_sensible(release, environment, scheduled_for)
    deployment = Deployment.objects.create(
        release=release,
        candidate=release.candidate,
        environment=environment,
        created_by=actor,
        scheduled_for=scheduled_for,
        promoted_from=promoted_from,
    )
    if scheduled_for:
        schedule.set_time(deployment, scheduled_for, minutes)
    record(
        "deployment.planned",
        deployment,
        actor=actor,
        scheduled_for=scheduled_for,
        promoted_from=promoted_from and promoted_from.pk,
        **steps.facts(deployment),
    )
    return deployment


def start_deployment(deployment_id: int, *, actor: User) -> Deployment:
    """Start a planned deployment now. All gates are judged here, with release and environment locked.

    Raises Deployment.DoesNotExist, Http404/PermissionDenied, or Refused with every blocker.
    """
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        steps.start(deployment, actor=actor)
    return deployment


def pause(deployment_id: int, *, actor: User, reason: str) -> Deployment:
    """Stop before the next step. The step under way goes on to its end. Raises as the other doors."""
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        steps.pause(deployment, reason, actor=actor)
    return deployment


def resume(deployment_id: int, *, actor: User, reason: str, how: str = How.RETRY) -> Deployment:
    """Go on. A step that stopped it is tried again under a new key, skipped, or said to have succeeded.

    Only an unknown outcome can be said to have succeeded, and only by a person. Raises as the other doors.
    """
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        deployment.resume(reason=reason)
        deployment.save()
        stopped = [run for run in deployment.latest_runs() if run.state in STOPPED]
        for run in stopped:
            _settle_by_hand(deployment, run, How(how), reason, actor=actor)
        step = stopped[0].name if stopped else ""
        record(
            "deployment.resumed", deployment, actor=actor, reason=reason, how=how, step=step, **steps.facts(deployment)
        )
        steps.look_again(deployment)
    return deployment


def _settle_by_hand(deployment: Deployment, run: Run, how: How, reason: str, *, actor: User) -> None:
    if how == How.RETRY:
        if run.is_stopping:
            refuse("still-stopping", f"{run.name} was told to stop and has not ended yet. Wait a moment.")
        hook = run.hook
        if hook is None:
            refuse(
                "hook-removed", f"The hook of {run.name} was removed, so it cannot be called again. Skip it or abort."
            )
        steps.lay_out_run(deployment, hook, run.position, run.attempt + 1)
        return
    policy.require_person(actor)
    run.deployment = deployment
    if how == How.SKIP:
        run.skip(reason=reason)
    else:
        run.confirm(reason=reason)
    run.save()
    record("run.ended", run, actor=actor, step=run.name, detail=reason, by_hand=how)


def abort(deployment_id: int, *, actor: User, reason: str) -> Deployment:
    """End it where it stands, tell the tools to stop, undo nothing. Raises as the other doors."""
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        deployment.abort(reason=reason)
        deployment.save()
        steps.stop_runs(deployment, actor=actor)
        record("deployment.aborted", deployment, actor=actor, reason=reason, **steps.facts(deployment))
        if deployment.is_rollback:
            steps.close_undone(deployment, reason, actor=actor)
        else:
            steps.shipping.leave_production(deployment, actor=actor)
    return deployment


def roll_back(deployment_id: int, *, actor: User, reason: str) -> Deployment:
    """Bring the last verified candidate before this one back. Returns the rollback, a deployment of its own.

    Asks neither approval nor window; a blocked environment still refuses. Raises as the other doors.
    """
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        return steps.begin_rollback(deployment, reason, actor=actor)


@transaction.atomic(durable=True)
def supersede(release_id: int, *, actor: User) -> int:
    """End what waits with a candidate that is no longer current, or for a release that is cancelled. Returns how many."""
    from releases.models import Release

    release = Release.objects.select_for_update(of=("self",), no_key=True).get(pk=release_id)
    waiting = Deployment.objects.select_for_update(of=("self",), no_key=True).waiting().filter(release=release)
    if release.state != "cancelled":
        waiting = waiting.exclude(candidate=release.candidate_id)
    found = list(waiting.order_by("pk"))
    for deployment in found:
        deployment.release = release
        deployment.supersede()
        deployment.save()
        record("deployment.superseded", deployment, actor=actor, **steps.facts(deployment))
    return len(found)


def advance(deployment_id: int) -> Deployment:
    """The engine's one step: whatever the deployment's rows ask for now. Harmless to repeat."""
    with held(deployment_id) as deployment:
        if deployment.state in (DeploymentState.VERIFYING, DeploymentState.SUCCEEDED):
            return deployment  # `verify` and `promote` look after it, at their own times
        deployment.due_at = None
        deployment.save(update_fields=["due_at"])
        if deployment.state == DeploymentState.RUNNING:
            _judge_runs(deployment)
        elif deployment.state in WAITING:
            waiting.start_when_due(deployment)
    return deployment


def _judge_runs(deployment: Deployment) -> None:
    system = steps.the_system()
    runs = deployment.latest_runs()
    for run in runs:
        if run.state == RunState.UNKNOWN or (run.state == RunState.FAILED and run.on_failure == OnFailure.PAUSE):
            steps.pause(deployment, f"{run.name}: {run.detail or run.get_state_display()}", actor=system)
            return
        if run.state == RunState.FAILED:
            steps.fail(deployment, f"{run.name} failed: {run.detail}", actor=system)
            return
        if run.state == RunState.CANCELLED:
            steps.pause(deployment, f"{run.name} was cancelled.", actor=system)
            return
    if any(run.state in UNDER_WAY for run in runs):
        steps.go_on(deployment)
        return
    deployment.verify()
    deployment.save()
    record("deployment.verifying", deployment, actor=system, **steps.facts(deployment))
    steps.look_again(deployment, in_s=verification_of(deployment.environment).delay_s)
