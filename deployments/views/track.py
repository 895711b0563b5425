"""The picture of a release's pipeline: phases in order, what stands in each, who waits, what opens next."""

from dataclasses import dataclass, field
from datetime import datetime

from accounts import policy
from core.blockers import Blocker
from deployments import guards, pipeline, queue, where
from deployments.actions.promotion import OVER
from deployments.actions.waiting import AUTOMATE, DEPLOY
from deployments.models import Deployment
from deployments.states import WAITING
from releases.models import Environment, Release
from releases.phases import minutes
from releases.states import Needs


@dataclass
class Stop:
    """One environment of the pipeline, as this release sees it.

    `newest` is our deployment that holds it, else our newest; `line` are all that wait for it, `waiting` those of ours.
    """

    environment: Environment
    standing: pipeline.Standing
    running: where.Running | None
    holder: Deployment | None
    newest: Deployment | None
    line: list[Deployment] = field(default_factory=list)
    waiting: list[Deployment] = field(default_factory=list)

    @property
    def is_verified(self) -> bool:
        return self.standing.is_verified

    def place(self, deployment: Deployment) -> str:
        """ "2nd of 3" in the queue, among those that are not held; "" for one that is held or does not wait there."""
        free = [row.pk for row in self.line if row.held_at is None]
        return str(queue.Place(free.index(deployment.pk) + 1, len(free), ())) if deployment.pk in free else ""


@dataclass
class Part:
    """One phase on the page: `why` it is closed, when it `opens_at` by itself, and why it is `not_automatic` though it should."""

    number: int
    phase: pipeline.PhaseStanding
    stops: list[Stop]
    is_open: bool
    why: list[Blocker]
    opens_at: datetime | None
    not_automatic: str = ""

    @property
    def is_marked(self) -> bool:
        """Whether it shows more than its environment: a name, a rule, or that it goes by itself."""
        return self.phase.group.phase is not None

    @property
    def state(self) -> tuple[str, str, str]:
        """(tone, icon, words) of where the candidate stands in it."""
        phase, needed = self.phase, self.phase.group.needs != Needs.OPTIONAL
        if phase.soak_left_minutes and not phase.lacks:
            return "info", "clock", f"Soaking, {minutes(phase.soak_left_minutes)} left"
        if phase.is_done and needed:
            return "ok", "check-circle", "Done"
        if self.is_open:
            return ("info", "play", "Open") if needed else ("mute", "flat", "Optional")
        return "mute", "lock", "Closed"


@dataclass
class Track:
    """All of it."""

    parts: list[Part]
    seen: pipeline.Pipeline

    @property
    def stops(self) -> list[Stop]:
        return [stop for part in self.parts for stop in part.stops]

    @property
    def following(self) -> Stop | None:
        """Where the candidate goes next: the first environment that a phase still needs, else one that was passed over."""
        left = [(part, stop) for part in self.parts for stop in part.stops if not stop.standing.counts]
        needed = [stop for part, stop in left if not part.phase.is_done]
        return next(iter(needed or [stop for _, stop in left]), None)


def of(release: Release, rows: list[Deployment]) -> Track:
    """The track of a release whose newest deployments are `rows`. A constant number of queries."""
    environments = pipeline.environments_of(release.product)
    for environment in environments:
        environment.product = release.product
    seen = pipeline.read(release.candidate, environments)
    stops = _stops(release, seen, environments, rows)
    able = _able(release, seen)
    parts = [
        Part(
            number,
            phase,
            [stops[s.environment.pk] for s in phase.standings],
            seen.is_open(phase),
            guards.why_closed(seen, phase, release) if release.candidate else [],
            seen.opens_at(phase),
            _not_automatic(phase, able, release),
        )
        for number, phase in enumerate(seen.phases, start=1)
    ]
    return Track(parts, seen)


def _stops(release: Release, seen: pipeline.Pipeline, environments: list, rows: list[Deployment]) -> dict[int, Stop]:
    running, live = where.running(environments), where.live(environments)
    lines = queue.lines(Deployment.objects.filter(environment__in=environments))
    made = {}
    for standing in (standing for phase in seen.phases for standing in phase.standings):
        pk = standing.environment.pk
        ours = [row for row in rows if row.environment_id == pk and row.candidate_id == release.candidate_id]
        forward = [row for row in ours if not row.is_rollback]
        holding = [row for row in forward if row.is_live]
        made[pk] = Stop(
            standing.environment,
            standing,
            running.get(pk),
            live.get(pk),
            next(iter(holding or forward), None),
            lines.get(pk, []),
            [row for row in forward if row.state in WAITING],
        )
    return made


def _able(release: Release, seen: pipeline.Pipeline) -> set[int]:
    """Ids of people in whose name phases may still be deployed to; asked only where one is."""
    if not any(phase.group.is_automatic for phase in seen.phases):
        return set()
    found = [set(policy.who_may(right, release).values_list("pk", flat=True)) for right in (AUTOMATE, DEPLOY)]
    return found[0] & found[1]


def _not_automatic(phase: pipeline.PhaseStanding, able: set[int], release: Release) -> str:
    if not phase.group.is_automatic or release.state in OVER:
        return ""
    person = phase.group.phase.automated_by
    return "" if person.pk in able else f"{person} said so and may not any more, so somebody has to start it."
