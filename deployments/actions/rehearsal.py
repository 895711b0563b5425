"""The door of a rehearsal: the way back is gone once where nobody is hurt, and the candidate is put back by itself."""

from accounts import policy
from accounts.models import User
from core import wording
from core.blockers import Blocker, Refused, refuse
from deployments import way_back, where
from deployments.actions import steps
from deployments.actions.steps import entered
from deployments.guards.addresses import tab
from deployments.models import Deployment

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
    running = where.running_in(environment)
    if not way_back.is_verified(release, running):
        raise Refused(not_there(release, environment, running))
    row = Deployment.objects.select_for_update(of=("self",), no_key=True).get(pk=running.deployment.pk)
    row.release, row.environment = release, environment
    return row


def not_there(release, environment, running: where.Running | None) -> Blocker:
    """Says what came in between, where that was without Slipway; by report the candidate itself may be there, unproven."""
    what = release.candidate.version if release.candidate else "A candidate"
    said = f"{what} is not what runs verified in {environment}."
    if running is not None and running.is_outside:
        there = f"{running.version} was put there" if running.version else "It was taken out"
        said = f"{said} {there} without Slipway {wording.moment(running.since)}."
    return Blocker("not-there", f"{said} Deploy it there first.", tab(release), f"Deploy to {environment}")
