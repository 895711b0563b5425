"""The door that asks again afterwards: without it what was rejected in retrospect could never be closed."""

from accounts import policy
from accounts.models import User
from approvals import matching
from approvals.actions import opening, parts
from approvals.models import ApprovalRequest
from approvals.states import Purpose, RequestState
from core.blockers import refuse


def ask_again(request_id: int, *, actor: User) -> ApprovalRequest:
    """Open a rejected retrospective request anew, under the same rules. Who contributes to the product may ask.

    Raises ApprovalRequest.DoesNotExist, Http404/PermissionDenied, or Refused: it was not rejected, or it is asked already.
    """
    with parts.locked_request(request_id) as rejected:
        policy.require(actor, "releases.contribute", rejected)
        policy.require_person(actor)
        if not rejected.is_retrospective or rejected.state != RequestState.REJECTED:
            refuse("not-rejected", "Only a rejected retrospective approval is asked for again.")
        subject = rejected.subject
        if subject.requests.retrospective().standing().exists():
            refuse("requested-already", "It is asked for again already.", url=rejected.get_absolute_url())
        rows = (
            rejected.policy.rows.filter(name__in=rejected.row_names).prefetch_related("rules").select_related("policy")
        )
        rows = matching.in_order(rows)
        if not rows:
            refuse("policy-missing", "The rows that it was asked by are not there any more.")
        match = matching.Match(rows, matching.side_by_side(rows))
        return opening.open_request(subject, match, actor, purpose=Purpose.RETROSPECTIVE, hours=rejected.deadline_hours)
