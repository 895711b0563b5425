"""Reads of deployments by their domain names."""

from django.db import models
from django.utils import timezone

from accounts import policy
from deployments.states import ENDED, HOLDS_ENVIRONMENT, WAITING, DeploymentState


class DeploymentQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "release__product_id")

    def live(self):
        """Those that hold their environment."""
        return self.filter(state__in=HOLDS_ENVIRONMENT)

    def waiting(self):
        return self.filter(state__in=WAITING)

    def ended(self):
        return self.filter(state__in=ENDED)

    def verified(self):
        """Those after which the candidate ran in its environment, proven by its verification."""
        return self.filter(state=DeploymentState.SUCCEEDED)

    def due(self):
        return self.filter(due_at__lte=timezone.now())
