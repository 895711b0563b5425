"""The guardian groups that carry the rights of roles: one per role and scope, with everybody who holds the role there.

`Grant` says who holds what; the groups are what Django and guardian read. `put_in` and `fall_out` keep both in step, and
`renew` does so after the table of roles has changed.
"""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission
from django.db.models import F, Q
from guardian.models import GroupObjectPermission

from accounts import scopes
from accounts.models import Grant, User
from accounts.roles import ROLES

EVERYWHERE = "everywhere"


def group_name(role: str, scope: str) -> str:
    """ "deployer@product:3", "deployer@everywhere"."""
    return f"{role}@{scope or EVERYWHERE}"


def put_in(users: Iterable[User], role: str, scope: str) -> None:
    """Let users hold a role on a scope ("product:3", "" for everywhere). The group is made with its rights when it is new."""
    group, new = Group.objects.get_or_create(name=group_name(role, scope))
    if new:
        _give_rights(group, role, scope)
    group.user_set.add(*users)


def fall_out(users: Iterable[User], role: str, scope: str) -> None:
    """Take those users out of a role's group whom no grant, their own or a team's, holds in it any more."""
    ids = {user.pk for user in users}
    grants = Grant.objects.filter(role=role, scope=scope)
    held = User.objects.filter(pk__in=ids).filter(Q(grants__in=grants) | Q(teams__grants__in=grants))
    group = Group.objects.filter(name=group_name(role, scope)).first()
    if group:
        group.user_set.remove(*(ids - set(held.values_list("pk", flat=True))))


def renew() -> None:
    """Give each group the rights that its role has now: for the day on which an upgrade changes the table of roles."""
    for group in Group.objects.filter(name__contains="@"):
        role, scope = group.name.split("@", 1)
        _give_rights(group, role, "" if scope == EVERYWHERE else scope)


def _give_rights(group: Group, role: str, scope: str) -> None:
    """Set exactly the rights of a role, none where the role is unknown."""
    wanted = _permissions(ROLES[role].rights if role in ROLES else ())
    if not scope:
        group.permissions.set(wanted)
        return
    kind, pk = scopes.kind(), scope.split(":")[1]
    rows = GroupObjectPermission.objects.filter(group=group, content_type=kind, object_pk=pk)
    held, ids = set(rows.values_list("permission_id", flat=True)), {permission.pk for permission in wanted}
    if held - ids:
        rows.exclude(permission__in=ids).delete()
    GroupObjectPermission.objects.bulk_create(
        GroupObjectPermission(group=group, content_type=kind, object_pk=pk, permission=permission)
        for permission in wanted
        if permission.pk not in held
    )


def _permissions(rights: Iterable[str]) -> list[Permission]:
    """The rows behind "app.codename". Asked for by both names at once, as one pair after the other is slow to put into SQL."""
    pairs = {tuple(right.split(".")) for right in rights}
    apps, codenames = {app for app, _ in pairs}, {codename for _, codename in pairs}
    rows = Permission.objects.filter(content_type__app_label__in=apps, codename__in=codenames).order_by()
    return [row for row in rows.annotate(app=F("content_type__app_label")) if (row.app, row.codename) in pairs]
