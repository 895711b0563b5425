"""Approving several requests in one go: each by the same door, in a transaction of its own, bound to the sheet that was shown."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.exceptions import PermissionDenied

from accounts import policy
from accounts.models import User
from approvals.actions.vote import cast_vote
from approvals.models import ApprovalRequest, Vote
from approvals.states import Verdict, VoteState
from core import texts
from core.blockers import Blocker, Refused, refuse

MANY = 100


@dataclass(frozen=True)
class Ballot:
    """One approval of many: of which request, on which sheet, in whose place (None: one's own, or the only one)."""

    request_id: int
    digest: str
    seat_id: int | None = None


@dataclass(frozen=True)
class Cast:
    """What came of one ballot. `outcome`: approved, already (it was before), moved, or refused; `blockers` say why not."""

    ballot: Ballot
    request: ApprovalRequest
    outcome: str
    vote: Vote | None = None
    blockers: list[Blocker] = field(default_factory=list)


def approve_many(ballots: Iterable[Ballot], *, actor: User, comment: str = "") -> list[Cast]:
    """Approve each request that may be approved together with others: its policy row alone says so.

    One that is refused, has moved or was approved before keeps no other from being approved, so a repeat does no harm. Raises
    ApprovalRequest.DoesNotExist or Http404/PermissionDenied before anything is cast, and Refused where there are more than MANY
    or the comment cannot be kept.
    """
    ballots = list({ballot.request_id: ballot for ballot in ballots}.values())
    if len(ballots) > MANY:
        refuse("too-many", f"Approve at most {MANY} at once.")
    comment = texts.fit(comment, "comment")
    requests = _requests([ballot.request_id for ballot in ballots], actor)
    policy.require_person(actor)
    return [_cast(ballot, requests[ballot.request_id], actor, comment) for ballot in ballots]


def _requests(ids: list[int], actor: User) -> dict[int, ApprovalRequest]:
    """{id: request} of all of them in the actor's sight, in as many queries as for one."""
    found = ApprovalRequest.objects.with_subjects().in_bulk(ids)
    if missing := set(ids) - found.keys():
        raise ApprovalRequest.DoesNotExist(f"There is no request {min(missing)}.")
    policy.require_each(actor, "releases.view_product", found.values())
    return found


def _cast(ballot: Ballot, request: ApprovalRequest, actor: User, comment: str) -> Cast:
    if not request.allow_bulk:
        why = f"The policy row {request.policy_name} wants it decided by itself."
        return Cast(ballot, request, "refused", blockers=[one_by_one(request, why)])
    try:
        vote = cast_vote(
            ballot.request_id,
            actor=actor,
            verdict=Verdict.APPROVE,
            digest=ballot.digest,
            comment=comment,
            seat_id=ballot.seat_id,
        )
    except Refused as refusal:
        return _not_cast(ballot, request, actor, refusal.blockers)
    except PermissionDenied as refusal:
        return Cast(ballot, request, "refused", blockers=[Blocker("not-you", str(refusal))])
    return Cast(ballot, request, "approved", vote)


def one_by_one(request: ApprovalRequest, why: str) -> Blocker:
    return Blocker("one-by-one", why, request.get_absolute_url(), "Decide on it")


def _not_cast(ballot: Ballot, request: ApprovalRequest, actor: User, blockers: list[Blocker]) -> Cast:
    codes = {blocker.code for blocker in blockers}
    if codes <= {"voted-already", "not-pending"}:
        mine = request.votes.filter(person=actor, state=VoteState.CAST, verdict=Verdict.APPROVE).last()
        if mine is not None:
            return Cast(ballot, request, "already", mine)
    return Cast(ballot, request, "moved" if "moved" in codes else "refused", blockers=blockers)
