"""The stops that people set, and the place itself: one deployment at a time."""

from django.urls import reverse

from core.blockers import Blocker
from core.wording import full
from deployments import queue
from deployments.guards.addresses import tab
from deployments.guards.times import booked_by_another
from deployments.states import DeploymentState, RunState


def blocked(deployment) -> list[Blocker]:
    """The stops that people set: on product and environment for everything, on the release for going forward."""
    found = []
    product = deployment.environment.product
    if product.is_blocked:
        message = f"All of {product} is blocked: {product.blocked_reason} The block must be lifted first."
        found.append(Blocker("product-blocked", message))
    if reason := deployment.environment.blocked_reason:
        found.append(
            Blocker(
                "environment-blocked", f"{deployment.environment} is blocked: {reason} The block must be lifted first."
            )
        )
    if deployment.release.is_blocked and not deployment.is_rollback:
        found.append(
            Blocker(
                "release-blocked",
                f"{deployment.release} is blocked: {deployment.release.blocked_reason} The block must be lifted first.",
            )
        )
    return found


def held(deployment) -> list[Blocker]:
    """Somebody said that this one waits."""
    if deployment.held_at is None:
        return []
    return [
        Blocker(
            "held",
            f"{deployment.held_by} holds it since {full(deployment.held_at)}: {deployment.held_reason} Let it go first.",
            deployment.get_absolute_url(),
            "Let it go",
        )
    ]


def not_free(deployment) -> list[Blocker]:
    """One deployment at a time, and nobody overtakes those that wait. A rollback or an emergency waits for no queue of others."""
    return environment_taken(deployment) + booked_by_another(deployment) + _overtaking(deployment)


def _overtaking(deployment) -> list[Blocker]:
    if deployment.is_rollback:
        return []
    place = queue.place(deployment)
    if not place.before:
        return []
    first, others = place.before[0], len(place.before) - 1
    who = f"#{first.pk} ({first.candidate.version})" + (f" and {others} more" if others else "")
    if deployment.state == DeploymentState.QUEUED:
        said = f"It is {place} in the queue for {deployment.environment}, after {who}. {queue.RULE}"
    else:
        verb = "wait" if others else "waits"
        said = f"{who} {verb} for {deployment.environment} already; in the queue this would be {place}. {queue.RULE}"
    return [Blocker("queue-before", said, f"{tab(deployment.release)}#pipeline", "See the queue")]


def environment_taken(deployment) -> list[Blocker]:
    """One deployment at a time per environment. A rollback works inside the hold of the one that it undoes."""
    holder = (
        deployment.environment.deployments.live()
        .exclude(pk__in=[pk for pk in (deployment.pk, deployment.rolls_back_id) if pk])
        .select_related("candidate", "environment")
        .first()
    )
    if holder is None:
        return _still_stopping(deployment)
    return [
        Blocker(
            "environment-taken",
            f"{holder.environment} is taken by #{holder.pk} ({holder.candidate.version}, "
            f"{holder.get_state_display().lower()}). It must end first.",
            reverse("deployments:deployment", args=[holder.pk]),
            "Open it",
        )
    ]


def _still_stopping(deployment) -> list[Blocker]:
    """Tools of earlier deployments that were told to stop and have not yet."""
    if deployment.is_rollback:
        return []  # it waits for them by itself
    stopping = deployment.environment.deployments.filter(runs__state=RunState.CANCELLED, runs__due_at__isnull=False)
    return [
        Blocker(
            "environment-stopping",
            f"#{earlier.pk} was stopped, but its tool has not ended yet. Wait a moment.",
            reverse("deployments:deployment", args=[earlier.pk]),
            "Open it",
        )
        for earlier in stopping.exclude(pk=deployment.pk).distinct()[:1]
    ]
