"""Where a candidate stands in the pipeline of its product. Reads only, in a constant number of queries.

A phase opens once every earlier one has what it needs: verified in as many environments as it asks, not taken back since, and
there for as long as it soaks. What was replaced before the soak was over, by another candidate or from outside, has not soaked.
A rehearsal takes nothing back: what had soaked before it counts again once the candidate was put back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile
from math import ceil

from django.apps import apps
from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from deployments.states import DeploymentKind, DeploymentState
from releases.phases import Group, groups
from releases.states import Needs

NOTHING = "nothing"


@dataclass(frozen=True)
class Standing:
    """One environment: the verified deployment that counts, if any. `cut_at`: something else came before the soak was over.

    `cut_by` says what that was, where it came from outside: its version, or that nothing was left.
    """

    environment: object
    deployment: object | None = None
    soaked_at: datetime | None = None
    cut_at: datetime | None = None
    cut_by: str = ""
    was_there: bool = False

    @property
    def is_verified(self) -> bool:
        return self.deployment is not None

    @property
    def counts(self) -> bool:
        """It is verified, and has soaked or will have."""
        return self.soaked_at is not None


@dataclass(frozen=True)
class PhaseStanding:
    """One phase as the candidate sees it, at one instant."""

    group: Group
    standings: tuple[Standing, ...]
    at: datetime

    @property
    def name(self) -> str:
        return self.group.name

    @property
    def verified(self) -> list[Standing]:
        return [standing for standing in self.standings if standing.is_verified]

    @property
    def left(self) -> list[Standing]:
        """Those that do not count yet."""
        return [standing for standing in self.standings if not standing.counts]

    @property
    def lacks(self) -> int:
        """How many more environments must be verified."""
        return max(0, self.group.required - (len(self.standings) - len(self.left)))

    @cached_property
    def done_at(self) -> datetime | None:
        """When it had or will have what it needs, soak included. None while environments are lacking."""
        if self.lacks or self.group.needs == Needs.OPTIONAL:
            return None
        return sorted(standing.soaked_at for standing in self.standings if standing.counts)[self.group.required - 1]

    @property
    def is_done(self) -> bool:
        if self.group.needs == Needs.OPTIONAL:
            return True
        return self.done_at is not None and self.done_at <= self.at

    @property
    def soak_left_minutes(self) -> int:
        """Whole minutes until it has soaked, rounded up; 0 where nothing soaks."""
        if self.is_done or self.done_at is None:
            return 0
        return ceil((self.done_at - self.at) / timedelta(minutes=1))

    @property
    def is_reached(self) -> bool:
        """Whether the candidate was ever verified in one of its environments."""
        return any(standing.was_there for standing in self.standings)


@dataclass(frozen=True)
class Pipeline:
    """The phases in order; `standstill` is what stops the candidate, or None. `candidate` may be None: nothing stands anywhere."""

    candidate: object | None
    phases: tuple[PhaseStanding, ...]
    standstill: object | None = None

    def of(self, environment) -> PhaseStanding:
        """The phase of an environment. Raises StopIteration for one of another product."""
        return next(p for p in self.phases if any(s.environment.pk == environment.pk for s in p.standings))

    def before(self, phase: PhaseStanding) -> list[PhaseStanding]:
        return list(self.phases[: self.phases.index(phase)])

    def closed_by(self, phase: PhaseStanding) -> list[PhaseStanding]:
        """The earlier phases that do not have what they need yet."""
        return [earlier for earlier in self.before(phase) if not earlier.is_done]

    def is_stopped_before(self, phase: PhaseStanding) -> bool:
        """Whether the candidate's standstill keeps it out of the phase."""
        return self.standstill is not None and not phase.is_reached

    def is_open(self, phase: PhaseStanding) -> bool:
        return not self.closed_by(phase) and not self.is_stopped_before(phase)

    def opens_at(self, phase: PhaseStanding) -> datetime | None:
        """When a closed phase opens by the passing of time alone; None when it is open, or somebody must do something first."""
        closed = self.closed_by(phase)
        if not closed or any(earlier.done_at is None for earlier in closed):
            return None
        return max(earlier.done_at for earlier in closed)

    @property
    def next_opening_at(self) -> datetime | None:
        """The next instant at which a phase opens by itself."""
        return min((at for phase in self.phases if (at := self.opens_at(phase))), default=None)

    def opened_by(self, phase: PhaseStanding):
        """The deployment whose verification opened a phase: the newest of the nearest earlier one that has any."""
        for earlier in reversed(self.before(phase)):
            if earlier.verified:
                return max((s.deployment for s in earlier.verified), key=lambda d: d.verified_at)
        return None


def read(candidate, environments: Iterable, at: datetime | None = None) -> Pipeline:
    """The pipeline of a candidate over all environments of its product, each with its `phase` at hand. Two queries."""
    at, environments = at or timezone.now(), list(environments)
    rows = _verified(candidate, environments) if candidate else []
    stopped = (
        candidate.standstills.filter(ended_at__isnull=True).select_related("begun_by").first() if candidate else None
    )
    return Pipeline(
        candidate,
        tuple(
            PhaseStanding(group, tuple(_standing(e, group, rows) for e in group.environments), at)
            for group in groups(environments)
        ),
        stopped,
    )


def of(release, at: datetime | None = None) -> Pipeline:
    """The pipeline of a release's current candidate. Three queries."""
    return read(release.candidate, environments_of(release.product), at)


def environments_of(product) -> list:
    return list(product.environments.select_related("phase__automated_by").order_by("position"))


def _verified(candidate, environments) -> list:
    """What was ever verified of the candidate, the newest word first, each with what came there next: `next_start`, `next_seen`."""
    rows = candidate.deployments.filter(environment__in=[e.pk for e in environments], verified_at__isnull=False)
    there = {"environment": OuterRef("environment")}
    started = rows.model.objects.filter(**there, started_at__gt=OuterRef("verified_at"))
    started = started.exclude(candidate=OuterRef("candidate")).order_by("started_at")
    seen = apps.get_model("deployments", "Sighting").objects.filter(**there, at__gt=OuterRef("verified_at"))
    seen = seen.exclude(candidate=OuterRef("candidate")).order_by("at", "pk")
    rehearsals = rows.model.objects.filter(rolls_back=OuterRef("pk"), is_rehearsal=True)
    annotated = rows.annotate(
        next_start=Subquery(started.values("started_at")[:1]),
        next_seen=Subquery(seen.values("at")[:1]),
        next_version=Subquery(seen.values("version")[:1]),
        was_rehearsed=Exists(rehearsals.filter(state=DeploymentState.SUCCEEDED)),
    )
    return sorted(annotated.order_by("-verified_at"), key=_known_since, reverse=True)


def _known_since(row) -> datetime:
    """Since when a row says what it says: one that was taken back says so since then, also of a rollback to it in between."""
    return row.verified_at if row.state == DeploymentState.SUCCEEDED else max(row.verified_at, row.state_since)


def _standing(environment, group: Group, rows: list) -> Standing:
    here = [row for row in rows if row.environment_id == environment.pk]
    was_there = any(row.kind == DeploymentKind.DEPLOY for row in here)
    kept = list(takewhile(_was_not_taken_back, here))
    verified = [row for row in kept if row.state == DeploymentState.SUCCEEDED]
    if not verified:
        return Standing(environment, was_there=was_there)
    soak = timedelta(minutes=group.soak_minutes)
    stayed = [row for row in kept if (gone := _replaced_at(row)) is None or gone >= row.verified_at + soak]
    if stayed:
        first = min(stayed, key=lambda row: row.verified_at)
        return Standing(environment, first, first.verified_at + soak, was_there=was_there)
    cut = verified[0]
    return Standing(environment, cut, cut_at=_replaced_at(cut), cut_by=_replaced_by(cut), was_there=was_there)


def _was_not_taken_back(row) -> bool:
    return row.state == DeploymentState.SUCCEEDED or (row.state == DeploymentState.ROLLED_BACK and row.was_rehearsed)


def _replaced_at(row) -> datetime | None:
    """When something else came: another candidate's deployment from its start, or what was reported or found there."""
    return min(filter(None, (row.next_start, row.next_seen)), default=None)


def _replaced_by(row) -> str:
    """What came from outside; "" for a deployment by Slipway."""
    if row.next_seen is None or row.next_seen != _replaced_at(row):
        return ""
    return row.next_version or NOTHING
