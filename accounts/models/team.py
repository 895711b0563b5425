"""Teams, and the roles that people and teams hold where."""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models.person import User
from accounts.querysets import GrantQuerySet
from accounts.roles import ROLES, Role


class Team(models.Model):
    """People who hold roles together."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    lead = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="leads")
    members = models.ManyToManyField(User, related_name="teams", blank=True)

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("accounts:team", args=[self.slug])


class Grant(models.Model):
    """A role given to a person or a team: for one scope ("product:3"), or everywhere where the scope is empty.

    The rights themselves live in a guardian group per role and scope; `actions.give_role` keeps both together.
    """

    role = models.CharField(max_length=40)
    scope = models.CharField(max_length=80, blank=True)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="grants")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="grants")
    given_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(default=timezone.now)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="grant_to_person_or_team", condition=Q(user__isnull=True) ^ Q(team__isnull=True)
            ),
            models.UniqueConstraint(
                fields=["role", "scope", "user"], condition=Q(user__isnull=False), name="grant_once_per_person"
            ),
            models.UniqueConstraint(
                fields=["role", "scope", "team"], condition=Q(team__isnull=False), name="grant_once_per_team"
            ),
        ]

    def __str__(self):
        return f"{self.role} in {self.scope or 'everything'} for {self.user or self.team}"

    @property
    def what(self) -> Role:
        """The role in the table of roles; one that is no longer there has no rights."""
        return ROLES.get(self.role) or Role(self.role, self.role, "is no role any more", frozenset())
