"""The stops that people set, and the place itself: one deployment at a time."""

from django.urls import reverse

from core.blockers import Blocker
from deployments.states import RunState


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
