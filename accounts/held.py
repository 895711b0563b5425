"""Roles as held, in words: what the pages of people, teams and roles show. Only what the reader may see is named."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import Permission
from django.db.models import Count

from accounts import scopes
from accounts.models import Grant, Team, User
from accounts.policy import SEE
from accounts.roles import ROLES, Role, every_right
from accounts.scopes import Scope
from core.wording import listed

SHOWN = 8


@dataclass(frozen=True)
class Held:
    """One role held in one place. `team` gave it, or `grant` is the person's own."""

    role: Role
    scope: Scope
    grant: Grant
    given_by: User
    given_at: datetime
    team: Team | None = None


@dataclass
class Row:
    """One role of the table: its rights in words, and who holds it, the first of `count`; the place is "" for everywhere."""

    role: Role
    rights: list[str]
    shown: list[tuple[User | Team, str]] = field(default_factory=list)
    count: int = 0


def held_by(person: User, reader: User) -> list[Held]:
    """Own roles first, then those by team. Read `person` with grants and teams' grants prefetched; two queries more."""
    pairs = [(grant, None) for grant in person.grants.all()]
    pairs += [(grant, team) for team in person.teams.all() for grant in team.grants.all()]
    return _held(pairs, reader)


def held_by_team(team: Team, reader: User) -> list[Held]:
    return _held([(grant, None) for grant in team.grants.all()], reader)


def _held(pairs: list[tuple[Grant, Team | None]], reader: User) -> list[Held]:
    names = scopes.names({grant.scope for grant, _ in pairs}, reader)
    found = [
        Held(grant.what, names[grant.scope], grant, grant.given_by, grant.given_at, team)
        for grant, team in pairs
        if grant.scope in names
    ]
    return sorted(found, key=lambda h: (h.team is not None, h.scope.name != scopes.WORDS, h.scope.name, h.role.name))


def in_words(holders: Iterable[User | Team], reader: User) -> dict[int, list[str]]:
    """{id: ["Release manager", "Tester on Payments API and Checkout"]}, teams' roles included. Two queries however many."""
    grants = {holder.pk: _all_grants(holder) for holder in holders}
    names = scopes.names({grant.scope for found in grants.values() for grant in found}, reader)
    return {pk: _sentences(found, names) for pk, found in grants.items()}


def _all_grants(holder: User | Team) -> list[Grant]:
    through = [grant for team in holder.teams.all() for grant in team.grants.all()] if isinstance(holder, User) else []
    return [*holder.grants.all(), *through]


def _sentences(grants: list[Grant], names: dict[str, Scope]) -> list[str]:
    where: dict[str, set[str]] = {}
    for grant in grants:
        if grant.scope in names:
            where.setdefault(grant.what.name, set()).add(grant.scope)
    return [_sentence(role, held, names) for role, held in sorted(where.items())]


def _sentence(role: str, held: set[str], names: dict[str, Scope]) -> str:
    if scopes.EVERYWHERE in held:
        return role
    return f"{role} on {listed(sorted(names[scope].name for scope in held))}"


def table_of_roles(reader: User) -> list[Row]:
    """Every role with its rights in words and its first holders. Five queries, whatever the number of people."""
    words = _rights_in_words()
    rows = {
        role.slug: Row(role, [words.get(right, right) for right in _sorted(role.rights)]) for role in ROLES.values()
    }
    grants = scopes.grants_seen_by(reader).in_force().filter(role__in=rows)
    for role, count in grants.values_list("role").annotate(Count("pk")):
        rows[role].count = count
    shown = list(grants.first_of_each_role(SHOWN).select_related("user", "team"))
    names = scopes.names({grant.scope for grant in shown}, reader)
    for grant in shown:
        place = names.get(grant.scope)
        if place:
            rows[grant.role].shown.append((grant.user or grant.team, place.name if place.scope else ""))
    return list(rows.values())


def _sorted(rights: frozenset[str]) -> list[str]:
    return sorted(rights, key=lambda right: (right != SEE, right))


def _rights_in_words() -> dict[str, str]:
    """{right: its words}, from the permissions themselves. One query."""
    apps = {right.split(".")[0] for right in every_right()}
    rows = Permission.objects.filter(content_type__app_label__in=apps).order_by()
    return {
        f"{app}.{codename}": name
        for app, codename, name in rows.values_list("content_type__app_label", "codename", "name")
    }
