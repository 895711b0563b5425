"""Reads of grants by name. Every method returns a queryset."""

from django.db import models
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber


class GrantQuerySet(models.QuerySet):
    def seen_by(self, reader):
        """Grants everywhere, and those on products in the reader's sight."""
        from accounts import policy

        seen = policy.where_may(reader, policy.SEE)
        return self if seen is None else self.filter(Q(scope="") | Q(scope__in=[f"product:{pk}" for pk in seen]))

    def in_force(self):
        """Without those of people who are switched off."""
        return self.exclude(user__is_active=False)

    def first_of_each_role(self, count: int):
        """The first `count` grants of each role, the oldest first."""
        place = Window(RowNumber(), partition_by=[F("role")], order_by=[F("given_at"), F("pk")])
        return self.annotate(place=place).filter(place__lte=count).order_by("role", "place")
