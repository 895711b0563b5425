"""The lifecycle of a deployment: its states, what moves it on, and the fields that its transitions set."""

from django.db import models
from django.utils import timezone

from core.machine import LifecycleModel, Machine, StateField
from deployments.states import WAITING, DeploymentState

State = DeploymentState
machine = Machine("deployment", label="Deployment")
_QUEUE_GATES = (
    "not_blocked",
    "not_held",
    "progression",
    "earlier_phases",
    "current_candidate",
    "release_may_deploy",
    "window_open",
    "freeze",
    "conflicts",
    "hooks",
    "not_older",
    "rehearsed",
)
_START_GATES = ("environment_free", *_QUEUE_GATES)


class DeploymentLifecycle(LifecycleModel):
    """How a deployment moves, apart from what it is of. Only `Deployment` has a table."""

    state = StateField(default=State.PLANNED, choices=State.choices, protected=True)
    state_since = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    verifying_since = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(
        null=True, blank=True, help_text="When the candidate was proven to run there; the newest of an environment runs"
    )
    detail = models.TextField(blank=True, help_text="Why it paused, failed or was refused")
    reason = models.TextField(blank=True, help_text="What the person who stopped or rolled back gave as a reason")
    due_at = models.DateTimeField(null=True, blank=True, help_text="When the engine looks at it again")
    queued_at = models.DateTimeField(
        null=True, blank=True, help_text="Its place among those that wait for the environment"
    )

    class Meta:
        abstract = True

    @machine.transition(
        state,
        source=[State.PLANNED, State.SCHEDULED, State.QUEUED],
        target=State.AWAITING_APPROVAL,
        right="releases.deploy",
        label="Wait for approval",
        automatic=True,
        reason=True,
    )
    def await_approval(self, reason: str):
        """Its time came, but a gate was closed: somebody starts it once that is open. It gives up its place in the queue."""
        self.detail, self.queued_at = reason, None
        self._entered()

    @machine.transition(
        state,
        source=[State.PLANNED, State.AWAITING_APPROVAL, State.SCHEDULED],
        target=State.SCHEDULED,
        right="releases.deploy",
        label="Schedule",
    )
    def schedule(self):
        self._entered()

    @machine.transition(
        state,
        source=State.SCHEDULED,
        target=State.PLANNED,
        right="releases.deploy",
        label="Take the time off",
    )
    def unschedule(self):
        """It starts when somebody starts it."""
        self._entered()

    @machine.transition(
        state,
        source=[State.PLANNED, State.AWAITING_APPROVAL, State.SCHEDULED],
        target=State.QUEUED,
        right="releases.deploy",
        label="Queue it",
        gates=_QUEUE_GATES,
    )
    def enqueue(self):
        """Only the environment is taken: it waits its turn."""
        self.queued_at = timezone.now()
        self._entered()

    @machine.transition(
        state,
        source=[State.PLANNED, State.AWAITING_APPROVAL, State.SCHEDULED, State.QUEUED],
        target=State.RUNNING,
        right="releases.deploy",
        label="Start deployment",
        gates=_START_GATES,
    )
    def start(self):
        self.started_at = timezone.now()
        self._entered()

    @machine.transition(
        state,
        source=State.RUNNING,
        target=State.VERIFYING,
        right="",
        label="Verify",
        automatic=True,
        gates=("runs_succeeded",),
    )
    def verify(self):
        self.verifying_since = timezone.now()
        self._entered()

    @machine.transition(
        state,
        source=State.VERIFYING,
        target=State.SUCCEEDED,
        right="",
        label="Succeed",
        automatic=True,
        gates=("verified",),
    )
    def succeed(self):
        self.detail = ""
        self._ended()
        self.verified_at = self.ended_at

    @machine.transition(
        state,
        source=[State.RUNNING, State.VERIFYING],
        target=State.PAUSED,
        right="releases.deploy",
        label="Pause",
        reason=True,
        tone="warn",
    )
    def pause(self, reason: str):
        self.detail = reason
        self.due_at = None
        self._entered()

    @machine.transition(
        state, source=State.PAUSED, target=State.RUNNING, right="releases.deploy", label="Resume", reason=True
    )
    def resume(self, reason: str):
        """Retry, skip or continue: what happens to the run that stopped it is the door's matter."""
        self.detail = ""
        self._entered()

    @machine.transition(
        state,
        source=[State.RUNNING, State.VERIFYING, State.PAUSED],
        target=State.FAILED,
        right="",
        label="Fail",
        automatic=True,
        reason=True,
    )
    def fail(self, reason: str):
        self.detail = reason
        self._ended()

    @machine.transition(
        state,
        source=[*WAITING, State.RUNNING, State.VERIFYING, State.PAUSED],
        target=State.ABORTED,
        right="releases.deploy",
        label="Abort",
        reason=True,
        tone="bad",
    )
    def abort(self, reason: str):
        self.reason = reason
        self._ended()

    @machine.transition(
        state,
        source=[
            State.RUNNING,
            State.VERIFYING,
            State.PAUSED,
            State.SUCCEEDED,
            State.FAILED,
            State.ABORTED,
            State.ROLLBACK_FAILED,
        ],
        target=State.ROLLING_BACK,
        right="releases.deploy",
        label="Roll back now",
        reason=True,
        tone="bad",
        gates=("way_back",),
    )
    def roll_back(self, reason: str):
        self.reason, self.ended_at, self.due_at = reason, None, None
        self._entered()

    @machine.transition(
        state,
        source=State.ROLLING_BACK,
        target=State.ROLLED_BACK,
        right="",
        label="Finish the rollback",
        automatic=True,
    )
    def finish_rollback(self):
        self._ended()

    @machine.transition(
        state,
        source=State.ROLLING_BACK,
        target=State.ROLLBACK_FAILED,
        right="",
        label="Mark the rollback failed",
        automatic=True,
        reason=True,
    )
    def fail_rollback(self, reason: str):
        self.detail = reason
        self._ended()

    @machine.transition(
        state, source=list(WAITING), target=State.SUPERSEDED, right="", label="Supersede", automatic=True
    )
    def supersede(self):
        self._ended()

    @machine.transition(
        state, source=list(WAITING), target=State.EXPIRED, right="", label="Expire", automatic=True, reason=True
    )
    def expire(self, reason: str):
        self.detail = reason
        self._ended()

    def _entered(self) -> None:
        self.state_since = timezone.now()

    def _ended(self) -> None:
        self.state_since = self.ended_at = timezone.now()
        self.due_at = None
