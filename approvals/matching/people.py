"""Whom rules ask on a subject, and who of them never counts."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from accounts import policy as rights
from approvals import who
from approvals.subjects import kind_of


@dataclass(frozen=True)
class Exceptions:
    """Whether those count who otherwise never do: as a policy's row says."""

    count_requester: bool = False
    count_author: bool = False


NO_EXCEPTIONS = Exceptions()


def people_by_who(subject, whos: Iterable[str]) -> dict[str, dict[int, object]]:
    """{who: {user id: user}} of active people (no service accounts) whom each rule asks on the subject's product."""
    whos = list(whos)
    by_selector: dict[str, dict[int, object]] = _by_role(subject, who.names(whos, "role"))
    if who.names(whos, "team"):
        teams = subject.team_table.all()
        by_selector |= {f"team:{t.slug}": _active(who_see(subject, t.members.all())) for t in teams}
    if who.names(whos, "person"):
        by_selector |= {f"person:{u.pk}": _active(who_see(subject, [u])) for u in subject.named_table.all()}
    found = {}
    for asked in whos:
        found[asked] = {}
        for selector in who.parse(asked):
            found[asked] |= by_selector.get(str(selector), {})
    return found


def _by_role(subject, roles: Collection[str]) -> dict[str, dict[int, object]]:
    found = {f"role:{role}": {} for role in roles}
    scopes = {rights.EVERYWHERE, rights.scope_of(subject)}
    for grant in subject.grant_table.all():
        if grant.role in roles and grant.scope in scopes:
            found[f"role:{grant.role}"] |= _active([grant.user] if grant.user_id else grant.team.members.all())
    return found


def who_see(subject, people: Iterable) -> list:
    """Those who may see what is asked about: every role sees its product. Who cannot see it cannot vote, and so does not count."""
    scopes = {rights.EVERYWHERE, rights.scope_of(subject)}
    return [user for user in people if user.is_superuser or any(scope in scopes for scope in _scopes_of(user))]


def _scopes_of(user) -> Iterator[str]:
    yield from (grant.scope for grant in user.grants.all())
    yield from (grant.scope for team in user.teams.all() for grant in team.grants.all())


def _active(people: Iterable) -> dict[int, object]:
    return {user.pk: user for user in people if user.is_active and not user.is_service}


def barred(subject, requester_id: int | None, exceptions: Exceptions | object = NO_EXCEPTIONS) -> set[int]:
    """Ids of people who never count: the requester, and whoever wrote what is asked about; unless the row says otherwise."""
    out = set() if exceptions.count_author else set(kind_of(subject).authors(subject))
    if exceptions.count_requester:
        # Whoever asks counts although they wrote the request; what they wrote of the content still bars them.
        return out - {None}
    return (out | {requester_id}) - {None}


def eligible(
    subject, rules, requester_id: int | None, exceptions: Exceptions | object = NO_EXCEPTIONS
) -> dict[str, dict[int, object]]:
    """{who: {user id: user}} of those whose place could count for each of the rules."""
    out = barred(subject, requester_id, exceptions)
    held = people_by_who(subject, [rule.who for rule in rules])
    return {key: {pk: user for pk, user in people.items() if pk not in out} for key, people in held.items()}
