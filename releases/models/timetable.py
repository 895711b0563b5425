"""Times that come again: when an environment may be deployed to, when nothing may be, and what a collision of plans means."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from core import recurrence
from core.spans import Repeating, Span
from releases.models.product import Environment, Product
from releases.querysets import FreezeQuerySet, WindowQuerySet
from releases.states import ConflictKind, Severity, Tier


class Recurring(models.Model):
    """A span of time, once, or again by a rule (RFC 5545, RRULE) that runs over the wall time of a zone.

    `starts_at` and `ends_at` are the first occurrence. Each later one begins and ends at the same time by the clock on the wall.
    """

    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    rule = models.CharField(
        "comes again",
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="As in FREQ=WEEKLY;BYDAY=TU; empty: once",
    )
    zone = models.CharField("time zone", max_length=64, default="UTC", db_default="UTC")
    last_ends_at = models.DateTimeField(
        null=True, blank=True, help_text="When the last occurrence of a rule ends; empty: it has no last one"
    )

    class Meta:
        abstract = True

    @property
    def times(self) -> Repeating:
        return Repeating(self.starts_at, self.ends_at, self.rule, self.zone)

    @property
    def comes_again(self) -> str:
        """`every Friday`, in plain words; "" for what comes once."""
        return recurrence.in_words(self.rule) if self.rule else ""

    def occurrence_at(self, at: datetime) -> Span | None:
        return self.times.occurrence_at(at)

    def next_after(self, at: datetime) -> Span | None:
        return self.times.next_after(at)


class FreezeWindow(Recurring):
    """A time in which nothing is deployed: to production, or anywhere; for some products, or for all."""

    name = models.CharField(max_length=80)
    reason = models.TextField(blank=True)
    products = models.ManyToManyField(
        Product, blank=True, related_name="freezes", help_text="None chosen: all products"
    )
    tiers = models.JSONField(default=list, blank=True, help_text="Tiers that are frozen; empty: production only")
    lifted_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = FreezeQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at"]
        constraints = [models.CheckConstraint(name="freeze_in_order", condition=Q(ends_at__gt=F("starts_at")))]

    def __str__(self):
        return self.name

    @property
    def frozen_tiers(self) -> set[str]:
        return set(self.tiers) or {Tier.PRODUCTION.value}


class DeploymentWindow(Recurring):
    """A time in which an environment may be deployed to. An environment with none may be at any time."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="windows")
    name = models.CharField(max_length=80)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = WindowQuerySet.as_manager()

    class Meta:
        ordering = ["environment_id", "starts_at"]
        constraints = [
            models.CheckConstraint(name="deployment_window_in_order", condition=Q(ends_at__gt=F("starts_at"))),
            models.UniqueConstraint(fields=["environment", "name"], name="deployment_window_once_per_name"),
        ]

    def __str__(self):
        return self.name

    @property
    def rights_scope(self) -> Product:
        return self.environment.product


class ConflictRule(models.Model):
    """How grave a kind of conflict is: for one product, or (without one) for all that say nothing of their own."""

    product = models.ForeignKey(Product, models.CASCADE, null=True, blank=True, related_name="conflict_rules")
    kind = models.CharField(max_length=12, choices=ConflictKind.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "kind"], name="conflict_rule_once", nulls_distinct=False)
        ]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.get_severity_display().lower()}"

    @property
    def rights_scope(self) -> Product | None:
        return self.product
