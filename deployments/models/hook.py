"""A hook: how one environment of one product is reached by one tool."""

from django.db import models

from core.secrets import EncryptedTextField
from deployments.querysets import HookQuerySet
from deployments.states import OnFailure, Purpose
from releases.models import Environment, Product


class Hook(models.Model):
    """One call to make when an environment is deployed to, rolled back or verified; `position` orders the calls."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="hooks")
    name = models.CharField(max_length=80)
    on = models.CharField("when", max_length=10, choices=Purpose.choices, default=Purpose.DEPLOY)
    position = models.PositiveSmallIntegerField(default=0)
    driver = models.CharField(max_length=30)
    config = models.JSONField(default=dict, help_text="What the driver needs; see docs/hooks.md")
    secret = EncryptedTextField(blank=True, help_text="Write-only; encrypted at rest")
    timeout_s = models.PositiveIntegerField(default=600, help_text="Seconds until the run is ended")
    on_failure = models.CharField(
        "when it fails",
        max_length=5,
        choices=OnFailure.choices,
        default=OnFailure.FAIL,
        help_text="An unknown outcome always asks",
    )
    point_of_no_return = models.BooleanField(
        default=False, db_default=False, help_text="Once it succeeded, the deployment cannot be rolled back"
    )
    is_active = models.BooleanField(default=True)

    objects = HookQuerySet.as_manager()

    class Meta:
        ordering = ["environment_id", "on", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["environment", "on", "name"], name="hook_once_per_name")]

    def __str__(self):
        return self.name

    @property
    def rights_scope(self) -> Product:
        return self.environment.product
