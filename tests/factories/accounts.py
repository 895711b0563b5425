"""People and the roles they hold."""

from itertools import count

from accounts import actions
from accounts.models import Grant, User

_numbers = count(1)


def person(username: str = "", *, roles=(), on=None, **fields) -> User:
    """A person who holds `roles` on the product `on` (None: everywhere). The password is "correct horse battery"."""
    n = next(_numbers)
    username = username or f"person{n}"
    fields.setdefault("first_name", username.capitalize())
    user = User(username=username, email=f"{username}@example.com", **fields)
    user.set_password("correct horse battery")
    user.save()
    for role in roles:
        hold(user, role, on)
    return user


def hold(user: User, role: str, on=None) -> None:
    """Give a role without asking who may."""
    from accounts import policy

    grant, new = Grant.objects.get_or_create(
        role=role, scope=policy.scope_of(on), user=user, defaults={"given_by": actions.system_user()}
    )
    if new:
        actions.enact(grant, on)
    user.__dict__.pop("_rights", None)
