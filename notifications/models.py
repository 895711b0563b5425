"""Who was told what. One row per person and event; mail is one more delivery of the outbox."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models import Event


class Notification(models.Model):
    """One thing one person is told, in the portal's bell and by mail."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    event = models.ForeignKey(Event, models.PROTECT, related_name="notifications")
    kind = models.CharField(max_length=40, help_text="As in vote-needed")
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["recipient", "event", "kind"], name="notification_once")]
        indexes = [
            models.Index(fields=["recipient", "-id"], name="notification_unread", condition=Q(read_at__isnull=True))
        ]

    def __str__(self):
        return f"{self.recipient}: {self.title}"


class Subscription(models.Model):
    """A person's word on one kind of notification; without a row it goes to the bell and by mail."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="subscriptions")
    kind = models.CharField(max_length=40)
    bell = models.BooleanField(default=True)
    mail = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="subscription_once")]

    def __str__(self):
        return f"{self.user}: {self.kind}"
