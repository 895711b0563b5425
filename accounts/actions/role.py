"""Doors of roles: who holds what, where."""

from accounts import groups, policy
from accounts.actions.administration import administering
from accounts.models import Grant, Team, User
from accounts.roles import ROLES, Role
from core.blockers import refuse
from core.events import record


def give_role(role: str, *, actor: User, user: User | None = None, team: Team | None = None, scope=None) -> Grant:
    """Give a role to a person or a team, on `scope` (a product, or "product:3") or everywhere. Harmless to repeat.

    Raises PermissionDenied, Http404 for a product out of the actor's sight, KeyError for an unknown role, and Refused when a
    service account is to sign, when the person has left, or when somebody gives themselves a role that approves.
    """
    what, where = ROLES[role], policy.scope_of(scope)
    with administering(actor, where):
        for member in _people(user, team):
            check_may_hold(member, what, actor)
        if user is not None and not user.is_active:
            refuse("person-left", f"{user.name} is switched off. Switch the account on first.", field="user")
        grant, new = Grant.objects.get_or_create(
            role=role, scope=where, user=user, team=team, defaults={"given_by": actor}
        )
        if new:
            enact(grant)
            record("role.given", user or team, actor=actor, role=role, scope=where)
    return grant


def check_may_hold(user: User, role: Role, actor: User) -> None:
    """Raise Refused where a service account would sign, or somebody would make an approver of themselves (two persons)."""
    if not role.approves:
        return
    if user.is_service:
        refuse(
            "service-never-signs", f"{user.name} is a service account and cannot hold an approving role.", field="role"
        )
    if user == actor:
        refuse(
            "approver-by-another",
            f"Nobody gives themselves an approving role such as {role.name}. Ask another administrator.",
            field="role",
        )


def take_role(grant_id: int, *, actor: User) -> None:
    """Take a role back. Raises PermissionDenied, Http404, Grant.DoesNotExist, or Refused when no administrator would be left."""
    with administering(actor, Grant.objects.values_list("scope", flat=True).get(pk=grant_id)):
        grant = Grant.objects.select_related("user", "team").get(pk=grant_id)
        record("role.taken", grant.user or grant.team, actor=actor, role=grant.role, scope=grant.scope)
        grant.delete()
        groups.fall_out(_people(grant.user, grant.team), grant.role, grant.scope)


def enact(grant: Grant, scope=None) -> None:
    """Put the people of a grant into the group that carries its rights. A step shared by doors; call it inside one."""
    groups.put_in(_people(grant.user, grant.team), grant.role, grant.scope)


def _people(user: User | None, team: Team | None) -> list[User]:
    return [user] if user is not None else list(team.members.all())
