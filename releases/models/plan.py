"""The parts of a plan: dependencies, risks, the way back."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from releases.models.product import Product
from releases.models.release import Release
from releases.states import RiskBand, RollbackMethod, Treatment


class Dependency(models.Model):
    """A release needs another one. `must_ship_first`: that one must be released before this one is deployed."""

    release = models.ForeignKey(Release, models.CASCADE, related_name="dependencies")
    needs = models.ForeignKey(Release, models.PROTECT, related_name="needed_by")
    must_ship_first = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "dependencies"
        constraints = [
            models.UniqueConstraint(fields=["release", "needs"], name="dependency_once"),
            models.CheckConstraint(name="dependency_not_on_itself", condition=~Q(release=F("needs"))),
        ]

    def __str__(self):
        return f"{self.release} needs {self.needs}"


_SCALE = [MinValueValidator(1), MaxValueValidator(5)]
HIGH_FROM, MEDIUM_FROM = 15, 6


class Risk(models.Model):
    """Something that may go wrong, rated impact × likelihood (each 1 to 5), and what is done about it."""

    release = models.ForeignKey(Release, models.CASCADE, related_name="risks")
    title = models.CharField(max_length=200)
    impact = models.PositiveSmallIntegerField(validators=_SCALE)
    likelihood = models.PositiveSmallIntegerField(validators=_SCALE)
    treatment = models.CharField(max_length=10, choices=Treatment.choices, default=Treatment.UNDECIDED)
    plan = models.TextField(blank=True, help_text="How it is mitigated, or why it is accepted")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="owned_risks"
    )
    treated_at = models.DateTimeField(
        null=True, blank=True, help_text="When the treatment was in place, or the acceptance signed"
    )
    treated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["release_id", "-impact", "-likelihood", "pk"]
        constraints = [
            models.CheckConstraint(name="risk_on_scale", condition=Q(impact__range=(1, 5), likelihood__range=(1, 5))),
        ]

    def __str__(self):
        return self.title

    @property
    def rights_scope(self) -> Product:
        return self.release.product

    @property
    def score(self) -> int:
        return self.impact * self.likelihood

    @property
    def band(self) -> RiskBand:
        return (
            RiskBand.HIGH if self.score >= HIGH_FROM else RiskBand.MEDIUM if self.score >= MEDIUM_FROM else RiskBand.LOW
        )


class RollbackPlan(models.Model):
    """How a release is undone, by whom, when, and until when that is possible."""

    release = models.OneToOneField(Release, models.CASCADE, related_name="rollback_plan")
    method = models.CharField(max_length=10, choices=RollbackMethod.choices, default=RollbackMethod.REDEPLOY)
    trigger = models.TextField(blank=True, help_text="What makes us roll back, as something one can measure")
    steps = models.TextField(blank=True)
    expected_minutes = models.PositiveIntegerField(null=True, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    point_of_no_return = models.TextField(blank=True, help_text="After what it is no longer possible; empty: never")
    rehearsed_at = models.DateTimeField(null=True, blank=True)
    automatic = models.BooleanField(default=False, help_text="Roll back by itself when the verification fails")
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"Rollback plan of {self.release}"

    @property
    def rights_scope(self) -> Product:
        return self.release.product
