"""Counting: which votes fill which rules, and who is still needed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from approvals import sheet
from approvals.states import RequestState, Verdict, VoteState


def fill(needs: Mapping[str, int], holders: Mapping[int, Iterable[str]]) -> dict[str, set[int]]:
    """Assign each person to at most one rule so that as many places as possible are filled. {role: person ids}."""
    filled: dict[str, set[int]] = {role: set() for role in needs}
    for person in holders:
        _seat(person, needs, holders, filled, set())
    return filled


def _seat(person: int, needs, holders, filled, tried: set[str]) -> bool:
    """Give a person a place, moving others along an augmenting path where that makes room."""
    for role in sorted(set(holders[person]) & filled.keys()):
        if role in tried:
            continue
        tried.add(role)
        if len(filled[role]) < needs[role]:
            filled[role].add(person)
            return True
        for other in sorted(filled[role]):
            if _seat(other, needs, holders, filled, tried):
                filled[role].discard(other)
                filled[role].add(person)
                return True
    return False


@dataclass(frozen=True)
class RuleTally:
    """One rule with the votes that fill it."""

    rule: object
    votes: list = field(default_factory=list)

    @property
    def missing(self) -> int:
        return self.rule.need - len(self.votes)

    @property
    def met(self) -> bool:
        return self.missing <= 0


@dataclass(frozen=True)
class Tally:
    """The state of a request's rules. `stale` are cast approvals that the live subject has outrun."""

    rules: list[RuleTally]
    stale: list = field(default_factory=list)

    @property
    def met(self) -> bool:
        return bool(self.rules) and all(r.met for r in self.rules)

    @property
    def open(self) -> list[RuleTally]:
        return [r for r in self.rules if not r.met]


def watched(vote, rules: Iterable) -> set[str]:
    """The facets that a vote depends on: those of every rule that its roles could fill."""
    return set().union(*(rule.watched for rule in rules if rule.role in vote.roles))


def outrun(vote, rules: Iterable, digests: Mapping[str, str]) -> set[str]:
    """The watched facets that differ from what the voter saw."""
    return watched(vote, rules) & sheet.changed_facets(vote.digests, digests)


def cast(request) -> list:
    return [v for v in request.votes.all() if v.state == VoteState.CAST]


def count(request, digests: Mapping[str, str] | None = None) -> Tally:
    """Count the cast approvals of a request whose watched facets equal `digests` (the live ones by default)."""
    rules = list(request.rules.all())
    digests = sheet.of(request.subject).digests if digests is None else digests
    approvals = [v for v in cast(request) if v.verdict == Verdict.APPROVE]
    stale = [v for v in approvals if outrun(v, rules, digests)]
    fresh = {v.person_id: v for v in approvals if v not in stale}
    filled = fill({r.role: r.need for r in rules}, {pk: v.roles for pk, v in fresh.items()})
    return Tally([RuleTally(r, [fresh[pk] for pk in sorted(filled[r.role])]) for r in rules], stale)


def live_request(subject):
    """The request of a subject that stands: pending, suspended or approved; None where there is none."""
    standing = (RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED)
    return next((r for r in subject.requests.all() if r.state in standing), None)
