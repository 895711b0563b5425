"""Reads of grants and absences by name. Every method returns a queryset."""

from datetime import datetime

from django.db import models
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone


class GrantQuerySet(models.QuerySet):
    def in_force(self):
        """Without those of people who are switched off."""
        return self.exclude(user__is_active=False)

    def first_of_each_role(self, count: int):
        """The first `count` grants of each role, the oldest first."""
        place = Window(RowNumber(), partition_by=[F("role")], order_by=[F("given_at"), F("pk")])
        return self.annotate(place=place).filter(place__lte=count).order_by("role", "place")


class AbsenceQuerySet(models.QuerySet):
    def standing(self):
        """Not cancelled; those that are over stand as well."""
        return self.filter(cancelled_at__isnull=True)

    def ahead(self):
        """Not over: running now, or still to come."""
        return self.filter(ends_at__gt=timezone.now())

    def running(self):
        """Those of right now."""
        return self.covering(now := timezone.now(), now)

    def covering(self, start: datetime, end: datetime):
        """Each of which alone holds all of start to end, or the instant where both are the same."""
        return self.filter(starts_at__lte=start, ends_at__gte=end, ends_at__gt=start)

    def touching(self, start: datetime, end: datetime):
        """That share some time with start to end."""
        return self.filter(starts_at__lt=end, ends_at__gt=start)
