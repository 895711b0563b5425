"""Counting the votes of a request: which fill which rule, which the subject has outrun, and who could still help."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from approvals import quorum, sheet
from approvals.states import Purpose, RequestState, Verdict, VoteState
from approvals.subjects import kind_of


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
    """The state of a request's rules. `stale` are cast approvals that the live subject has outrun; `stage` is asked now."""

    rules: list[RuleTally]
    stale: list = field(default_factory=list)
    stage: int | None = None

    @property
    def met(self) -> bool:
        return bool(self.rules) and all(r.met for r in self.rules)

    @property
    def open(self) -> list[RuleTally]:
        return [r for r in self.rules if not r.met]

    @property
    def asked(self) -> list[RuleTally]:
        """The open rules whose turn it is."""
        return [r for r in self.open if r.rule.stage <= (self.stage or 0)]

    @property
    def missing(self) -> int:
        return sum(r.missing for r in self.rules)


@dataclass(frozen=True)
class Approval:
    """An approval that has not been given yet."""

    seat_id: int
    counts_for: list[str]


def watched(vote, rules: Iterable) -> set[str]:
    """The facets that a vote depends on: those of every rule that it could fill."""
    return set().union(*(rule.watched for rule in rules if rule.who in vote.counts_for))


def outrun(vote, rules: Iterable, digests: Mapping[str, str]) -> set[str]:
    """The watched facets that differ from what the voter saw."""
    return watched(vote, rules) & sheet.changed_facets(vote.digests, digests)


def cast(request) -> list:
    return [v for v in request.votes.all() if v.state == VoteState.CAST]


def of_rules(
    rules: Iterable, votes: Iterable, eligible: Mapping[str, Iterable[int]] | None = None
) -> list[quorum.Rule]:
    """The rules as the quorum reads them: whose place is voted for counts as it stood then, others as they stand now."""
    votes, eligible = list(votes), eligible or {}
    voted = {v.seat_id for v in votes}
    return [
        quorum.Rule(
            rule.who,
            rule.need,
            frozenset(v.seat_id for v in votes if rule.who in v.counts_for) | (set(eligible.get(rule.who, ())) - voted),
            rule.stage,
        )
        for rule in rules
    ]


def authors(request, subject) -> set[int]:
    """Ids of those who have written a part of what is asked about, and so never count; none where the row says otherwise."""
    return set() if request.count_author else kind_of(subject).authors(subject)


def count(
    request,
    digests: Mapping[str, str] | None = None,
    eligible: Mapping[str, Iterable[int]] | None = None,
    without: Collection[int] = (),
) -> Tally:
    """Count the cast approvals of a request whose watched facets equal `digests` (the live ones by default).

    `eligible` {who: user ids} are those whose place could count; without it `could_help` stays empty. Votes by the people
    `without`, or in their places, are left out.
    """
    rules = list(request.rules.all())
    digests = sheet.of(request.subject).digests if digests is None else digests
    approvals = [v for v in cast(request) if v.verdict == Verdict.APPROVE and not {v.person_id, v.seat_id} & {*without}]
    stale = [v for v in approvals if outrun(v, rules, digests)]
    return _solved(rules, [v for v in approvals if v not in stale], stale, eligible)


def with_approval(request, seat_id: int, counts_for: list[str], digests: Mapping[str, str]) -> Tally:
    """The tally as it would be after one more approval of what is there now."""
    rules = list(request.rules.all())
    others = [v for v in cast(request) if v.verdict == Verdict.APPROVE and v.seat_id != seat_id]
    votes = [v for v in others if not outrun(v, rules, digests)]
    return _solved(rules, [*votes, Approval(seat_id, counts_for)])


def _solved(rules: list, votes: list, stale: Iterable = (), eligible=None) -> Tally:
    by_seat = {v.seat_id: v for v in votes}
    asked = of_rules(rules, votes, eligible)
    outcome = quorum.solve(asked, list(by_seat))
    counted = [RuleTally(r, [by_seat[pk] for pk in outcome.filled[r.who]], outcome.could_help[r.who]) for r in rules]
    return Tally(counted, list(stale), quorum.open_stage(asked, list(by_seat)))


def reachable(request, seats) -> bool:
    """Whether the rules can still be met by those who have not rejected. `seats` as `matching.seats` until the last deadline.

    Who is away until then gives no approval any more, unless somebody stands in; nobody acts twice, and no seat is filled twice.
    """
    rules, votes = list(request.rules.all()), cast(request)
    approved = {v.seat_id: v.person_id for v in votes if v.verdict == Verdict.APPROVE}
    rejected = {v.seat_id: v.person_id for v in votes if v.verdict == Verdict.REJECT}
    people = {rule.who: seats.reachable(rule.who) for rule in rules}
    asked = of_rules(rules, votes, people)
    return quorum.still_reachable(asked, approved, rejected, seats.seats_of, seats.present, seats.only)


STANDING = (RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED)


def live_request(subject):
    """The request of a subject that decides and stands: pending, suspended or approved; None where there is none."""
    return next((r for r in subject.requests.all() if r.state in STANDING and r.purpose == Purpose.DECIDE), None)


def retrospective_request(subject):
    """The newest request for the retrospective approval of a subject; None where there is none."""
    return max(
        (r for r in subject.requests.all() if r.purpose == Purpose.RETROSPECTIVE), key=lambda r: r.pk, default=None
    )
