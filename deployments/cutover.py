"""What the page of a runbook shows: its steps in time, what is the reader's, when it will be over. The queries are constant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.functional import cached_property

from accounts import policy
from accounts.models import User
from deployments.critical_path import Node, Slot, Timetable, timetable
from deployments.guards.runbook import OVER
from deployments.models import Runbook, RunbookStep
from deployments.states import RunbookState, StepKind, StepState

RIGHT = "releases.deploy"
OPEN = (StepState.READY, StepState.RUNNING, StepState.FAILED)
ON_TIME = timedelta(minutes=1)


@dataclass(frozen=True)
class Row:
    """One step. `planned` and `live` are (from, width) in percent of the whole; `behind` is how long it is late, or None."""

    step: RunbookStep
    slot: Slot
    planned: tuple[float, float]
    live: tuple[float, float]
    behind: timedelta | None
    is_mine: bool
    may_act: bool

    @property
    def needs(self) -> list[RunbookStep]:
        return list(self.step.needs.all())

    @property
    def is_open(self) -> bool:
        return self.step.state in OPEN

    @property
    def begins(self) -> bool:
        """Whether it waits for somebody to begin it. A deployment begins by itself, and again by hand once it failed."""
        again = self.step.state == StepState.FAILED
        return again or (self.step.state == StepState.READY and self.step.kind == StepKind.MANUAL)

    @property
    def ends(self) -> bool:
        """Whether somebody says that it is done; a deployment says so itself."""
        return self.step.kind == StepKind.MANUAL and self.step.state in (StepState.READY, StepState.RUNNING)


class Cutover:
    """One runbook as a reader sees it now."""

    def __init__(self, runbook: Runbook, reader: User):
        self.runbook, self.reader = runbook, reader
        # In steps of ten seconds: what is asked for every two looks the same in between, and is not sent anew.
        self.now = datetime.fromtimestamp(timezone.now().timestamp() // 10 * 10, tz=UTC)

    @cached_property
    def steps(self) -> list[RunbookStep]:
        related = ("owner", "team", "environment", "done_by", "deployment__environment")
        steps = list(self.runbook.steps.select_related(*related).prefetch_related("needs"))
        for step in steps:
            step.runbook = self.runbook
        return steps

    @cached_property
    def may_manage(self) -> bool:
        return policy.may(self.reader, RIGHT, self.runbook)

    @cached_property
    def teams(self) -> set[int]:
        return set(self.reader.teams.values_list("pk", flat=True))

    @property
    def begins_at(self) -> datetime:
        return self.runbook.started_at or self.runbook.starts_at or self.now

    @cached_property
    def planned(self) -> Timetable:
        """As it was planned: from its planned start, or from when it was started."""
        return timetable(self._nodes, begins_at=self.runbook.starts_at or self.begins_at)

    @cached_property
    def live(self) -> Timetable:
        """As it is: from what has happened. A draft is its plan; what has ended stands as it ended."""
        if self.runbook.state == RunbookState.DRAFT:
            return timetable(self._nodes, begins_at=self.begins_at)
        return timetable(self._nodes, begins_at=self.begins_at, now=self.runbook.ended_at or self.now)

    @property
    def _nodes(self) -> list[Node]:
        return [node_of(step) for step in self.steps]

    @property
    def ends_at(self) -> datetime:
        return self.runbook.ended_at or self.live.ends_at

    @property
    def lateness(self) -> timedelta:
        """How much later than planned it ends; negative when earlier."""
        return self.ends_at - self.planned.ends_at

    @property
    def is_late(self) -> bool:
        return self.lateness >= ON_TIME

    @property
    def is_early(self) -> bool:
        return self.lateness <= -ON_TIME

    @property
    def done(self) -> int:
        return sum(step.state in OVER for step in self.steps)

    @cached_property
    def rows(self) -> list[Row]:
        return [self._row(step) for step in self.steps]

    def _row(self, step: RunbookStep) -> Row:
        slot, plan = self.live.slots[step.pk], self.planned.slots[step.pk]
        mine = step.owner_id == self.reader.pk or step.team_id in self.teams
        return Row(
            step,
            slot,
            self._share(plan.starts_at, plan.ends_at),
            self._share(slot.starts_at, slot.ends_at),
            self._behind(step),
            mine,
            mine or self.may_manage,
        )

    def _behind(self, step: RunbookStep) -> timedelta | None:
        if self.runbook.state != RunbookState.RUNNING or step.state not in (StepState.READY, StepState.RUNNING):
            return None
        over = self.now - (step.started_at or step.ready_at) - timedelta(minutes=step.planned_minutes)
        return over if over > timedelta(0) else None

    @cached_property
    def _scale(self) -> tuple[datetime, float]:
        """(where the bars begin, how many seconds they span)."""
        first = min(self.live.starts_at, self.planned.starts_at)
        last = max(self.ends_at, self.live.ends_at, self.planned.ends_at)
        return first, max((last - first).total_seconds(), 60)

    def _share(self, starts_at: datetime, ends_at: datetime) -> tuple[float, float]:
        first, seconds = self._scale
        start = (starts_at - first).total_seconds() / seconds * 100
        return round(start, 2), round(max((ends_at - starts_at).total_seconds() / seconds * 100, 0.6), 2)

    @property
    def now_at(self) -> float | None:
        """Where now is, in percent of the bars; None while it does not run."""
        return self._share(self.now, self.now)[0] if self.runbook.state == RunbookState.RUNNING else None

    @cached_property
    def path(self) -> list[RunbookStep]:
        """The steps of the critical path that are not over yet."""
        found = {step.pk: step for step in self.steps}
        return [found[key] for key in self.live.path if found[key].state not in OVER]

    @property
    def mine(self) -> list[Row]:
        """What waits for the reader, or is being done by them; for those who may deploy also what has failed."""
        return [
            r for r in self.rows if r.is_open and (r.is_mine or (self.may_manage and r.step.state == StepState.FAILED))
        ]

    @property
    def others(self) -> list[Row]:
        """What is open elsewhere, so that nobody asks who has it."""
        mine = {row.step.pk for row in self.mine}
        return [row for row in self.rows if row.is_open and row.step.pk not in mine]


def node_of(step: RunbookStep) -> Node:
    """A step for the critical path. What failed is to be done again; what was skipped took no time."""
    needs = tuple(need.pk for need in step.needs.all())
    if step.state in OVER:
        begun = step.started_at if step.state == StepState.DONE else step.ended_at
        return Node(step.pk, step.planned_minutes, needs, begun, step.ended_at)
    begun = step.started_at if step.state == StepState.RUNNING else None
    return Node(step.pk, step.planned_minutes, needs, begun)
