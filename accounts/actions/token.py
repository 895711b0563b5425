"""Doors of the keys to the API."""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts import policy
from accounts.actions.administration import MANAGE
from accounts.models import ApiToken, User
from accounts.tokens import digest_of, hint_of, new_secret
from core import moments
from core.blockers import refuse
from core.events import record
from core.locking import locked


@transaction.atomic(durable=True)
def create_token(
    *, actor: User, name: str, expires_at: datetime | None = None, owner: User | None = None
) -> tuple[ApiToken, str]:
    """Make a key for oneself, or for a service account with the right to manage people. Returns it with its secret, told this once.

    Raises PermissionDenied for somebody else's, Refused for an end in the past.
    """
    owner = owner or actor
    _require_own(actor, owner)
    moments.fit(expires_at=expires_at)
    if expires_at is not None and expires_at <= timezone.now():
        refuse("token-expired", "The token would have expired already. Choose a later day.", field="expires_at")
    secret = new_secret()
    token = ApiToken.objects.create(
        user=owner, name=name, digest=digest_of(secret), hint=hint_of(secret), expires_at=expires_at
    )
    record("person.token_made", owner, actor=actor, token=name, hint=token.hint, expires_at=expires_at)
    return token, secret


def revoke_token(token_id: int, *, actor: User) -> None:
    """Make a key useless at once. Raises PermissionDenied for somebody else's, ApiToken.DoesNotExist."""
    with locked(ApiToken.objects.select_related("user"), token_id) as token:
        _require_own(actor, token.user)
        record("person.token_revoked", token.user, actor=actor, token=token.name, hint=token.hint)
        token.delete()


def _require_own(actor: User, owner: User) -> None:
    if actor == owner:
        return
    if not owner.is_service:
        raise PermissionDenied("A person's tokens are their own.")
    policy.require(actor, MANAGE)
