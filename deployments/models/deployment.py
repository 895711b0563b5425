"""The deployment of one candidate to one environment."""

from datetime import UTC

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from deployments.models.lifecycle import DeploymentLifecycle, machine
from deployments.querysets import DeploymentQuerySet
from deployments.states import ENDED, HOLDS_ENVIRONMENT, DeploymentKind, Purpose
from releases.models import Candidate, Environment, Product, Release

PERSON = settings.AUTH_USER_MODEL


class Deployment(DeploymentLifecycle):
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
    created_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
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
        """The last verified deployment of another candidate there, before this one started or, until it starts, by now.

        What was taken back itself since it was verified is no way back, were it brought there by a rollback.
        """
        rows = self.environment.deployments.verified().not_taken_back_since()
        if self.started_at:
            rows = rows.filter(verified_at__lt=self.started_at)
        rows = rows.exclude(candidate=self.candidate_id).select_related("candidate")
        return rows.order_by("-verified_at").first()
