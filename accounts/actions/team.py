"""Doors of teams. Whoever joins gets the team's roles, whoever leaves loses those that nothing else gives them."""

from collections.abc import Iterable

from django.utils.text import slugify

from accounts import groups
from accounts.actions.administration import administering
from accounts.actions.role import check_may_hold
from accounts.models import Team, User
from accounts.roles import ROLES
from core.blockers import refuse
from core.events import record


def add_team(*, actor: User, name: str, lead: User | None = None, members: Iterable[User] = ()) -> Team:
    """Make a team. Raises PermissionDenied, or Refused when the name is taken."""
    with administering(actor):
        _check_name(name)
        team = Team.objects.create(name=name, slug=_slug(name), lead=lead)
        team.members.set(members)
        record("team.added", team, actor=actor, name=name, members=[m.pk for m in members])
    return team


def change_team(team_id: int, *, actor: User, name: str, lead: User | None = None) -> Team:
    """Set a team's name and lead. Its address stays. Raises PermissionDenied, Team.DoesNotExist, or Refused."""
    with administering(actor):
        team = Team.objects.select_for_update(no_key=True).get(pk=team_id)
        _check_name(name, team)
        changed = {
            field: [was, now]
            for field, was, now in [("name", team.name, name), ("lead", team.lead_id, lead.pk if lead else None)]
            if was != now
        }
        if changed:
            team.name, team.lead = name, lead
            team.save()
            record("team.changed", team, actor=actor, changed=changed)
    return team


def _slug(name: str) -> str:
    """The team's address; `new` is the page that makes teams."""
    slug = slugify(name)[:80]
    return "new-team" if slug == "new" else slug


def _check_name(name: str, team: Team | None = None) -> None:
    others = Team.objects.exclude(pk=team.pk if team else None)
    if not slugify(name):
        refuse("team-name", "A team's name needs letters or digits.", field="name")
    if others.filter(name__iexact=name).exists() or (not team and others.filter(slug=_slug(name)).exists()):
        refuse("team-name-taken", f"There is already a team called {name}.", field="name")


def set_team_members(team_id: int, members: Iterable[User], *, actor: User) -> Team:
    """Replace a team's members; the rights follow. Raises PermissionDenied, Team.DoesNotExist, or Refused (see `give_role`)."""
    with administering(actor):
        team = Team.objects.get(pk=team_id)
        was, now = set(team.members.all()), set(members)
        _move(team, joining=now - was, leaving=was - now, actor=actor)
    return team


def join_team(team_id: int, user_id: int, *, actor: User) -> Team:
    """Let somebody join; harmless to repeat. Raises as `set_team_members`, and User.DoesNotExist."""
    with administering(actor):
        team, user = Team.objects.get(pk=team_id), User.objects.get(pk=user_id)
        _move(team, joining={user} - set(team.members.all()), leaving=set(), actor=actor)
    return team


def leave_team(team_id: int, user_id: int, *, actor: User) -> Team:
    """Let somebody leave; harmless to repeat. Raises as `join_team`."""
    with administering(actor):
        team, user = Team.objects.get(pk=team_id), User.objects.get(pk=user_id)
        _move(team, joining=set(), leaving={user} & set(team.members.all()), actor=actor)
    return team


def _move(team: Team, *, joining: set[User], leaving: set[User], actor: User) -> None:
    if not joining and not leaving:
        return
    grants = list(team.grants.all())
    for user in joining:
        for grant in grants:
            check_may_hold(user, ROLES[grant.role], actor)
    team.members.add(*joining)
    team.members.remove(*leaving)
    for grant in grants:
        groups.put_in(joining, grant.role, grant.scope)
        groups.fall_out(leaving, grant.role, grant.scope)
    record("team.changed", team, actor=actor, joined=sorted(u.pk for u in joining), left=sorted(u.pk for u in leaving))
