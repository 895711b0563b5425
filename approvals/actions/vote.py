"""Doors of the vote."""

from accounts import policy
from accounts.models import User
from approvals import matching, sheet
from approvals.actions import parts
from approvals.models import ApprovalRequest, Vote
from approvals.states import RequestState, Verdict, VoteState
from core import texts
from core.blockers import refuse
from core.events import record


def cast_vote(request_id: int, *, actor: User, verdict: str, digest: str, comment: str = "") -> Vote:
    """Approve or reject what was shown: `digest` is that of the sheet on the page.

    The last vote that the rules need settles the request in the same transaction, and marks the release ready (approves the
    change) where nothing else blocks. A vote the other way replaces one's earlier vote. Raises ApprovalRequest.DoesNotExist,
    Http404/PermissionDenied, or Refused; code "moved" when the content is no longer what was shown.
    """
    with parts.locked_request(request_id) as request:
        policy.require(actor, "releases.vote", request)
        policy.require_person(actor)
        verdict = _known(verdict)
        _require_pending(request)
        roles = _roles_of(actor, request)
        comment = texts.fit(comment, "comment")
        if verdict == Verdict.REJECT:
            comment = parts.needs_text(comment, "Say why you reject it: the comment tells what would have to change.")
        live = sheet.of(request.subject)
        if digest != live.digest:
            refuse("moved", "The content changed while you were deciding. Read what changed, then decide again.")
        parts.bring_up_to_date(request, live)
        _replace_earlier(request, actor, verdict)
        vote = Vote.objects.create(
            request=request,
            person=actor,
            verdict=verdict,
            comment=comment,
            roles=roles,
            sheet=parts.freeze_sheet(request, live),
            digests=live.digests,
        )
        record(
            "vote.cast",
            request,
            actor=actor,
            vote=vote.pk,
            verdict=verdict,
            comment=comment,
            roles=roles,
            digest=digest,
        )
        parts.settle_locked(request, actor)
    return vote


def _known(verdict: str) -> Verdict:
    try:
        return Verdict(verdict)
    except ValueError:
        refuse("verdict", "Approve or reject.", field="verdict")


def _require_pending(request: ApprovalRequest) -> None:
    if request.state != RequestState.PENDING:
        now = request.get_state_display().lower()
        refuse(
            "not-pending",
            f"This request is {now}; no vote is open on it.",
            url=request.get_absolute_url(),
            fix="Open it",
        )


def _roles_of(actor: User, request: ApprovalRequest) -> list[str]:
    """The roles of the rules that the actor's vote could fill. Raises Refused with the reason when there is none."""
    if actor.pk == request.requester_id:
        refuse("requester-never-counts", "You asked for this approval, so your vote does not count.")
    if actor.pk in matching.barred(request.subject, None):
        refuse("author-never-counts", "You wrote what is to be approved, so your vote does not count.")
    rules = list(request.rules.all())
    people = matching.eligible(request.subject, rules, request.requester_id)
    roles = sorted(role for role, those in people.items() if actor.pk in those)
    if not roles:
        refuse("no-rule-for-you", "None of this request's rules asks for a role that you hold.")
    return roles


def _replace_earlier(request: ApprovalRequest, actor: User, verdict: str) -> None:
    earlier = request.votes.filter(person=actor, state=VoteState.CAST).first()
    if earlier is None:
        return
    if earlier.verdict == verdict:
        refuse("voted-already", f"You have {earlier.get_verdict_display().lower()} it already.")
    _revoke(earlier, request, actor, "Decided anew.")


def _revoke(vote: Vote, request: ApprovalRequest, actor: User, reason: str) -> None:
    vote.revoke(reason=reason)
    vote.save()
    record("vote.revoked", request, actor=actor, vote=vote.pk, person=vote.person_id, reason=reason.strip())


def revoke_vote(vote_id: int, *, actor: User, reason: str) -> Vote:
    """Take one's own vote back while the request stands. An approved request that loses its quorum is open again.

    Raises Vote.DoesNotExist, PermissionDenied, or Refused without a reason or when nothing deployable hangs on it any more.
    """
    request_id = Vote.objects.values_list("request_id", flat=True).get(pk=vote_id)
    with parts.locked_request(request_id) as request:
        policy.require(actor, "releases.vote", request)
        vote = request.votes.select_for_update(of=("self",)).get(pk=vote_id)
        if vote.person_id != actor.pk:
            refuse("not-your-vote", "Only the person who cast a vote may take it back.")
        _require_revocable(request)
        _revoke(vote, request, actor, reason)
        parts.bring_up_to_date(request, sheet.of(request.subject))
        parts.settle_locked(request, actor)
    return vote


def _require_revocable(request: ApprovalRequest) -> None:
    over = request.state not in (RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED)
    acted_on = request.subject.state not in ("approving", "ready", "authorising", "on_hold", "testing")
    if over or acted_on:
        refuse(
            "decided", "This is decided and acted on; a vote can no longer be taken back. Block the release instead."
        )
