"""What a production deployment means for its release and its changes, in the same transaction. The release is locked."""

from accounts.models import User
from core.events import record
from deployments import guards
from deployments.models import Deployment, Run
from releases.models import Release
from releases.states import ReleaseState, Tier
from releases.steps import back_out_changes, finish_changes, start_changes


def enter_production(deployment: Deployment, *, actor: User) -> None:
    """The release is being deployed, its approved changes implemented. Raises Refused."""
    release = deployment.release
    if release.state == ReleaseState.READY:
        release.start_deploying()
        release.save()
        record("release.deploying_started", release, actor=actor, deployment=deployment.pk)
    start_changes(release, actor)


def leave_production(deployment: Deployment, *, actor: User) -> None:
    """After a failed or aborted deployment: the release is ready again, unless it is left half-way with a way back.

    docs/decisions/failed-production-deployment.md tells why.
    """
    release = deployment.release
    if not deployment.environment.is_production or release.state != ReleaseState.DEPLOYING:
        return
    if deployment.way_back is not None and _was_touched(release):
        return
    release.stop_deploying()
    release.save()
    record("release.deploying_stopped", release, actor=actor, deployment=deployment.pk, reason=deployment.detail)


def _was_touched(release: Release) -> bool:
    """Whether any tool was called for production in the release's name."""
    runs = Run.objects.filter(deployment__release=release, deployment__environment__tier=Tier.PRODUCTION)
    return runs.filter(started_at__isnull=False).exists()


def proven(deployment: Deployment, *, actor: User) -> None:
    """Once the candidate is verified in every production environment, the release is out and its changes are done."""
    release = deployment.release
    if not deployment.environment.is_production or release.state != ReleaseState.DEPLOYING:
        return
    if guards.production_unproven(release):
        return
    release.mark_released()
    release.save()
    record("release.released", release, actor=actor, deployment=deployment.pk, candidate=deployment.candidate.version)
    finish_changes(release, actor)


def taken_back(undone: Deployment, *, actor: User) -> None:
    """Once nothing of it is left in production, the release is rolled back and its changes are backed out."""
    release = undone.release
    if not undone.environment.is_production or release.state not in Release.machine.steps["roll_back"].sources:
        return
    if guards.rollback_unfinished(release):
        return
    release.roll_back(reason=undone.reason)
    release.save()
    record("release.rolled_back", release, actor=actor, deployment=undone.pk, reason=undone.reason)
    back_out_changes(release, actor)
