"""When a deployment starts by itself: given, moved and taken back, with the booking of its environment."""

from datetime import datetime

from django.utils import timezone

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.wording import full
from deployments import bookings
from deployments.actions import booking, steps
from deployments.actions.steps import held
from deployments.models import Deployment
from deployments.states import DeploymentState

DEPLOY = "releases.deploy"
MOVABLE = (DeploymentState.PLANNED, DeploymentState.SCHEDULED, DeploymentState.AWAITING_APPROVAL)


def move_deployment(
    deployment_id: int, *, actor: User, scheduled_for: datetime | None, minutes: int | None = None
) -> Deployment:
    """Give a deployment that waits another time, and its environment's booking with it; None: somebody starts it by hand.

    Without `minutes` the booking stays as long as it was; where there was none, as long as deployments there usually take.

    Raises Deployment.DoesNotExist, Http404/PermissionDenied, or Refused as plan_deployment, or where it waits no more.
    """
    with held(deployment_id) as deployment:
        policy.require(actor, DEPLOY, deployment)
        if deployment.state not in MOVABLE:
            state = deployment.get_state_display().lower()
            refuse(
                "not-movable",
                f"It is {state}; only what is planned, scheduled or waits for a person gets another time.",
            )
        was = deployment.scheduled_for
        require_sensible(deployment.release, deployment.environment, scheduled_for)
        set_time(deployment, scheduled_for, bookings.minutes_of(deployment) if minutes is None else minutes)
        record(
            "deployment.moved",
            deployment,
            actor=actor,
            changed={"scheduled_for": [was, scheduled_for]},
            **steps.facts(deployment),
        )
    return deployment


def set_time(deployment: Deployment, at: datetime | None, minutes: int | None) -> None:
    """Set when it starts by itself, and book its environment for it. Raises Refused at the field."""
    deployment.scheduled_for, deployment.detail = at, ""
    if at is None:
        booking.give_up(deployment)
        if deployment.state == DeploymentState.SCHEDULED:
            deployment.unschedule()
        deployment.due_at = None
    else:
        deployment.schedule()
        deployment.due_at = at
        booking.book(deployment, at, bookings.usual_minutes(deployment.environment) if minutes is None else minutes)
    deployment.save()


def require_sensible(release, environment, at: datetime | None) -> None:
    """Raise Refused at the field for an instant that is past, or outside the window of a release that enters production."""
    if at is None:
        return
    if at <= timezone.now():
        refuse("scheduled-in-past", "This instant is past. Give a later one, or start now.", field="scheduled_for")
    if at > timezone.now() + bookings.FURTHEST:
        refuse("scheduled-too-far", "It is more than ten years away. Give an earlier one.", field="scheduled_for")
    starts, ends = release.window_starts_at, release.window_ends_at
    if environment.is_production and starts and not starts <= at < ends:
        refuse(
            "outside-window",
            f"The window of {release} is {full(starts)} to {full(ends)}. Give an instant inside it, or move the window.",
            field="scheduled_for",
        )
