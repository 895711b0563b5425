"""One call of one hook for one deployment, and the log it wrote."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.machine import LifecycleModel, Machine, StateField
from deployments.models.deployment import Deployment
from deployments.models.hook import Hook
from deployments.models.verification import Sample
from deployments.querysets import LogLineQuerySet, RunQuerySet
from deployments.states import OnFailure, Purpose, RunState
from releases.models import Product

State = RunState
machine = Machine("run", label="Hook run")


class Run(LifecycleModel):
    """A hook call with its idempotency key. An unknown outcome waits for a person and is never a success."""

    machine = machine

    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="runs")
    hook = models.ForeignKey(Hook, models.SET_NULL, null=True, related_name="runs")
    name = models.CharField(max_length=80)
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    sample = models.ForeignKey(
        Sample, models.CASCADE, null=True, blank=True, related_name="runs", help_text="The one it was called for"
    )
    position = models.PositiveSmallIntegerField()
    attempt = models.PositiveSmallIntegerField(default=1)
    driver = models.CharField(max_length=30)
    config = models.JSONField(default=dict, help_text="The hook's configuration when the deployment started")
    timeout_s = models.PositiveIntegerField(default=600)
    key = models.CharField(max_length=80, unique=True)
    token = models.CharField(max_length=64, unique=True, help_text="Secret of the callback address")
    state = StateField(default=State.WAITING, choices=State.choices, protected=True)
    in_doubt = models.BooleanField(
        default=False, db_default=False, help_text="A call of it was begun whose end nobody saw: its tool may have it"
    )
    point_of_no_return = models.BooleanField(default=False, db_default=False)
    handle = models.JSONField(default=dict, blank=True, help_text="What the driver needs to find it again")
    log_offset = models.PositiveBigIntegerField(default=0)
    log_bytes = models.PositiveBigIntegerField(default=0, help_text="How much of its output is kept")
    tail = models.TextField(blank=True, help_text="The last line while it is not ended")
    heard = models.JSONField(default=list, blank=True, help_text="Ids of the callbacks already taken in")
    on_failure = models.CharField(max_length=5, choices=OnFailure.choices, default=OnFailure.FAIL)
    progress = models.FloatField(null=True, blank=True)
    detail = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When the engine looks at it again; the end of a claim while one holds it"
    )

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["deployment_id", "position", "attempt", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "purpose", "position", "attempt"], name="run_once_per_attempt"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], name="run_due", condition=Q(state__in=["waiting", "claimed", "running", "cancelled"])
            )
        ]

    def __str__(self):
        return f"{self.name} #{self.attempt}"

    @property
    def rights_scope(self) -> Product:
        return self.deployment.rights_scope

    @property
    def is_stopping(self) -> bool:
        """Cancelled, but its tool may not have stopped yet."""
        return self.state == State.CANCELLED and self.due_at is not None

    @machine.transition(state, source=State.WAITING, target=State.CLAIMED, right="", label="Claim", automatic=True)
    def claim(self):
        self.started_at = self.started_at or timezone.now()

    @machine.transition(state, source=State.CLAIMED, target=State.WAITING, right="", label="Hand back", automatic=True)
    def hand_back(self):
        """The tool certainly did not get the call: it is made again later."""

    def rest(self):
        """Not called while its deployment is paused; once that goes on it is, and has its whole time again."""
        self.due_at = self.deadline_at = None

    @machine.transition(state, source=State.CLAIMED, target=State.RUNNING, right="", label="Run", automatic=True)
    def run(self):
        pass

    @machine.transition(
        state, source=[State.CLAIMED, State.RUNNING], target=State.SUCCEEDED, right="", label="Succeed", automatic=True
    )
    def succeed(self):
        self._ended()

    @machine.transition(
        state, source=[State.CLAIMED, State.RUNNING], target=State.FAILED, right="", label="Fail", automatic=True
    )
    def fail(self):
        self._ended()

    @machine.transition(
        state, source=[State.CLAIMED, State.RUNNING], target=State.UNKNOWN, right="", label="Lose sight", automatic=True
    )
    def lose(self):
        self._ended()

    @machine.transition(
        state,
        source=State.UNKNOWN,
        target=State.SUCCEEDED,
        right="releases.deploy",
        label="Say that it succeeded",
        reason=True,
    )
    def confirm(self, reason: str):
        self.detail = reason

    @machine.transition(
        state,
        source=[State.WAITING, State.CLAIMED, State.RUNNING, State.UNKNOWN],
        target=State.CANCELLED,
        right="releases.deploy",
        label="Cancel",
        automatic=True,
    )
    def cancel(self):
        """What was begun, or may have been, is told to stop: due now, until the tool has been told."""
        begun = self.state != State.WAITING or self.in_doubt or bool(self.handle)
        self._ended()
        self.due_at = self.ended_at if begun else None

    @machine.transition(
        state,
        source=[State.FAILED, State.UNKNOWN, State.CANCELLED],
        target=State.SKIPPED,
        right="releases.deploy",
        label="Skip",
        reason=True,
    )
    def skip(self, reason: str):
        self.detail = reason

    def _ended(self) -> None:
        self.ended_at, self.due_at = timezone.now(), None


class LogLine(models.Model):
    """One line of a run's output."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="lines")
    at = models.DateTimeField(default=timezone.now)
    text = models.TextField()

    objects = LogLineQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return self.text[:80]
