"""When somebody is at work: the hours of their week, and the times they are away."""

from datetime import time

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.person import User
from accounts.querysets import AbsenceQuerySet


def monday_to_friday() -> list[int]:
    """ISO weekday numbers: 1 is Monday."""
    return [1, 2, 3, 4, 5]


class WorkingHours(models.Model):
    """The week of one person, in their own time zone. Who has none works Monday to Friday, 9 to 17, without holidays.

    Hours that end before they start run into the next day (a night shift) and belong to the day on which they start.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="working_hours")
    weekdays = models.JSONField(default=monday_to_friday, help_text="ISO numbers: 1 is Monday, 7 is Sunday")
    starts = models.TimeField(default=time(9))
    ends = models.TimeField(default=time(17))
    country = models.CharField(max_length=8, blank=True, help_text="ISO 3166 code; its public holidays are free")
    subdivision = models.CharField(
        max_length=64, blank=True, help_text="Its part, such as BY, with holidays of its own"
    )

    class Meta:
        verbose_name_plural = "working hours"
        constraints = [
            models.CheckConstraint(name="hours_last", condition=~Q(starts=F("ends"))),
            models.CheckConstraint(name="hours_part_of_country", condition=Q(subdivision="") | ~Q(country="")),
        ]

    def __str__(self):
        return f"{self.starts:%H:%M} to {self.ends:%H:%M}"


class Absence(models.Model):
    """A time in which a person is away: planned ahead, cancelled before it starts, or ended early. The row stays."""

    user = models.ForeignKey(User, models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="The instant they are back")
    note = models.CharField(max_length=200, blank=True, help_text="Read by the person and those who keep their hours")
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "pk"]
        constraints = [
            models.CheckConstraint(name="absence_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(
                name="absence_cancelled_by_somebody",
                condition=Q(cancelled_at__isnull=True, cancelled_by__isnull=True)
                | Q(cancelled_at__isnull=False, cancelled_by__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["user", "ends_at"], name="absence_by_person_and_end")]

    def __str__(self):
        return f"{self.user} away"
