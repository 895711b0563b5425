"""States of a board's meetings and of what is on their agenda."""

from django.db import models


class MeetingState(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    IN_SESSION = "in_session", "In session"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"


class ItemState(models.TextChoices):
    OPEN = "open", "Open"
    IN_DISCUSSION = "in_discussion", "In discussion"
    DECIDED = "decided", "Decided"
    DEFERRED = "deferred", "Deferred"
    DROPPED = "dropped", "Dropped"
