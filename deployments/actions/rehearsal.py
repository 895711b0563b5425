"""The door of a rehearsal: the way back is gone once where nobody is hurt, and the candidate is put back by itself."""

from accounts import policy
from accounts.models import User
from core import gates, wording
from core.blockers import Blocker, refuse_if
from deployments import guards, way_back, where
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
    Http404/PermissionDenied, or Refused: in production, where the candidate does not run verified, with a closed way back, or
    where the candidate could not be put back now.
    """
    with entered(release_id, environment_id) as (release, environment):
        policy.require(actor, DEPLOY, release)
        running = where.running_in(environment)
        refuse_if(in_the_way(release, environment, running))
        return steps.begin_rollback(_locked(running, release, environment), REASON, actor=actor, rehearsal=True)


def in_the_way(release, environment, running: where.Running | None) -> list[Blocker]:
    """What keeps the candidate from being taken out there, or would keep it from being put back: both, or neither."""
    if environment.is_production:
        return [Blocker("rehearsal-in-production", IN_PRODUCTION)]
    if not way_back.is_verified(release, running):
        return [not_there(release, environment, running)]
    row = running.deployment
    row.release, row.environment = release, environment
    return list(dict.fromkeys(guards.no_way_back(row) + _not_put_back(release, environment)))


def _not_put_back(release, environment) -> list[Blocker]:
    """What a deployment of the candidate is asked that starts there now; those who wait or booked would come in between."""
    step = Deployment.machine.steps["start"]
    again = Deployment(release=release, candidate=release.candidate, environment=environment)
    return [blocker for answer in gates.answers(step.key, step.gates, again) for blocker in answer.blockers]


def _locked(running: where.Running, release, environment) -> Deployment:
    """The deployment by which the current candidate runs there, locked."""
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
