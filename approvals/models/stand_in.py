"""Who votes for whom while somebody is away."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from approvals.querysets import DelegationQuerySet
from releases.models import Product

PERSON = settings.AUTH_USER_MODEL


class Delegation(models.Model):
    """One person's places, filled by another between two instants: on one product or all, for one selector or all.

    It never goes onward: only places held in one's own name are filled by the stand-in. It is ended, never deleted.
    """

    person = models.ForeignKey(PERSON, models.PROTECT, related_name="delegations", help_text="Whose places")
    stand_in = models.ForeignKey(PERSON, models.PROTECT, related_name="standing_in", help_text="Who votes meanwhile")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    product = models.ForeignKey(Product, models.CASCADE, null=True, blank=True, related_name="+")
    who = models.CharField(max_length=80, blank=True, help_text="One selector, as in role:qa-approver; empty: all")
    reason = models.TextField(blank=True)
    created_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-pk"]
        constraints = [
            models.CheckConstraint(name="delegation_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(name="delegation_to_another", condition=~Q(person=F("stand_in"))),
        ]

    def __str__(self):
        return f"{self.stand_in} for {self.person}"

    @property
    def rights_scope(self) -> Product | None:
        return self.product
