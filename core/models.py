"""The event log and the outbox. Events are append-only in the database itself: see the migration's trigger and revoked rights."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.states import DeliveryState


class Event(models.Model):
    """One thing that happened, chained by digest to the event before it in its stream ("release:42")."""

    stream = models.CharField(max_length=80)
    seq = models.PositiveIntegerField(help_text="Position in the stream, from 1 without gaps")
    name = models.CharField(max_length=80, help_text="Past tense, as in release.planned")
    scope = models.CharField(
        max_length=80, blank=True, help_text="Whose rights decide who may read it, as in product:3"
    )
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="events")
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="events_on_behalf"
    )
    at = models.DateTimeField()
    payload = models.JSONField(default=dict)
    previous = models.CharField(
        max_length=64, blank=True, help_text="Digest of the event before it; empty for the first"
    )
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "seq"], name="event_once_per_position")]
        indexes = [
            models.Index(fields=["scope", "-id"], name="event_by_scope"),
            models.Index(fields=["name", "-id"], name="event_by_name"),
            models.Index(fields=["at"], name="event_by_time"),
        ]

    def __str__(self):
        return f"{self.stream}#{self.seq} {self.name}"


class StreamHead(models.Model):
    """The last event of each stream: the lock that orders a stream, and what a dropped last event would contradict."""

    stream = models.CharField(max_length=80, primary_key=True)
    seq = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)

    def __str__(self):
        return f"{self.stream}#{self.seq}"


class Checkpoint(models.Model):
    """A signed note of the heads that moved since the checkpoint before, so that a rewritten stream shows."""

    at = models.DateTimeField(default=timezone.now)
    heads = models.JSONField(help_text="{stream: [seq, digest]} of every stream that moved")
    previous = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=64)

    def __str__(self):
        return f"checkpoint {self.pk} ({len(self.heads)} streams)"


class Delivery(models.Model):
    """The outbox: one consumer's answer to one event, due until done."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries")
    consumer = models.CharField(max_length=80)
    target = models.CharField(
        max_length=80, blank=True, help_text="Whom or what this one is for, where an event fans out"
    )
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    due_at = models.DateTimeField(
        default=timezone.now, help_text="When it is to be tried (again); a claim's end while claimed"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["event", "consumer", "target"], name="delivery_once_per_consumer")
        ]
        indexes = [models.Index(fields=["due_at"], name="delivery_due", condition=Q(state__in=["waiting", "claimed"]))]

    def __str__(self):
        return f"{self.consumer} for event {self.event_id}: {self.state}"

    @property
    def key(self) -> str:
        """The idempotency key of this delivery: the same for each attempt."""
        return f"event-{self.event_id}-{self.consumer}" + (f"-{self.target}" if self.target else "")
