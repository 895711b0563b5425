"""What ran in one environment over time: deployments by Slipway and sightings from outside, in one order."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, F, Value
from django.db.models.functions import Coalesce

from deployments import where
from deployments.models import Deployment, Sighting
from releases.models import Environment


@dataclass(frozen=True)
class Stay:
    """One entry of the past: a deployment that was started, or a sighting. `at`: when it was proven to run, began, or was seen."""

    at: datetime
    deployment: Deployment | None = None
    sighting: Sighting | None = None
    is_now: bool = False

    @property
    def version(self) -> str:
        return self.deployment.candidate.version if self.deployment else self.sighting.version


def of(environment: Environment):
    """(kind, id, instant) of every stay, the newest first; the database sorts and cuts."""
    started = environment.deployments.filter(started_at__isnull=False)
    deployments = _entries(started, where.DEPLOYMENT, Coalesce("verified_at", "started_at"))
    return deployments.union(_entries(environment.sightings.all(), where.SIGHTING, F("at"))).order_by(
        "-instant", "-entry"
    )


def _entries(rows, kind: str, instant):
    named = rows.order_by().annotate(what=Value(kind, CharField()), entry=F("pk"), instant=instant)
    return named.values_list("what", "entry", "instant")


def stays(environment: Environment, entries) -> list[Stay]:
    """The rows behind entries of `of`, in their order. Four queries, however many."""
    found = list(entries)
    now = where.running_in(environment)
    deployments = _by_id(
        Deployment.objects.select_related("candidate__release__product", "started_by"), found, where.DEPLOYMENT
    )
    sightings = _by_id(
        Sighting.objects.select_related("candidate__release__product", "change__product", "reported_by"),
        found,
        where.SIGHTING,
    )
    return [
        Stay(
            at,
            deployments.get(pk) if kind == where.DEPLOYMENT else None,
            sightings.get(pk) if kind == where.SIGHTING else None,
            bool(now and (now.by, now.source.pk) == (kind, pk)),
        )
        for kind, pk, at in found
    ]


def _by_id(rows, entries, kind: str) -> dict:
    return rows.in_bulk([pk for what, pk, _at in entries if what == kind])
