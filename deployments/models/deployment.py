"""The deployment of one candidate to one environment."""

from datetime import UTC

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django_fsm import FSMField

from core.machine import LifecycleModel, Machine
from deployments.querysets import DeploymentQuerySet
from deployments.states import ENDED, HOLDS_ENVIRONMENT, WAITING, DeploymentKind, DeploymentState, Purpose
from releases.models import Candidate, Environment, Product, Release

State = DeploymentState
machine = Machine("deployment", label="Deployment")
PERSON = settings.AUTH_USER_MODEL
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


class Deployment(LifecycleModel):
    """One candidate into one environment. Its state moves only through the doors in actions."""

    machine = machine

    release = models.ForeignKey(Release, models.PROTECT, related_name="deployments")
    candidate = models.ForeignKey(Candidate, models.PROTECT, related_name="deployments")
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="deployments")
    kind = models.CharField(max_length=10, choices=DeploymentKind.choices, default=DeploymentKind.DEPLOY)
    rolls_back = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="rollbacks",
        help_text="The deployment that this one undoes",
    )
    previous = models.ForeignKey(
        Candidate, models.PROTECT, null=True, blank=True, related_name="+", help_text="What ran there before"
    )
    scheduled_for = models.DateTimeField(
        null=True, blank=True, help_text="Starts by itself then; empty: when somebody starts it"
    )
    state = FSMField(default=State.PLANNED, choices=State.choices, protected=True)
    state_since = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
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
    held_reason = models.TextField(blank=True, db_default="", help_text="Why it does not start for now")
    held_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    held_at = models.DateTimeField(null=True, blank=True)
    promoted_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="promotions", help_text="What opened its phase"
    )
    is_rehearsal = models.BooleanField(
        default=False, db_default=False, help_text="A rollback that was made to prove the way back"
    )
    way_back_digest = models.CharField(
        max_length=71, blank=True, db_default="", help_text="Of the rollback's plan and hooks when it was made"
    )
    confirmed_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="When somebody else agreed to the rollback")
    confirmation = models.TextField(blank=True, db_default="")

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # A rollback works inside the hold of the deployment that it undoes, which stays rolling_back as long.
            models.UniqueConstraint(
                fields=["environment"],
                condition=Q(state__in=HOLDS_ENVIRONMENT, kind=DeploymentKind.DEPLOY),
                name="deployment_one_per_environment",
            ),
            models.UniqueConstraint(
                fields=["rolls_back"],
                condition=Q(state__in=HOLDS_ENVIRONMENT),
                name="deployment_one_rollback_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(kind=DeploymentKind.ROLLBACK, rolls_back__isnull=False)
                | Q(kind=DeploymentKind.DEPLOY, rolls_back__isnull=True),
                name="deployment_rollback_undoes_one",
            ),
            models.UniqueConstraint(
                fields=["candidate", "environment"],
                condition=Q(promoted_from__isnull=False),
                name="deployment_promoted_once",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="deployment_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["environment", "-verified_at"], name="deployment_by_environment"),
            models.Index(fields=["release", "-id"], name="deployment_by_release"),
        ]

    def __str__(self):
        return f"{self.candidate} to {self.environment}"

    def get_absolute_url(self) -> str:
        return reverse("deployments:deployment", args=[self.pk])

    @property
    def rights_scope(self) -> Product:
        return self.release.product

    def save(self, *args, **kwargs) -> None:
        """Whatever ends a deployment ends its booking, in the same transaction: no door can forget it."""
        super().save(*args, **kwargs)
        if self.has_ended:
            self._meta.get_field("booking").related_model.objects.of_deployment(self).give_up()

    @property
    def key(self) -> str:
        """What its calls to tools begin with. The instant keeps a new database from meeting the runs of an old one."""
        return f"deploy-{self.pk}-{self.created_at.astimezone(UTC):%Y%m%d%H%M%S}"

    @property
    def is_live(self) -> bool:
        return self.state in HOLDS_ENVIRONMENT

    @property
    def is_rollback(self) -> bool:
        return self.kind == DeploymentKind.ROLLBACK

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    def hooks(self) -> list:
        """The hooks to call, in order. A rollback without hooks of its own deploys the earlier candidate again."""
        active = [hook for hook in self.environment.hooks.all() if hook.is_active]
        own = [hook for hook in active if hook.on == self.kind]
        if not own and self.is_rollback:
            own = [hook for hook in active if hook.on == DeploymentKind.DEPLOY]
        return sorted(own, key=lambda hook: (hook.position, hook.pk))

    def latest_runs(self) -> list:
        """The newest attempt of each step, in order."""
        # Runs come by position, then by attempt. Those that a verification calls are its own matter.
        newest = {run.position: run for run in self.runs.all() if run.purpose != Purpose.VERIFY}
        return [newest[position] for position in sorted(newest)]

    @property
    def way_back(self) -> "Deployment | None":
        """The last verified deployment of another candidate there, before this one was made."""
        return (
            self.environment.deployments.verified()
            .filter(pk__lt=self.pk)
            .exclude(candidate=self.candidate_id)
            .order_by("-verified_at")
            .first()
        )

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
