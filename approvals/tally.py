"""Counting the votes of a request: which fill which rule, which the subject has outrun, and who could still help."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from approvals import quorum, sheet
from approvals.states import RequestState, Verdict, VoteState


@dataclass(frozen=True)
class RuleTally:
    """One rule with the votes that fill it, and the ids of people whose vote, given next, would help."""

    rule: object
    votes: list = field(default_factory=list)
    could_help: frozenset[int] = frozenset()

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

    @property
    def missing(self) -> int:
        return sum(r.missing for r in self.rules)


@dataclass(frozen=True)
class Approval:
    """An approval that has not been given yet."""

    person_id: int
    roles: list[str]


def watched(vote, rules: Iterable) -> set[str]:
    """The facets that a vote depends on: those of every rule that its roles could fill."""
    return set().union(*(rule.watched for rule in rules if rule.role in vote.roles))


def outrun(vote, rules: Iterable, digests: Mapping[str, str]) -> set[str]:
    """The watched facets that differ from what the voter saw."""
    return watched(vote, rules) & sheet.changed_facets(vote.digests, digests)


def cast(request) -> list:
    return [v for v in request.votes.all() if v.state == VoteState.CAST]


def of_rules(
    rules: Iterable, votes: Iterable, eligible: Mapping[str, Iterable[int]] | None = None
) -> list[quorum.Rule]:
    """The rules as the quorum reads them: who voted counts by the roles held then, others by those they hold now."""
    votes, eligible = list(votes), eligible or {}
    voted = {v.person_id for v in votes}
    return [
        quorum.Rule(
            rule.role,
            rule.need,
            frozenset(v.person_id for v in votes if rule.role in v.roles) | (set(eligible.get(rule.role, ())) - voted),
        )
        for rule in rules
    ]


def count(
    request, digests: Mapping[str, str] | None = None, eligible: Mapping[str, Iterable[int]] | None = None
) -> Tally:
    """Count the cast approvals of a request whose watched facets equal `digests` (the live ones by default).

    `eligible` {role: user ids} are those whose vote could count; without it `could_help` stays empty.
    """
    rules = list(request.rules.all())
    digests = sheet.of(request.subject).digests if digests is None else digests
    approvals = [v for v in cast(request) if v.verdict == Verdict.APPROVE]
    stale = [v for v in approvals if outrun(v, rules, digests)]
    fresh = {v.person_id: v for v in approvals if v not in stale}
    outcome = quorum.solve(of_rules(rules, fresh.values(), eligible), list(fresh))
    return Tally(
        [RuleTally(r, [fresh[pk] for pk in outcome.filled[r.role]], outcome.could_help[r.role]) for r in rules], stale
    )


def with_approval(request, person_id: int, roles: list[str], digests: Mapping[str, str]) -> Tally:
    """The tally as it would be after one more approval of what is there now."""
    rules = list(request.rules.all())
    others = [v for v in cast(request) if v.verdict == Verdict.APPROVE and v.person_id != person_id]
    votes = {v.person_id: v for v in others if not outrun(v, rules, digests)}
    votes[person_id] = Approval(person_id, roles)
    outcome = quorum.solve(of_rules(rules, votes.values()), list(votes))
    return Tally([RuleTally(r, [votes[pk] for pk in outcome.filled[r.role]]) for r in rules])


def reachable(request, eligible: Mapping[str, Iterable[int]]) -> bool:
    """Whether the rules can still be met by those who have not rejected."""
    rules, votes = list(request.rules.all()), cast(request)
    approved = [v.person_id for v in votes if v.verdict == Verdict.APPROVE]
    rejected = [v.person_id for v in votes if v.verdict == Verdict.REJECT]
    return quorum.still_reachable(of_rules(rules, votes, eligible), approved, rejected)


def live_request(subject):
    """The request of a subject that stands: pending, suspended or approved; None where there is none."""
    standing = (RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED)
    return next((r for r in subject.requests.all() if r.state in standing), None)
