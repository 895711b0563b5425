"""People and service accounts."""

from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils.crypto import salted_hmac


def known_timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"{name} is not a time zone, such as Europe/Berlin.")


class User(AbstractUser):
    """A person or a service account. Service accounts report and enact; they never sign."""

    email = models.EmailField(blank=True)
    timezone = models.CharField(max_length=64, default="UTC", validators=[known_timezone])
    is_service = models.BooleanField("service account", default=False)
    feed_token = models.CharField(
        max_length=64, unique=True, null=True, blank=True, help_text="Secret of the calendar feed"
    )
    keys_on = models.BooleanField("single-key shortcuts", default=True)
    session_epoch = models.PositiveIntegerField(default=0, help_text="Raising it ends every session of this person")

    def __str__(self):
        return self.name

    @property
    def name(self) -> str:
        return self.get_full_name() or self.username

    @property
    def first(self) -> str:
        return self.first_name or self.username

    def get_absolute_url(self) -> str:
        return reverse("accounts:person", args=[self.pk])

    def _get_session_auth_hash(self, secret=None) -> str:
        """What a session must carry to stand: ends with the password and with the epoch (Django checks it on each request)."""
        content = f"{self.session_epoch}:{self.password}"
        return salted_hmac("accounts.session", content, secret=secret, algorithm="sha256").hexdigest()
