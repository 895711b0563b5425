"""People, teams, the roles they hold, and when they work."""

from datetime import datetime, timedelta
from itertools import count

from django.utils import timezone

from accounts import actions, policy
from accounts.models import Absence, Grant, Team, User, WorkingHours

PASSWORD = "correct horse battery"
_numbers = count(1)


def person(username: str = "", *, roles=(), on=None, **fields) -> User:
    """A person who holds `roles` on the product `on` (None: everywhere). The password is "correct horse battery"."""
    n = next(_numbers)
    username = username or f"person{n}"
    fields.setdefault("first_name", username.capitalize())
    user = User(username=username, **({"email": f"{username}@example.com"} | fields))
    user.set_password(PASSWORD)
    user.save()
    for role in roles:
        hold(user, role, on)
    return user


def team(name: str = "", members=(), **fields) -> Team:
    n = next(_numbers)
    made = Team.objects.create(name=name or f"Team {n}", slug=fields.pop("slug", f"team-{n}"), **fields)
    made.members.set(members)
    return made


def hold(holder: User | Team, role: str, on=None) -> None:
    """Give a person or a team a role without asking who may."""
    who = {"team": holder} if isinstance(holder, Team) else {"user": holder}
    grant = Grant(role=role, scope=policy.scope_of(on), given_by=actions.system_user(), **who)
    Grant.objects.bulk_create([grant], ignore_conflicts=True)  # a repeat is harmless, and one statement does
    actions.enact(grant)
    holder.__dict__.pop("_rights", None)


def hours(user: User, **fields) -> WorkingHours:
    return WorkingHours.objects.create(user=user, **fields)


def absence(user: User, starts_at: datetime | None = None, ends_at: datetime | None = None, **fields) -> Absence:
    """An absence of a day from tomorrow on, or from and to the instants given."""
    starts_at = starts_at or timezone.now() + timedelta(days=1)
    fields.setdefault("added_by", user)
    return Absence.objects.create(
        user=user, starts_at=starts_at, ends_at=ends_at or starts_at + timedelta(days=1), **fields
    )
