"""Whether a deployment can be undone."""

from core import wording
from core.blockers import Blocker
from deployments import way_back
from deployments.guards.addresses import tab
from deployments.guards.stops import blocked, environment_taken

STOPS_EVEN_A_WAY_BACK = ("product-blocked", "environment-blocked")


def no_way_back(deployment) -> list[Blocker]:
    """Only what an environment was left with is undone, to a candidate that was verified there before it."""
    if deployment.is_rollback:
        return [_is_rollback(deployment)]
    environment, earlier = deployment.environment, deployment.way_back
    found = [b for b in blocked(deployment) if b.code in STOPS_EVEN_A_WAY_BACK] + environment_taken(deployment)
    if deployment.started_at is None:
        found.append(Blocker("never-started", "It never started, so there is nothing to undo."))
    elif (newest := way_back.newest(environment)) != deployment:
        found.append(_not_newest(environment, newest))
    if earlier is None:
        found.append(Blocker("no-way-back", f"No other candidate was verified in {environment} before this one."))
    return found + _passed_the_point(deployment, earlier)


def _is_rollback(deployment) -> Blocker:
    """Names what is undone to go further back, as long as the candidate that the rollback brought is what is left there."""
    newest = way_back.further_back(deployment)
    if newest is None:
        return Blocker("is-rollback", "A rollback is not rolled back. Deploy the candidate again instead.")
    said = f"A rollback is not rolled back. To go further back, undo what brought {newest.candidate.version} there: #{newest.pk}."
    return Blocker("is-rollback", said, newest.get_absolute_url(), f"Open #{newest.pk}")


def _not_newest(environment, newest) -> Blocker:
    if newest is None:
        return Blocker("not-newest", f"Something else came to {environment} since. Deploy what should run there.")
    said = f"It is not what {environment} was left with: that is #{newest.pk} ({newest.candidate.version}). Roll that one back."
    return Blocker("not-newest", said, newest.get_absolute_url(), f"Open #{newest.pk}")


def _passed_the_point(deployment, earlier) -> list[Blocker]:
    """Once a call or a step that is marked so has succeeded, what is wrong is mended by a newer candidate."""
    return [
        Blocker(
            "point-of-no-return",
            f"The point of no return is crossed: “{point.name}” ({point.what}) was done {wording.moment(point.crossed_at)}. "
            "Fix it forward with a new candidate.",
            tab(deployment.release),
            "Deploy a fix",
        )
        for point in way_back.points(deployment, earlier)
        if point.crossed_at
    ][:1]


def because_way_back(deployment) -> str:
    return f"{deployment.way_back.candidate.version} was verified in {deployment.environment} before."
