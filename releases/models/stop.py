"""What one authorised person stops at once: a release, a product, an environment."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import User


class Stoppable(models.Model):
    """Something that can be blocked. Doors save it; while the reason stands, no deployment of it, or to it, starts."""

    blocked_reason = models.TextField(blank=True)
    blocked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    blocked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_blocked(self) -> bool:
        return bool(self.blocked_reason)

    def stop(self, reason: str, actor: User) -> None:
        self.blocked_reason, self.blocked_by, self.blocked_at = reason, actor, timezone.now()

    def lift(self) -> str:
        """Take the stop away. Returns the reason that it had."""
        was = self.blocked_reason
        self.blocked_reason, self.blocked_by, self.blocked_at = "", None, None
        return was
