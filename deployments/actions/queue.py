"""Doors of the queue of an environment, and of holding back what waits. Leaving the queue is aborting."""

from django.utils import timezone

from accounts import policy
from accounts.models import User
from core import texts
from core.blockers import Blocker, Refused, refuse, refuse_if
from core.events import record
from core.wording import full
from deployments import queue
from deployments.actions import steps, waiting
from deployments.actions.deployment import DEPLOY, plan
from deployments.actions.steps import entered, held
from deployments.models import Deployment
from deployments.states import WAITING, DeploymentState


def queue_deployment(release_id: int, environment_id: int, *, actor: User) -> Deployment:
    """Plan a deployment of the current candidate and let it wait its turn: it starts by itself once it is the first in the queue.

    Where others booked the environment it waits for the end of that. Raises Release.DoesNotExist, Environment.DoesNotExist,
    Http404/PermissionDenied, or Refused when more than the environment stands in the way, or it would give up before.
    """
    with entered(release_id, environment_id) as (release, environment):
        policy.require(actor, DEPLOY, release)
        deployment = plan(release, environment, actor=actor)
        _join(deployment, actor)
    return deployment


def join_queue(deployment_id: int, *, actor: User) -> Deployment:
    """Let a planned deployment, or one whose gate was closed, wait its turn. Raises as queue_deployment."""
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        if deployment.scheduled_for and deployment.scheduled_for > timezone.now():
            refuse("scheduled", "It starts by itself at its time, and joins the queue then if it must.")
        _join(deployment, actor)
    return deployment


def _join(deployment: Deployment, actor: User) -> None:
    until = waiting.booked_until(deployment)
    refuse_if(waiting.in_vain(deployment, until))
    place, deployment.started_by = queue.place(deployment), actor  # in whose name it starts
    booked = f" It is booked until {full(until)}." if until else ""
    waiting.enqueue(deployment, actor=actor, reason=f"{place} in the queue for {deployment.environment}.{booked}")
    steps.look_again(deployment)


def hold_deployment(deployment_id: int, *, actor: User, reason: str) -> Deployment:
    """Keep a deployment that waits from starting, until somebody lets it go. It keeps its place; others may pass.

    Raises Deployment.DoesNotExist, Http404/PermissionDenied, or Refused (it does not wait, it is held already, no reason).
    """
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        refuse_if(_not_to_hold(deployment, reason))
        deployment.held_reason, deployment.held_by, deployment.held_at = reason.strip(), actor, timezone.now()
        if deployment.due_at:
            deployment.due_at = waiting.latest_start(deployment)
        deployment.save()
        record("deployment.held", deployment, actor=actor, reason=deployment.held_reason, **steps.facts(deployment))
    return deployment


def _not_to_hold(deployment: Deployment, reason: str) -> list[Blocker]:
    found = texts.unfit(reason, "reason")
    if deployment.state not in WAITING:
        state = deployment.get_state_display().lower()
        found.append(Blocker("not-waiting", f"Only what waits can be held; this one is {state}. Pause it instead."))
    if deployment.held_at:
        found.append(Blocker("held-already", f"{deployment.held_by} holds it already: {deployment.held_reason}"))
    if not reason.strip():
        found.append(Blocker("reason", "Holding it needs a reason.", field="reason"))
    return found


def let_go(deployment_id: int, *, actor: User) -> Deployment:
    """Let a held deployment start again as it would have. Raises as hold_deployment."""
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        if deployment.held_at is None:
            raise Refused(Blocker("not-held", "Nobody holds it."))
        was = deployment.held_reason
        deployment.held_reason, deployment.held_by, deployment.held_at = "", None, None
        deployment.save()
        record("deployment.let_go", deployment, actor=actor, was=was, **steps.facts(deployment))
        if deployment.state in (DeploymentState.SCHEDULED, DeploymentState.QUEUED):
            steps.look_again(deployment)
    return deployment
