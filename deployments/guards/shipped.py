"""What releases ask of deployments."""

from django.urls import reverse

from core.blockers import Blocker
from deployments.guards.addresses import tab
from deployments.states import ENDED, DeploymentState


def production_unproven(release) -> list[Blocker]:
    """For a release: its candidate must be verified in each production environment."""
    rows = list(release.deployments.all())
    verified = {
        d.environment_id
        for d in rows
        if d.candidate_id == release.candidate_id and not d.is_rollback and _is_left(d, rows)
    }
    production = [e for e in release.product.environments.all() if e.is_production]
    if not production:
        return [Blocker("no-production", f"{release.product} has no production environment.")]
    return [
        Blocker(f"not-verified-in:{e.slug}", f"The candidate is not verified in {e} yet.", tab(release), "Deployments")
        for e in production
        if e.pk not in verified
    ]


def rollback_unfinished(release) -> list[Blocker]:
    """For a release: a production deployment of it was rolled back, and none of it is left there."""
    rows = list(release.deployments.all())
    there = [d for d in rows if d.environment.is_production and not d.is_rollback]
    if not any(d.state == DeploymentState.ROLLED_BACK for d in there):
        return [
            Blocker("not-rolled-back", "No production deployment of it was rolled back.", tab(release), "Deployments")
        ]
    return [
        Blocker(f"left-in:{d.environment.slug}", f"{d.environment} still has it ({d.get_state_display().lower()}).")
        for d in there
        if d.is_live or _is_left(d, rows)
    ]


def _is_left(deployment, rows) -> bool:
    """Whether it is verified, and no later deployment of the same candidate there was taken back, which takes both away."""
    if deployment.state != DeploymentState.SUCCEEDED:
        return False
    place = (deployment.environment_id, deployment.candidate_id)
    return not any(
        row.state == DeploymentState.ROLLED_BACK
        and (row.environment_id, row.candidate_id) == place
        and row.state_since > deployment.verified_at
        for row in rows
    )


def owes_confirmation(deployment) -> bool:
    """Whether somebody else still has to agree to a rollback: each one that was made in production, whatever came of it."""
    return (
        deployment.is_rollback
        and not deployment.is_rehearsal
        and deployment.environment.is_production
        and deployment.started_at is not None
        and deployment.state in ENDED
        and deployment.confirmed_at is None
    )


def rollbacks_unconfirmed(release) -> list[Blocker]:
    """For a release: a rollback asks nobody before, so somebody agrees to it afterwards."""
    return [
        Blocker(
            f"rollback-unconfirmed:{d.pk}",
            f"Rollback #{d.pk} of {d.environment} was not confirmed yet. A change manager who did not start it confirms it.",
            reverse("deployments:deployment", args=[d.pk]),
            "Open it",
        )
        for d in release.deployments.all()
        if owes_confirmation(d)
    ]


def because_confirmed(release) -> str:
    made = [d for d in release.deployments.all() if d.is_rollback and d.confirmed_at]
    return "Every rollback was confirmed." if made else "Production was not rolled back."
