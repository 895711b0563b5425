"""What the page of a deployment shows: progress, steps, health, log. Reads a bounded number of rows."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.functional import cached_property

from core import wording
from deployments import queue
from deployments import way_back as ways
from deployments.guards import is_asked, owes_confirmation, verification_of
from deployments.models import Deployment, LogLine, Run, Sample
from deployments.sampled import Sampled
from deployments.states import DeploymentState, RunState

LINES_MAX = 1_000
SAMPLES_MAX = 60
DONE = (RunState.SUCCEEDED, RunState.SKIPPED)
BAD = re.compile(r"\b(error|fatal|traceback|failed)\b", re.IGNORECASE)
WORRYING = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """A row in the list of steps; `took` is in seconds."""

    name: str
    state: str
    took: float | None
    note: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Line:
    """A line of the log; `level` is info, warn or fail."""

    number: int
    at: datetime
    level: str
    text: str


class Picture:
    """One deployment as seen now; log lines only `after` that line."""

    def __init__(self, deployment: Deployment, after: int = 0):
        self.deployment, self.after = deployment, after

    @cached_property
    def runs(self) -> list[Run]:
        return self.deployment.latest_runs()

    @cached_property
    def stopped_by(self) -> Run | None:
        """The run that a paused deployment waits for."""
        states = (RunState.UNKNOWN, RunState.FAILED, RunState.CANCELLED)
        return next((run for run in self.runs if run.state in states), None)

    @cached_property
    def steps(self) -> list[Step]:
        if not self.runs:
            return [Step(hook.name, RunState.WAITING, None) for hook in self.deployment.hooks()] + [
                self._verification()
            ]
        return [self._step(run) for run in self.runs] + [self._verification()]

    def _step(self, run: Run) -> Step:
        begun = run.started_at
        took = ((run.ended_at or timezone.now()) - begun).total_seconds() if begun else None
        note = run.detail if run.state not in DONE else ""
        if run.attempt > 1:
            note = f"Attempt {run.attempt}. {note}".strip()
        if run.state == RunState.RUNNING and run.progress is not None:
            return Step(run.name, run.state, took, note, round(run.progress * 100), 100)
        return Step(run.name, run.state, took, note)

    def _verification(self) -> Step:
        row = self.deployment
        began, how = row.verifying_since, verification_of(row.environment)
        state = RunState.WAITING
        if row.verified_at:
            state = RunState.SUCCEEDED
        elif row.state == DeploymentState.VERIFYING:
            state = RunState.RUNNING
        elif began and row.state == DeploymentState.FAILED:
            state = RunState.FAILED
        took = ((row.verified_at or row.ended_at or timezone.now()) - began).total_seconds() if began else None
        note = (
            f"well for {how.steady_s} s on end, at most {how.timeout_s} s"
            if is_asked(row.environment)
            else "nothing to ask"
        )
        return Step("Verify", state, took, note if state in (RunState.WAITING, RunState.RUNNING) else "")

    @property
    def steps_done(self) -> int:
        return sum(step.state in DONE for step in self.steps)

    @property
    def share(self) -> float:
        """How much is done, 0 to 1: each step counts the same."""
        part = sum(step.done / step.total for step in self.steps if step.total)
        return (self.steps_done + part) / len(self.steps)

    @property
    def planks(self) -> list[tuple[str, str]]:
        """(name, "done" | "now" | "bad" | "") of each step."""
        look = {RunState.RUNNING: "now", RunState.CLAIMED: "now"} | dict.fromkeys(DONE, "done")
        return [(step.name, look.get(step.state, "")) for step in self.steps]

    @cached_property
    def sentence(self) -> str:
        """What happens now, in one sentence."""
        row, place = self.deployment, self.deployment.environment.name
        version = row.candidate.version
        now = next((step.name for step in self.steps if step.state in (RunState.RUNNING, RunState.CLAIMED)), "")
        told = {
            DeploymentState.PLANNED: f"{version} is planned for {place}, and starts when somebody starts it",
            DeploymentState.AWAITING_APPROVAL: f"{version} did not start by itself: a gate is closed",
            DeploymentState.RUNNING: f"{version} is on its way to {place}" + (f": {now}" if now else ""),
            DeploymentState.VERIFYING: f"{version} is in {place}, and is being verified",
            DeploymentState.SUCCEEDED: f"{version} is verified in {place}",
            DeploymentState.PAUSED: f"Paused on the way to {place}: somebody has to say how to go on",
            DeploymentState.FAILED: f"{version} did not make it into {place}",
            DeploymentState.ABORTED: f"Aborted: what runs in {place} has to be looked at",
            DeploymentState.ROLLING_BACK: f"{version} is being taken back from {place}",
            DeploymentState.ROLLED_BACK: f"{version} was taken back from {place}",
            DeploymentState.ROLLBACK_FAILED: f"The rollback failed: what runs in {place} is not known",
            DeploymentState.SUPERSEDED: f"A newer candidate took the place of {version}",
            DeploymentState.EXPIRED: f"{version} did not start in time",
        }
        if row.state == DeploymentState.QUEUED:
            turn = "held back, others may pass" if row.held_at else f"{queue.place(row)} in the queue"
            return f"{version} waits until {place} is free: {turn}"
        if row.state == DeploymentState.SCHEDULED:
            return f"{version} starts {wording.relative(row.scheduled_for)}, {wording.full(row.scheduled_for)}"
        return told[DeploymentState(row.state)]

    @property
    def elapsed(self) -> timedelta | None:
        row = self.deployment
        return (row.ended_at or timezone.now()) - row.started_at if row.started_at else None

    @cached_property
    def samples(self) -> list[Sample]:
        """The newest samples, oldest first."""
        return list(self.deployment.samples.order_by("-pk")[:SAMPLES_MAX])[::-1]

    @cached_property
    def sampled(self) -> Sampled:
        return Sampled(self.samples, self.deployment.environment.checks.all)

    @property
    def good(self) -> int:
        return sum(sample.ok for sample in self.samples)

    @property
    def answer_times(self) -> list[int]:
        """Milliseconds."""
        return [sample.elapsed_ms or 0 for sample in self.samples]

    @cached_property
    def lines(self) -> list[Line]:
        """The newest lines after `after`, oldest first, at most LINES_MAX."""
        rows = LogLine.objects.filter(run__deployment=self.deployment, pk__gt=self.after)
        newest = list(rows.order_by("-pk").only("pk", "at", "text")[:LINES_MAX])[::-1]
        return [Line(row.pk, row.at, level_of(row.text), row.text) for row in newest]

    @property
    def last_line(self) -> int:
        return self.lines[-1].number if self.lines else self.after

    @cached_property
    def way_back(self) -> Deployment | None:
        return None if self.deployment.is_rollback else self.deployment.way_back

    @cached_property
    def further_back(self) -> Deployment | None:
        """Of a rollback: what is undone to go back still further."""
        return ways.further_back(self.deployment) if self.deployment.is_rollback else None

    @cached_property
    def plan_back(self) -> ways.WayBack:
        """How it would be undone, or was."""
        row = self.deployment
        return ways.of(row.release, row.environment, row)

    @cached_property
    def rehearsal(self) -> ways.Rehearsal:
        return ways.rehearsal_of(self.deployment.release)

    @property
    def rehearsal_is_demanded(self) -> bool:
        return ways.is_demanded(self.deployment.release)

    @property
    def owes_confirmation(self) -> bool:
        return owes_confirmation(self.deployment)

    @cached_property
    def rollback(self) -> Deployment | None:
        """The newest rollback of this deployment."""
        return self.deployment.rollbacks.order_by("-pk").first()


def level_of(text: str) -> str:
    return "fail" if BAD.search(text) else "warn" if WORRYING.search(text) else "info"
