"""Who agreed to a release and who is still needed: the request's rules as rows."""

from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import User
from approvals import matching, tally
from approvals.models import ApprovalRequest, Vote
from approvals.states import RequestState, Verdict
from core import wording


@dataclass(frozen=True)
class Row:
    """One line: a vote that fills a rule, a vote that no longer counts, or the place of one still missing."""

    role: str
    tally: str
    who: User | str
    look: tuple[str, str, str]
    at: datetime | None = None
    quote: str = ""


@dataclass(frozen=True)
class Ledger:
    request: ApprovalRequest | None
    rows: list[Row] = field(default_factory=list)
    missing: int = 0


def ledger(release, requests: list[ApprovalRequest]) -> Ledger:
    """The standing request of a release, or else its newest. Pass requests newest first with rules and votes' people."""
    request = tally.live_request(release) or (requests[0] if requests else None)
    if request is None:
        return Ledger(None)
    rules = list(request.rules.all())
    people = matching.eligible(release, rules, request.requester_id) if request.state == RequestState.PENDING else {}
    counted = tally.count(request, eligible={role: set(found) for role, found in people.items()})
    rows = [row for rule in counted.rules for row in _rule_rows(rule, people.get(rule.rule.role, {}), request)]
    return Ledger(request, [*rows, *_rejections(request), *_stale(counted)], counted.missing)


def _rule_rows(counted: tally.RuleTally, people: dict[int, User], request) -> list[Row]:
    rule = counted.rule
    given = f"{len(counted.votes)} of {rule.need}"
    rows = [
        Row(rule.role_name, given, vote.person, ("ok", "check-circle", "Approved"), vote.cast_at, vote.comment)
        for vote in counted.votes
    ]
    if not counted.met and request.state in (RequestState.PENDING, RequestState.SUSPENDED):
        rows.append(Row(rule.role_name, given, _could(counted, people), ("mute", "clock", "Waiting"), request.due_at))
    return rows


def _could(counted: tally.RuleTally, people: dict[int, User]) -> User | str:
    """The one person who could still vote, or how many could."""
    helping = [people[pk] for pk in sorted(counted.could_help) if pk in people]
    if len(helping) == 1:
        return helping[0]
    if not helping:
        return "nobody who could is left"
    return (
        f"anyone of {wording.listed([p.name for p in helping], 'or')}"
        if len(helping) < 4
        else f"anyone of {len(helping)} people"
    )


def _rejections(request: ApprovalRequest) -> list[Row]:
    return [
        _vote_row(vote, ("bad", "x-circle", "Rejected"))
        for vote in tally.cast(request)
        if vote.verdict == Verdict.REJECT
    ]


def _stale(counted: tally.Tally) -> list[Row]:
    return [_vote_row(vote, ("warn", "stale", "Approved, now stale")) for vote in counted.stale]


def _vote_row(vote: Vote, look: tuple[str, str, str]) -> Row:
    from accounts.roles import ROLES

    roles = wording.listed([ROLES[r].name for r in vote.roles if r in ROLES]) if vote.roles else ""
    return Row(roles, "", vote.person, look, vote.cast_at, vote.comment)
