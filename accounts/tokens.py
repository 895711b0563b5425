"""Sign-in to the API by token: `Authorization: Bearer slw_…`."""

import hashlib
import secrets
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import ApiToken, User

PREFIX = "slw_"
USED_AT_MOST_EVERY = timedelta(minutes=1)


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def hint_of(secret: str) -> str:
    """The first characters of a secret, enough to tell it from others and useless to anyone."""
    return secret[:8]


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class TokenAuthentication(BaseAuthentication):
    """Bearer tokens. Raises AuthenticationFailed for an unknown, expired or disabled one."""

    def authenticate(self, request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() not in ("bearer", "token"):
            return None
        now = timezone.now()
        token = (
            ApiToken.objects.select_related("user")
            .filter(
                Q(expires_at__isnull=True) | Q(expires_at__gt=now), digest=digest_of(words[1]), user__is_active=True
            )
            .first()
        )
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or switched off.")
        if token.last_used_at is None or token.last_used_at < now - USED_AT_MOST_EVERY:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        return token.user, token

    def authenticate_header(self, request) -> str:
        return "Bearer"
