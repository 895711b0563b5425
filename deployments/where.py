"""Which candidate runs where."""

from collections.abc import Iterable

from deployments.models import Deployment
from releases.models import Environment


def running(environments: Iterable[Environment]) -> dict[int, Deployment]:
    """{environment id: the newest verified deployment there}, candidate and release at hand, in one query.

    Environments to which nothing was ever proven to be deployed are left out. What a later deployment that failed half-way
    left behind is not known, and so not told here.
    """
    ids = [environment.pk for environment in environments]
    found = Deployment.objects.filter(environment__in=ids).running().select_related("candidate__release", "environment")
    return {deployment.environment_id: deployment for deployment in found}


def live(environments: Iterable[Environment]) -> dict[int, Deployment]:
    """{environment id: the deployment that holds it now}, in one query."""
    ids = [environment.pk for environment in environments]
    found = Deployment.objects.filter(environment__in=ids).live().select_related("candidate", "environment")
    return {deployment.environment_id: deployment for deployment in found.filter(rolls_back__isnull=True)}
