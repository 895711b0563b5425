"""The door of a rehearsal: the way back is gone once where nobody is hurt, and the candidate is put back by itself."""

from accounts import policy
from accounts.models import User
from core.blockers import Blocker, Refused, refuse
from deployments.actions import steps
from deployments.actions.steps import entered
from deployments.guards.addresses import tab
from deployments.models import Deployment
from deployments.states import DeploymentState

DEPLOY = "releases.deploy"
REASON = "Rehearsal of the way back."
IN_PRODUCTION = "The way back is rehearsed before production, never in it."


def rehearse(release_id: int, environment_id: int, *, actor: User) -> Deployment:
    """Roll the current candidate back in an environment before production; once verified, it is deployed there again.

    Returns the rollback. The release stays in its state. Raises Release.DoesNotExist, Environment.DoesNotExist,
    Http404/PermissionDenied, or Refused: in production, where the candidate does not run verified, or with a closed way back.
    """
    with entered(release_id, environment_id) as (release, environment):
        policy.require(actor, DEPLOY, release)
        if environment.is_production:
            refuse("rehearsal-in-production", IN_PRODUCTION)
        return steps.begin_rollback(_standing(release, environment), REASON, actor=actor, rehearsal=True)


def _standing(release, environment) -> Deployment:
    """The deployment by which the current candidate runs there, locked."""
    running = environment.deployments.running().first()
    if not stands(release, running):
        raise Refused(not_there(release, environment))
    row = Deployment.objects.select_for_update(of=("self",), no_key=True).get(pk=running.pk)
    row.release, row.environment = release, environment
    return row


def stands(release, running: Deployment | None) -> bool:
    """Whether what runs in an environment is the release's current candidate, verified and not taken back since."""
    return (
        running is not None
        and release.candidate_id is not None
        and running.candidate_id == release.candidate_id
        and running.state == DeploymentState.SUCCEEDED
        and not running.is_rollback
    )


def not_there(release, environment) -> Blocker:
    what = release.candidate.version if release.candidate else "A candidate"
    said = f"{what} is not what runs verified in {environment}. Deploy it there first."
    return Blocker("not-there", said, tab(release), f"Deploy to {environment}")
