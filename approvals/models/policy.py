"""Who has to agree to what: an ordered table of policies, each with its rules."""

from django.db import models

from accounts.roles import ROLES
from approvals.states import Facet, Subject
from releases.models import Product


class Policy(models.Model):
    """One row of the decision table. Empty conditions match all; the first active row that matches decides."""

    name = models.CharField(max_length=100, unique=True)
    subject = models.CharField(max_length=10, choices=Subject.choices)
    position = models.PositiveSmallIntegerField(default=100, help_text="Rows are asked in this order")
    product = models.ForeignKey(Product, models.CASCADE, null=True, blank=True, related_name="policies")
    strategies = models.JSONField(default=list, blank=True, help_text="Of a release; empty: any")
    change_types = models.JSONField(default=list, blank=True, help_text="Of a change; empty: any")
    risk_bands = models.JSONField(default=list, blank=True, help_text="Highest open risk; empty: any")
    deadline_hours = models.PositiveIntegerField(default=72)
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "policies"
        ordering = ["subject", "position", "pk"]

    def __str__(self):
        return self.name

    @property
    def rights_scope(self) -> Product | None:
        return self.product


class Rule(models.Model):
    """n of a role. `facets` are what its voters watch: a later edit of one makes their votes stale."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="rules")
    role = models.CharField(max_length=40)
    need = models.PositiveSmallIntegerField(default=1)
    veto = models.BooleanField(default=True, help_text="One rejection ends the request")
    facets = models.JSONField(default=list, blank=True, help_text="Watched facets; empty: all")

    class Meta:
        ordering = ["policy_id", "pk"]
        constraints = [models.UniqueConstraint(fields=["policy", "role"], name="rule_once_per_role")]

    def __str__(self):
        return f"{self.need} of {self.role}"

    @property
    def role_name(self) -> str:
        return ROLES[self.role].name if self.role in ROLES else self.role

    @property
    def watched(self) -> set[str]:
        return set(self.facets) or set(Facet.values)
