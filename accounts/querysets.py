"""Reads of grants by name. Every method returns a queryset."""

from django.db import models
from django.db.models import F, Window
from django.db.models.functions import RowNumber


class GrantQuerySet(models.QuerySet):
    def in_force(self):
        """Without those of people who are switched off."""
        return self.exclude(user__is_active=False)

    def first_of_each_role(self, count: int):
        """The first `count` grants of each role, the oldest first."""
        place = Window(RowNumber(), partition_by=[F("role")], order_by=[F("given_at"), F("pk")])
        return self.annotate(place=place).filter(place__lte=count).order_by("role", "place")
