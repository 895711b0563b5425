"""Keys to the API."""

from django.db import models
from django.utils import timezone

from accounts.models.person import User


class ApiToken(models.Model):
    """A key to the API for one person or service account. Only its SHA-256 is kept; it is shown once, when it is made."""

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12, help_text="Its first characters, to tell it from others")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return f"{self.name} ({self.hint}…)"
