"""Which policy decides over a subject, and who may fill its rules."""

from collections.abc import Iterable

from accounts import policy as rights
from approvals import quorum, sheet
from approvals.states import Subject


def subject_of(obj) -> str:
    return Subject.RELEASE if obj._meta.model_name == "release" else Subject.CHANGE


def policy_for(subject):
    """The first active row, in order, that matches the facts of a release or a change; None when none does."""
    facts = {"kind": subject_of(subject), "product": subject.product_id, "band": sheet.band_of(subject)}
    rows = sorted(subject.policy_table.all(), key=lambda p: (p.position, p.pk))
    return next((row for row in rows if matches(row, subject, facts)), None)


def matches(row, subject, facts: dict) -> bool:
    """Whether a row's conditions all hold; an empty condition holds for everything."""
    own = (row.strategies, subject.strategy) if facts["kind"] == Subject.RELEASE else (row.change_types, subject.type)
    return (
        row.subject == facts["kind"]
        and row.product_id in (None, facts["product"])
        and (not own[0] or own[1] in own[0])
        and (not row.risk_bands or facts["band"] in row.risk_bands)
    )


def people_by_role(subject, roles: Iterable[str]) -> dict[str, dict[int, object]]:
    """{role: {user id: user}} of active people (no service accounts) who hold the roles on the subject's product."""
    found = {role: {} for role in roles}
    scopes = {rights.EVERYWHERE, rights.scope_of(subject)}
    for grant in subject.grant_table.all():
        if grant.role in found and grant.scope in scopes:
            members = [grant.user] if grant.user_id else grant.team.members.all()
            found[grant.role] |= {m.pk: m for m in members if m.is_active and not m.is_service}
    return found


def barred(subject, requester_id: int | None) -> set[int]:
    """Ids of people who never count: the requester, and whoever wrote what is asked about."""
    if subject_of(subject) == Subject.CHANGE:
        authors = {subject.author_id}
    else:
        authors = {change.author_id for change in subject.changes.all()}
    return (authors | {requester_id}) - {None}


def eligible(subject, rules, requester_id: int | None) -> dict[str, dict[int, object]]:
    """{role: {user id: user}} of those whose vote could count for each of the rules."""
    out = barred(subject, requester_id)
    held = people_by_role(subject, [rule.role for rule in rules])
    return {role: {pk: user for pk, user in people.items() if pk not in out} for role, people in held.items()}


def impossible(subject, rules, requester_id: int | None) -> quorum.Impossible | None:
    """Why the rules cannot be met with the people who may count; None when they can."""
    people = eligible(subject, rules, requester_id)
    asked = [quorum.Rule(r.role, r.need, frozenset(people[r.role])) for r in rules]
    return quorum.possible(asked, {pk for those in people.values() for pk in those})


def required_kinds(release) -> list[str]:
    """Kinds of test sign-off that a release needs: the product's own rows for its strategy, else the general ones."""
    rows = [row for row in release.required_table.all() if row.strategy == release.strategy]
    own = [row.kind for row in rows if row.product_id == release.product_id]
    return sorted(own or [row.kind for row in rows if row.product_id is None])
