"""Who has an environment, and when: spans that cannot overlap, and candidates that may not go on."""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils import timezone

from deployments.models.deployment import Deployment
from deployments.querysets import BookingQuerySet
from releases.models import Candidate, Environment, Product

PERSON = settings.AUTH_USER_MODEL


class Span(Func):
    """The half-open range between two instants."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Booking(models.Model):
    """An environment taken for a planned deployment between two instants. The database lets no two of them overlap."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="bookings")
    deployment = models.OneToOneField(Deployment, models.CASCADE, related_name="booking")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    is_active = models.BooleanField(default=True, help_text="False once the deployment ended or gave it up")
    created_at = models.DateTimeField(default=timezone.now)

    objects = BookingQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(name="booking_in_order", condition=Q(ends_at__gt=F("starts_at"))),
            ExclusionConstraint(
                name="booking_no_overlap",
                expressions=[
                    # An environment as a range of one: equality in GiST without an extension.
                    (
                        Func(F("environment"), F("environment"), Value("[]"), function="INT8RANGE"),
                        RangeOperators.OVERLAPS,
                    ),
                    (Span("starts_at", "ends_at", Value("[)")), RangeOperators.OVERLAPS),
                ],
                condition=Q(is_active=True),
            ),
        ]

    def __str__(self):
        return f"{self.environment} from {self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def rights_scope(self) -> Product:
        return self.environment.product


class Standstill(models.Model):
    """A candidate that stays where it is: it enters no environment of a phase that it has not reached, until somebody lets it."""

    candidate = models.ForeignKey(Candidate, models.PROTECT, related_name="standstills")
    reason = models.TextField()
    begun_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    ended_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["candidate"], condition=Q(ended_at__isnull=True), name="standstill_one")
        ]

    def __str__(self):
        return f"Standstill of {self.candidate}"

    @property
    def rights_scope(self) -> Product:
        return self.candidate.rights_scope
