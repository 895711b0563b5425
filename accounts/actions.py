"""Doors of accounts: people, teams and the roles they hold."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from guardian.shortcuts import assign_perm

from accounts import policy
from accounts.models import Grant, Team, User
from accounts.roles import ROLES
from core.blockers import refuse
from core.events import record
from core.locking import locked

SYSTEM = "slipway"


def system_user() -> User:
    """The service account in whose name the system itself acts."""
    user, _ = User.objects.get_or_create(
        username=SYSTEM, defaults={"first_name": "Slipway", "is_service": True, "password": "!"}
    )
    return user


@transaction.atomic(durable=True)
def add_person(*, actor: User, username: str, password: str | None = None, **fields) -> User:
    """Create a person or service account. `fields` are those of the model. Without a password they cannot sign in yet.

    Raises PermissionDenied, or Refused when the user name is taken.
    """
    policy.require(actor, "releases.manage_people")
    if User.objects.filter(username__iexact=username).exists():
        refuse("username-taken", f"There is already somebody called {username}.", field="username")
    user = User(username=username, **fields)
    user.set_password(password)
    user.save()
    record("person.added", user, actor=actor, username=username, is_service=user.is_service)
    return user


def change_person(user_id: int, *, actor: User, **fields) -> User:
    """Change a person's fields (name, email, timezone, is_active). Their own, or with the right to manage people."""
    with locked(User.objects, user_id) as user:
        if actor.pk != user.pk or "is_active" in fields:
            policy.require(actor, "releases.manage_people")
        before = {name: getattr(user, name) for name in fields}
        for name, value in fields.items():
            setattr(user, name, value)
        user.save(update_fields=list(fields))
        changed = {name: [before[name], value] for name, value in fields.items() if before[name] != value}
        if changed:
            record("person.changed", user, actor=actor, changed=changed)
    return user


@transaction.atomic(durable=True)
def give_role(role: str, *, actor: User, user: User | None = None, team: Team | None = None, scope=None) -> Grant:
    """Give a role to a person or a team, on `scope` (a product) or everywhere. Harmless to repeat.

    Raises PermissionDenied, KeyError for an unknown role, Refused when a service account is to sign.
    """
    policy.require(actor, "releases.manage_people")
    if user is not None and user.is_service and ROLES[role].approves:
        refuse("service-never-signs", "A service account cannot hold an approving role.", field="role")
    grant, new = Grant.objects.get_or_create(
        role=role, scope=policy.scope_of(scope), user=user, team=team, defaults={"given_by": actor}
    )
    if new:
        enact(grant, scope)
        record("role.given", user or team, actor=actor, role=role, scope=grant.scope)
    return grant


def take_role(grant_id: int, *, actor: User) -> None:
    """Take a role back. Raises PermissionDenied or Grant.DoesNotExist."""
    with locked(Grant.objects, grant_id) as grant:
        policy.require(actor, "releases.manage_people")
        members = [grant.user] if grant.user else list(grant.team.members.all())
        record("role.taken", grant.user or grant.team, actor=actor, role=grant.role, scope=grant.scope)
        group = Group.objects.get(name=group_name(grant.role, grant.scope))
        grant.delete()
        for member in members:
            if not _still_holds(member, grant.role, grant.scope):
                member.groups.remove(group)


def enact(grant: Grant, scope=None) -> None:
    """Put the people of a grant into the guardian group that carries its rights. Steps shared by doors; call it inside one."""
    group = _group(grant.role, grant.scope, scope)
    for member in [grant.user] if grant.user else grant.team.members.all():
        member.groups.add(group)


def group_name(role: str, scope: str) -> str:
    return f"{role}@{scope or 'everywhere'}"


def _group(role: str, scope_name: str, scope) -> Group:
    group, new = Group.objects.get_or_create(name=group_name(role, scope_name))
    if new:
        for right in ROLES[role].rights:
            app, codename = right.split(".")
            if scope is None:
                group.permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
            else:
                assign_perm(right, group, scope)
    return group


def _still_holds(user: User, role: str, scope: str) -> bool:
    return (
        Grant.objects.filter(role=role, scope=scope, user=user).exists()
        or Grant.objects.filter(role=role, scope=scope, team__members=user).exists()
    )


def set_team_members(team_id: int, members: list[User], *, actor: User) -> Team:
    """Replace a team's members; the rights follow. Raises PermissionDenied or Team.DoesNotExist."""
    with locked(Team.objects, team_id) as team:
        policy.require(actor, "releases.manage_people")
        left = set(team.members.all()) - set(members)
        team.members.set(members)
        for grant in team.grants.all():
            group = Group.objects.filter(name=group_name(grant.role, grant.scope)).first()
            if group is None:
                continue
            for member in members:
                member.groups.add(group)
            for gone in left:
                if not _still_holds(gone, grant.role, grant.scope):
                    gone.groups.remove(group)
        record("team.changed", team, actor=actor, members=[m.pk for m in members])
    return team
