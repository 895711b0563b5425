"""What runs in an environment by the word of somebody else: a report from outside, or the service's own answer."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from deployments.querysets import SightingQuerySet
from deployments.states import Source
from releases.models import Candidate, Change, Environment, Product

PERSON = settings.AUTH_USER_MODEL


class Sighting(models.Model):
    """A version that was put into an environment (or, empty, taken out of it) without Slipway. Never changed, but for `change`."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="sightings")
    version = models.CharField(max_length=80, blank=True, help_text="Empty: the service was removed")
    commit = models.CharField(max_length=64, blank=True)
    artifact = models.CharField(max_length=500, blank=True, help_text="Digest or package URL of what was deployed")
    candidate = models.ForeignKey(
        Candidate, models.PROTECT, null=True, blank=True, related_name="sightings", help_text="The one it is, if known"
    )
    at = models.DateTimeField(help_text="When it was deployed, by the word of who reported it")
    received_at = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=10, choices=Source.choices)
    event_id = models.CharField(max_length=200, blank=True, help_text="A repeat of the report has the same one")
    reported_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    change = models.ForeignKey(
        Change,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="sightings",
        help_text="The unauthorised change it opened",
    )

    objects = SightingQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "event_id"], condition=~Q(event_id=""), name="sighting_once")
        ]
        indexes = [models.Index(fields=["environment", "-at"], name="sighting_by_environment")]

    def __str__(self):
        return f"{self.version or 'nothing'} in {self.environment}"

    @property
    def rights_scope(self) -> Product:
        return self.environment.product


class Health(models.Model):
    """How an environment was when it was last asked, without a deployment going on. Written anew at each look."""

    environment = models.OneToOneField(Environment, models.CASCADE, related_name="health")
    ok = models.BooleanField(null=True, help_text="Empty: not asked yet")
    since = models.DateTimeField(default=timezone.now, help_text="Since when it is as it is")
    detail = models.TextField(blank=True)
    version = models.CharField(max_length=80, blank=True, help_text="What its version path answers")
    at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now, help_text="When it is asked next, or until when somebody asks")

    class Meta:
        verbose_name_plural = "health"
        indexes = [models.Index(fields=["due_at"], name="health_due")]

    def __str__(self):
        return f"{self.environment} is {'not asked yet' if self.ok is None else 'well' if self.ok else 'not well'}"

    @property
    def rights_scope(self) -> Product:
        return self.environment.product
