"""Doors of people and service accounts."""

import secrets

from accounts import policy
from accounts.actions.administration import administering
from accounts.models import ApiToken, User
from core.blockers import refuse
from core.events import record
from core.locking import locked

SYSTEM = "slipway"
OWN = frozenset({"first_name", "last_name", "email", "timezone", "keys_on"})
KEPT = frozenset({"is_active"})  # what only those who keep people change


def system_user() -> User:
    """The service account in whose name the system itself acts."""
    user, _ = User.objects.get_or_create(
        username=SYSTEM, defaults={"first_name": "Slipway", "is_service": True, "password": "!"}
    )
    return user


def add_person(*, actor: User, username: str, password: str | None = None, is_service: bool = False, **fields) -> User:
    """Create a person or service account. `fields`: first_name, last_name, email, timezone, keys_on.

    Without a password a person cannot sign in; a service account never does, it has tokens. Raises PermissionDenied, TypeError for
    other fields, or Refused when the user name is taken.
    """
    _only(fields, OWN)
    with administering(actor):
        if User.objects.filter(username__iexact=username).exists():
            refuse("username-taken", f"There is already somebody called {username}.", field="username")
        user = User(username=username, is_service=is_service, **fields)
        user.set_password(None if is_service else password)
        user.save()
        record("person.added", user, actor=actor, username=username, is_service=is_service)
    return user


def change_person(user_id: int, *, actor: User, **fields) -> User:
    """Change a person: first_name, last_name, email, timezone, keys_on; their own, or with the right to manage people.

    `is_active=False` takes sessions, tokens and the calendar feed away at once; only those who keep people may, and not for
    themselves. Raises PermissionDenied, User.DoesNotExist, TypeError for other fields, or Refused. Records nothing when
    nothing differs.
    """
    _only(fields, OWN | KEPT)
    if actor.pk != user_id or fields.keys() & KEPT:
        with administering(actor):
            return _change(User.objects.select_for_update(no_key=True).get(pk=user_id), actor, fields)
    with locked(User.objects, user_id) as user:
        return _change(user, actor, fields)


def _change(user: User, actor: User, fields: dict) -> User:
    changed = {name: [getattr(user, name), value] for name, value in fields.items() if getattr(user, name) != value}
    if not changed:
        return user
    for name in changed:
        setattr(user, name, fields[name])
    if "is_active" in changed:
        _check_may_leave(user, actor)
        _end_access(user)
    user.save()
    record("person.changed", user, actor=actor, changed=changed)
    return user


def _check_may_leave(user: User, actor: User) -> None:
    if user == actor:
        refuse("own-account", "Nobody switches their own account off. Ask another administrator.")
    if user.username == SYSTEM:
        refuse("system-account", "Slipway acts in the name of this account. It stays on.")


def _end_access(user: User) -> None:
    """Let every session, token and feed address of a person end. The caller saves."""
    user.session_epoch += 1
    user.feed_token = None
    ApiToken.objects.filter(user=user).delete()


def change_password(*, actor: User, password: str) -> User:
    """Set the actor's own password, already judged. Every other session of theirs ends."""
    with locked(User.objects, actor.pk) as user:
        policy.require_person(user)
        user.set_password(password)
        user.save(update_fields=["password"])
        record("person.password_changed", user, actor=actor)
    return user


def sign_out_everywhere(*, actor: User) -> User:
    """End every session of the actor's, on all their devices."""
    with locked(User.objects, actor.pk) as user:
        user.session_epoch += 1
        user.save(update_fields=["session_epoch"])
        record("person.signed_out_everywhere", user, actor=actor)
    return user


def renew_feed_token(*, actor: User) -> User:
    """Give the actor a new secret address of their calendar feed; the old one stops at once."""
    with locked(User.objects, actor.pk) as user:
        user.feed_token = secrets.token_urlsafe(32)
        user.save(update_fields=["feed_token"])
        record("person.feed_renewed", user, actor=actor)
    return user


def _only(fields: dict, allowed: frozenset[str]) -> None:
    if unknown := fields.keys() - allowed:
        raise TypeError(f"This door does not set {', '.join(sorted(unknown))}.")
