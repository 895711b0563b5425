"""Who is here: people, service accounts, teams, and the roles each holds where."""

from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.querysets import GrantQuerySet
from accounts.roles import ROLES, Role


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
