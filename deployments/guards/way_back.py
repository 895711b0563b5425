"""Whether a deployment can be undone."""

from core import wording
from core.blockers import Blocker
from deployments import way_back
from deployments.guards.addresses import tab
from deployments.guards.stops import blocked, environment_taken
from deployments.states import DeploymentKind

STOPS_EVEN_A_WAY_BACK = ("product-blocked", "environment-blocked")


def no_way_back(deployment) -> list[Blocker]:
    """Only the newest deployment of an environment is undone, to a candidate that was verified there before it."""
    environment = deployment.environment
    if deployment.is_rollback:
        return [Blocker("is-rollback", "A rollback is not rolled back. Deploy the candidate again instead.")]
    found = [b for b in blocked(deployment) if b.code in STOPS_EVEN_A_WAY_BACK] + environment_taken(deployment)
    if deployment.started_at is None:
        found.append(Blocker("never-started", "It never started, so there is nothing to undo."))
    elif environment.deployments.filter(kind=DeploymentKind.DEPLOY, started_at__gt=deployment.started_at).exists():
        found.append(Blocker("not-newest", f"A later deployment entered {environment} since. Roll that one back."))
    if deployment.way_back is None:
        found.append(Blocker("no-way-back", f"No other candidate was verified in {environment} before this one."))
    return found + _passed_the_point(deployment)


def _passed_the_point(deployment) -> list[Blocker]:
    """Once a call or a step that is marked so has succeeded, what is wrong is mended by a newer candidate."""
    return [
        Blocker(
            "point-of-no-return",
            f"The point of no return is crossed: “{point.name}” ({point.what}) was done {wording.moment(point.crossed_at)}. "
            "Fix it forward with a new candidate.",
            tab(deployment.release),
            "Deploy a fix",
        )
        for point in way_back.points(deployment)
        if point.crossed_at
    ][:1]


def because_way_back(deployment) -> str:
    return f"{deployment.way_back.candidate.version} was verified in {deployment.environment} before."
