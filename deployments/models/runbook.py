"""The runbook of a cut-over: steps of people and of the engine, in an order that their needs give."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from core.machine import LifecycleModel, Machine, StateField
from deployments.models.deployment import Deployment
from deployments.states import RunbookState, StepKind, StepState
from releases.models import Environment, Product, Release

PERSON = settings.AUTH_USER_MODEL
DEPLOY = "releases.deploy"
machine = Machine("runbook", label="Runbook")
step_machine = Machine("step", label="Runbook step")


class Runbook(LifecycleModel):
    """The cut-over of one release. Its steps are edited while it is a draft, and done while it runs."""

    machine = machine

    release = models.ForeignKey(Release, models.CASCADE, related_name="runbooks")
    name = models.CharField(max_length=80, default="Cut-over")
    starts_at = models.DateTimeField(null=True, blank=True, help_text="When it is planned to start")
    state = StateField(default=RunbookState.DRAFT, choices=RunbookState.choices, protected=True)
    created_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_by = models.ForeignKey(
        PERSON, models.PROTECT, null=True, blank=True, related_name="+", help_text="In whose name its deployments start"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Why it was aborted")

    class Meta:
        ordering = ["release_id", "pk"]
        constraints = [models.UniqueConstraint(fields=["release", "name"], name="runbook_once_per_name")]

    def __str__(self):
        return f"{self.name} of {self.release}"

    def get_absolute_url(self) -> str:
        return reverse("deployments:runbook_of", args=[self.release.product.slug, self.release.version, self.pk])

    @property
    def rights_scope(self) -> Product:
        return self.release.product

    @machine.transition(
        state,
        source=RunbookState.DRAFT,
        target=RunbookState.RUNNING,
        right=DEPLOY,
        label="Start the runbook",
        gates=("complete",),
    )
    def start(self):
        self.started_at = timezone.now()

    @machine.transition(
        state,
        source=RunbookState.RUNNING,
        target=RunbookState.FINISHED,
        right="",
        label="Finish",
        automatic=True,
        gates=("steps_done",),
    )
    def finish(self):
        self.ended_at = timezone.now()

    @machine.transition(
        state,
        source=RunbookState.RUNNING,
        target=RunbookState.ABORTED,
        right=DEPLOY,
        label="Abort the runbook",
        reason=True,
        tone="bad",
    )
    def abort(self, reason: str):
        self.reason, self.ended_at = reason, timezone.now()


class RunbookStep(LifecycleModel):
    """One step, done by its owner or by a deployment that it starts."""

    machine = step_machine

    runbook = models.ForeignKey(Runbook, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    instructions = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=StepKind.choices, default=StepKind.MANUAL)
    environment = models.ForeignKey(
        Environment, models.PROTECT, null=True, blank=True, related_name="+", help_text="Where the deployment goes"
    )
    owner = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="runbook_steps")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="runbook_steps")
    planned_minutes = models.PositiveIntegerField(default=10)
    needs = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="needed_by")
    point_of_no_return = models.BooleanField(default=False, help_text="Once it is done, there is no way back")
    state = StateField(default=StepState.WAITING, choices=StepState.choices, protected=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    note = models.TextField(blank=True)
    late_at = models.DateTimeField(null=True, blank=True, help_text="When it was told that it is late")
    deployment = models.OneToOneField(
        Deployment, models.PROTECT, null=True, blank=True, related_name="runbook_step", help_text="The one it started"
    )

    class Meta:
        ordering = ["runbook_id", "position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=StepKind.MANUAL) | Q(environment__isnull=False), name="step_deploys_somewhere"
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return f"{self.runbook.get_absolute_url()}#step-{self.pk}"

    @property
    def rights_scope(self) -> Product:
        return self.runbook.rights_scope

    @property
    def is_undone(self) -> bool:
        """Its deployment was taken back after it was done: the only thing that is noted at one that a deployment did."""
        return self.kind == StepKind.DEPLOYMENT and self.state == StepState.DONE and bool(self.note)

    @step_machine.transition(
        state, source=StepState.WAITING, target=StepState.READY, right="", label="Hand over", automatic=True
    )
    def hand_over(self):
        self.ready_at = timezone.now()

    @step_machine.transition(
        state, source=[StepState.READY, StepState.FAILED], target=StepState.RUNNING, right="", label="Begin"
    )
    def begin(self):
        self.started_at, self.ended_at, self.late_at = timezone.now(), None, None

    @step_machine.transition(
        state, source=[StepState.READY, StepState.RUNNING], target=StepState.DONE, right="", label="Done"
    )
    def finish(self):
        self.started_at = self.started_at or timezone.now()
        self.ended_at = timezone.now()

    @step_machine.transition(
        state,
        source=[StepState.READY, StepState.RUNNING],
        target=StepState.FAILED,
        right="",
        label="It failed",
        reason=True,
        tone="bad",
    )
    def fail(self, reason: str):
        self.note, self.ended_at = reason, timezone.now()

    @step_machine.transition(
        state,
        source=[StepState.WAITING, StepState.READY, StepState.FAILED],
        target=StepState.SKIPPED,
        right=DEPLOY,
        label="Skip",
        reason=True,
        tone="warn",
    )
    def skip(self, reason: str):
        self.note, self.ended_at = reason, timezone.now()
