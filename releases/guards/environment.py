"""Why an environment stays what it is: its tier says what is asked of whoever deploys there, and so it outlives its use."""

from django.urls import reverse

from core.blockers import Blocker
from releases import history
from releases.guards.standing import standing
from releases.states import CARRIES, ReleaseState

ON_ITS_WAY = (*CARRIES, ReleaseState.DEPLOYING)


def tier_settled(environment, was: str) -> list[Blocker]:
    """Why it may neither become production nor stop being it: what it has seen, or a release that is on its way there."""
    settled = "is" if was == "production" else "is not"
    instead = f"so it is settled that it {settled} production. Add another environment instead."
    if seen := history.in_words(environment):
        message = f"{environment.name} has {seen} in its history, {instead}"
        return [Blocker("tier-settled", message, *_pipeline(environment), field="tier")]
    return _coming(environment, instead)


def used(environment) -> list[Blocker]:
    """Why it may not be removed: what it has seen stays; and production is not taken out of the way of a release."""
    if seen := history.in_words(environment):
        message = f"{environment} has {seen} in its history, which stays. Block it if nothing may go there."
        return [Blocker("environment-used", message)]
    if not environment.is_production:
        return []
    return _coming(environment, "and production is not taken out of its way. Block it if nothing may go there.")


def _coming(environment, so: str) -> list[Blocker]:
    coming = [r for r in environment.product.releases.select_related("candidate") if standing(r) in ON_ITS_WAY]
    if not coming:
        return []
    release = min(coming, key=lambda r: r.pk)
    where = release.get_state_display().lower()
    message = f"{release.version} is {where}: it is on its way there, {so}"
    return [Blocker("release-coming", message, *_pipeline(environment), field="tier")]


def _pipeline(environment) -> tuple[str, str]:
    return reverse("releases:environments", args=[environment.product.slug]), "Open the environments"
