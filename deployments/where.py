"""What runs where: the newer of the last verified deployment and the last sighting of each environment.

docs/decisions/sightings.md tells what a sighting counts for, and what not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.urls import reverse

from releases.models import Candidate, Environment

DEPLOYMENT, SIGHTING = "deployment", "sighting"


@dataclass(frozen=True)
class Running:
    """What runs in an environment since when, and by whose word. `version` is "" where the service was taken out of it.

    `candidate` is None where the version is none of the product's. `source` is the deployment or the sighting that says so.
    """

    environment: Environment
    version: str
    candidate: Candidate | None
    since: datetime
    by: str
    source: object

    @property
    def is_nothing(self) -> bool:
        return not self.version

    @property
    def is_outside(self) -> bool:
        """Whether it got there without Slipway."""
        return self.by == SIGHTING

    @property
    def deployment(self):
        """The deployment that put it there; None where it came from outside."""
        return None if self.is_outside else self.source

    @property
    def url(self) -> str:
        """The page of the deployment, or of all that ran there."""
        if self.deployment:
            return self.deployment.get_absolute_url()
        return reverse("portal:environment", args=[self.environment.product.slug, self.environment.slug])

    @property
    def release_version(self) -> str:
        """The release's version, which people know; the bare version where the candidate is unknown."""
        return self.candidate.release.version if self.candidate else self.version

    def is_called(self, version: str) -> bool:
        """Whether a service that says this version is what runs: as its candidate, its release or its report call it."""
        names = {self.version}
        if self.candidate:
            names |= {self.candidate.version, self.candidate.release.version}
        return version.removeprefix(_prefix(self.environment)) in names or version in names


def running(environments: Iterable[Environment]) -> dict[int, Running]:
    """{environment id: what runs there}, candidate and release at hand, in two queries.

    Environments of which nothing was ever proven or reported are left out. What a later deployment that failed half-way
    left behind is not known, and so not told here. At the same instant the deployment counts.
    """
    known = {environment.pk: environment for environment in environments}
    return _newer(known, _deployments(known), _sightings(known))


def running_at(environment: Environment, at: datetime) -> Running | None:
    """What ran in one environment at an instant. Two queries."""
    known = {environment.pk: environment}
    deployments = _deployments(known).filter(verified_at__lte=at)
    return _newer(known, deployments, _sightings(known).filter(at__lte=at)).get(environment.pk)


def running_in(environment: Environment) -> Running | None:
    """What runs in one environment. Two queries."""
    return running([environment]).get(environment.pk)


def live(environments: Iterable[Environment]) -> dict[int, object]:
    """{environment id: the deployment that holds it now}, in one query."""
    ids = [environment.pk for environment in environments]
    found = _rows("Deployment").filter(environment__in=ids).live().select_related("candidate", "environment")
    return {deployment.environment_id: deployment for deployment in found.filter(rolls_back__isnull=True)}


def seen(environment: Environment) -> list[str]:
    """What an environment has in its history, in words: planned counts as well as done. At most three queries."""
    kept = {"deployments": "Deployment", "reports from outside": "Sighting", "steps of runbooks": "RunbookStep"}
    return [words for words, model in kept.items() if _rows(model).filter(environment=environment).exists()]


def _rows(model: str):
    """Guards read this file and stand below the models, which are so asked for by name."""
    return apps.get_model("deployments", model).objects


def _deployments(known):
    return _rows("Deployment").filter(environment__in=known).running().select_related("candidate__release")


def _sightings(known):
    rows = _rows("Sighting").filter(environment__in=known).newest()
    return rows.select_related("candidate__release", "change__product", "reported_by")


def _newer(known, deployments, sightings) -> dict[int, Running]:
    found = {row.environment_id: _deployed(known[row.environment_id], row) for row in deployments}
    for row in sightings:
        there = found.get(row.environment_id)
        if there is None or row.at > there.since:
            found[row.environment_id] = _sighted(known[row.environment_id], row)
    return found


def _deployed(environment: Environment, row) -> Running:
    row.environment = environment
    return Running(environment, row.candidate.version, row.candidate, row.verified_at, DEPLOYMENT, row)


def _sighted(environment: Environment, row) -> Running:
    row.environment = environment
    return Running(environment, row.version, row.candidate, row.at, SIGHTING, row)


def _prefix(environment: Environment) -> str:
    return environment.product.tag_prefix
