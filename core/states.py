"""States of what core itself keeps."""

from django.db import models


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    CLAIMED = "claimed", "Claimed"
    DONE = "done", "Done"
    DEAD = "dead", "Given up"
