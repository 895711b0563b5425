"""How it is proven that a candidate runs in an environment, and what was seen when somebody looked."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.secrets import EncryptedTextField
from deployments.models.deployment import Deployment
from deployments.states import CheckKind
from releases.models import Environment, Product

PERSON = settings.AUTH_USER_MODEL


class Verification(models.Model):
    """When it is looked, how often and for how long. Without a row, the defaults hold."""

    environment = models.OneToOneField(Environment, models.CASCADE, related_name="verification")
    path = models.CharField(
        "health path", max_length=200, default="/health", help_text="Asked below the environment's address"
    )
    version_path = models.CharField(
        max_length=200, default="/version", blank=True, help_text="Must name the version deployed; empty: not asked"
    )
    delay_s = models.PositiveIntegerField("first look after", default=0, db_default=0, help_text="Seconds")
    interval_s = models.PositiveIntegerField("a look every", default=2, db_default=2, help_text="Seconds")
    steady_s = models.PositiveIntegerField("steady for", default=5, help_text="Seconds without one bad answer")
    timeout_s = models.PositiveIntegerField("at most", default=120, help_text="Seconds until it has failed")

    def __str__(self):
        return f"Verification of {self.environment}"

    @property
    def rights_scope(self) -> Product:
        return self.environment.product


class Check(models.Model):
    """One thing that must be well, beside the environment's own health path: all are asked together in each sample."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="checks")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=CheckKind.choices)
    position = models.PositiveSmallIntegerField(default=0)
    config = models.JSONField(default=dict, blank=True, help_text="What the kind needs; see docs/verification.md")
    secret = EncryptedTextField(blank=True, help_text="Write-only; encrypted at rest")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["environment_id", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["environment", "name"], name="check_once_per_name")]

    def __str__(self):
        return self.name

    @property
    def rights_scope(self) -> Product:
        return self.environment.product


class Sample(models.Model):
    """One look at a deployed environment: all checks together. It is open while a hook called for it has not ended."""

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="samples")
    since = models.DateTimeField(
        null=True, blank=True, help_text="The verifying_since that it belongs to: a name, never compared by order"
    )
    at = models.DateTimeField(default=timezone.now, help_text="When it was opened, by the database's clock")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="When the last of its answers was there")
    asked_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then a worker is asking; once past, that worker is given up"
    )
    ok = models.BooleanField(help_text="Every check was well")
    is_open = models.BooleanField(default=False, db_default=False)
    results = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text='[{"check", "kind", "ok": true, false or null (no answer yet), "detail", "value", "elapsed_ms"}]',
    )
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status of the health path")
    elapsed_ms = models.PositiveIntegerField(null=True, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ["deployment_id", "pk"]

    def __str__(self):
        return f"{'ok' if self.ok else 'not ok'} {self.detail[:40]}"


class Statement(models.Model):
    """What a person says of a manual check of one deployment; the newest of a check counts."""

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="statements")
    since = models.DateTimeField(help_text="The verifying_since that it was made in: it counts for no other")
    check_name = models.CharField(max_length=80)
    ok = models.BooleanField()
    comment = models.TextField(blank=True)
    person = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["deployment_id", "pk"]

    def __str__(self):
        return f"{self.check_name}: {'well' if self.ok else 'not well'}"
