"""Deployments that wait: for their time, for their turn, or for a person. Every function works inside a door, on locked rows."""

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from accounts import policy
from core.blockers import Blocker, Refused
from core.events import record
from core.wording import full
from deployments import bookings
from deployments.actions import steps
from deployments.guards.addresses import tab
from deployments.guards.times import booked_by_another
from deployments.models import Deployment
from deployments.states import DeploymentState

DEPLOY = "releases.deploy"
AUTOMATE = "releases.automate_promotion"
QUEUE_S = 3
PATIENCE = timedelta(hours=24)
ONLY_TAKEN = {"environment-taken", "environment-stopping", "environment-booked", "queue-before"}


def start_when_due(deployment: Deployment) -> None:
    """Start a scheduled or queued deployment. A taken environment makes it queue; a closed gate makes it wait for a person."""
    if is_too_late(deployment):
        expire(deployment)
    elif deployment.state not in (DeploymentState.SCHEDULED, DeploymentState.QUEUED) or deployment.held_at:
        _look_when_too_late(deployment)
    elif deployment.scheduled_for and deployment.scheduled_for > timezone.now():
        deployment.due_at = deployment.scheduled_for
        deployment.save(update_fields=["due_at"])
    else:
        try_to_start(deployment)


def try_to_start(deployment: Deployment) -> None:
    """Start it in the name of who queued or planned it; where a gate is closed, or that person may not any more, it waits."""
    person = deployment.started_by or deployment.created_by
    by_itself = deployment.promoted_from_id and deployment.started_by is None
    try:
        with transaction.atomic():
            for right in (DEPLOY, AUTOMATE) if by_itself else (DEPLOY,):
                policy.require(person, right, deployment)
            steps.start(deployment, actor=person)
    except Refused as refusal:
        steps.refresh(deployment)
        _wait(deployment, refusal)
    except (PermissionDenied, Http404):
        steps.refresh(deployment)
        what = "let anything be deployed by itself" if by_itself else "deploy"
        _await_person(deployment, f"{person} may not {what} any more.", [])


def _wait(deployment: Deployment, refusal: Refused) -> None:
    if {b.code for b in refusal.blockers} <= ONLY_TAKEN:
        if deployment.state != DeploymentState.QUEUED:
            enqueue(deployment, actor=steps.the_system(), reason=str(refusal))
        elif deployment.detail != str(refusal):
            deployment.detail = str(refusal)
            deployment.save(update_fields=["detail"])
        steps.look_again(deployment, in_s=QUEUE_S)
    else:
        _await_person(deployment, str(refusal), [b.code for b in refusal.blockers])


def enqueue(deployment: Deployment, *, actor, reason: str) -> None:
    """Give it the last place in the queue of its environment. Raises Refused where more than the environment stands in the way."""
    deployment.enqueue()
    deployment.detail = reason
    deployment.save()
    record("deployment.queued", deployment, actor=actor, reason=reason)


def _await_person(deployment: Deployment, reason: str, blockers: list[str]) -> None:
    deployment.await_approval(reason=reason)
    deployment.started_by = None
    deployment.due_at = latest_start(deployment)
    deployment.save()
    record("deployment.awaiting", deployment, actor=steps.the_system(), reason=reason, blockers=blockers)


def _look_when_too_late(deployment: Deployment) -> None:
    if deployment.state != DeploymentState.PLANNED:
        deployment.due_at = latest_start(deployment)
        deployment.save(update_fields=["due_at"])


def latest_start(deployment: Deployment, joins_at: datetime | None = None) -> datetime:
    """Until when it may start: the end of the window in production, else a day after its time, or after it joined the queue."""
    ends = deployment.release.window_ends_at if deployment.environment.is_production else None
    known = (deployment.created_at, deployment.scheduled_for, deployment.queued_at, joins_at)
    return ends or max(filter(None, known)) + PATIENCE


def booked_until(deployment: Deployment) -> datetime | None:
    """When the time ends that others have booked; None where no booking keeps it from starting now."""
    if not booked_by_another(deployment):
        return None
    return bookings.free_from(deployment.environment, timezone.now(), deployment.pk)


def in_vain(deployment: Deployment, until: datetime | None) -> list[Blocker]:
    """What is said to one that would give up before the environment, booked `until` then, is free."""
    gives_up = latest_start(deployment, timezone.now())
    if until is None or until < gives_up:
        return []
    said = (
        f"{deployment.environment} is booked until {full(until)}, and this one would give up waiting {full(gives_up)}."
    )
    return [Blocker("booked-too-long", f"{said} Plan it for a free time.", tab(deployment.release), "Plan it")]


def is_too_late(deployment: Deployment) -> bool:
    return timezone.now() >= latest_start(deployment)


def expire(deployment: Deployment) -> None:
    """End a locked deployment whose time is over; `is_too_late` says when. Raises Refused where it no longer waits."""
    why = "its window closed" if deployment.environment.is_production else "a day has passed since its time"
    reason = f"It did not start: {why}. {deployment.detail}".strip()
    deployment.expire(reason=reason)
    deployment.save()
    record("deployment.expired", deployment, actor=steps.the_system(), reason=reason, **steps.facts(deployment))
