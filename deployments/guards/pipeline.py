"""The order of environments, and which candidate goes forward."""

from django.urls import reverse

from core.blockers import Blocker
from deployments.guards.addresses import tab
from releases.versions import SCHEMES, InvalidVersion


def not_verified_before(deployment) -> list[Blocker]:
    """The same candidate must have been verified in the nearest earlier environment, and not taken back there since."""
    earlier = _environment_before(deployment)
    if deployment.is_rollback or earlier is None:
        return []
    if earlier.deployments.verified().filter(candidate=deployment.candidate_id).exists():
        return []
    return [
        Blocker(
            "not-verified-before",
            f"{deployment.candidate.version} was not verified in {earlier} yet. Deploy it there first.",
            tab(deployment.release),
            f"Deploy to {earlier}",
        )
    ]


def because_verified_before(deployment) -> str:
    earlier = _environment_before(deployment)
    return f"Verified in {earlier}." if earlier else "It is the first environment."


def _environment_before(deployment):
    environment = deployment.environment
    before = [e for e in environment.product.environments.all() if e.position < environment.position]
    return max(before, key=lambda e: e.position, default=None)


def not_current_candidate(deployment) -> list[Blocker]:
    """Only the release's current candidate goes forward."""
    current = deployment.release.candidate
    if deployment.is_rollback or (current and current.pk == deployment.candidate_id):
        return []
    said = f"The current candidate is {current.version}." if current else "The release has no candidate."
    return [
        Blocker("not-current-candidate", f"{said} Plan a deployment of that one.", tab(deployment.release), "Plan it")
    ]


def older_than_running(deployment) -> list[Blocker]:
    """Going back is a rollback, and is called so. Where a scheme has no order, the numbers of candidates alone count."""
    running = deployment.environment.deployments.running().select_related("candidate__release").first()
    if deployment.is_rollback or running is None or not _is_older(deployment, running.candidate):
        return []
    return [
        Blocker(
            "older-than-running",
            f"{running.candidate.version} runs in {deployment.environment} and is newer. Roll that deployment back instead.",
            reverse("deployments:deployment", args=[running.pk]),
            "Open it",
        )
    ]


def _is_older(deployment, running) -> bool:
    release = deployment.release
    if running.release_id == release.pk:
        return deployment.candidate.number < running.number
    try:
        return SCHEMES[release.product.scheme].is_newer(release.version, than=running.release.version) is False
    except InvalidVersion:
        return False
