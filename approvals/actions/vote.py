"""Doors of the vote."""

from accounts import policy
from accounts.models import User
from approvals import guards, places, sheet, tally
from approvals.actions import parts, settling, sheets
from approvals.models import ApprovalRequest, Vote
from approvals.states import RequestState, Verdict
from core import texts
from core.blockers import refuse, refuse_if
from core.events import record


def cast_vote(
    request_id: int, *, actor: User, verdict: str, digest: str, comment: str = "", seat_id: int | None = None
) -> Vote:
    """Approve or reject what was shown: `digest` is that of the sheet on the page.

    Whoever holds no place of their own may fill that of somebody who delegated it: `seat_id` chooses among several. The last vote
    that the rules need settles the request in the same transaction, and lets its subject move on where nothing else blocks. A
    vote the other way replaces one's earlier vote. Raises ApprovalRequest.DoesNotExist, Http404/PermissionDenied, or Refused;
    code "moved" when the content is no longer what was shown.
    """
    with parts.locked_request(request_id) as request:
        policy.require(actor, "releases.view_product", request)
        policy.require_person(actor)
        verdict = _known(verdict)
        _require_pending(request)
        parts.read_votes(request)
        refuse_if(guards.instant_past(request.subject))
        place = _place_of(actor, request, seat_id)
        comment = texts.fit(comment, "comment")
        if verdict == Verdict.REJECT:
            comment = parts.needs_text(comment, "Say why you reject it: the comment tells what would have to change.")
        with sheet.held(request.subject) as live:
            if digest != live.digest:
                refuse("moved", "The content changed while you were deciding. Read what changed, then decide again.")
            sheets.bring_up_to_date(request, live)
            _replace_earlier(request, actor, verdict, place)
            vote = _cast(request, actor, verdict, comment, place, live)
            parts.read_votes(request)
            settling.settle_locked(request, actor)
    return vote


def _cast(
    request: ApprovalRequest, actor: User, verdict: Verdict, comment: str, place: places.Place, live: sheet.Sheet
) -> Vote:
    vote = Vote.objects.create(
        request=request,
        person=actor,
        seat=place.seat,
        delegation=place.delegation,
        verdict=verdict,
        comment=comment,
        counts_for=place.rules,
        sheet=sheets.freeze_sheet(request, live),
        digests=live.digests,
    )
    record(
        "vote.cast",
        request,
        actor=actor,
        on_behalf_of=place.seat if vote.is_stand_in else None,
        vote=vote.pk,
        verdict=verdict,
        comment=comment,
        counts_for=place.rules,
        digest=live.digest,
        **({"delegation": place.delegation.pk} if place.delegation else {}),
    )
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


def _place_of(actor: User, request: ApprovalRequest, seat_id: int | None) -> places.Place:
    """The place that the actor's vote fills now. Raises Refused, or PermissionDenied, with the reason when there is none."""
    why = places.barred(request, actor)
    if why:
        refuse(why.code, why.message)
    own, others = places.of(request, actor)
    if own is None and not others and not policy.may(actor, "releases.vote", request):
        policy.require(actor, "releases.vote", request)
    if own is not None and seat_id not in (None, actor.pk):
        refuse("own-place", "You hold a place of your own in this request; you cannot vote for somebody else here.")
    found = own or next((p for p in others if seat_id in (None, p.seat.pk)), None)
    if found is None:
        refuse(
            "no-rule-for-you", "None of this request's rules asks for you, and nobody who is asked delegated to you."
        )
    if not places.is_open(request, found):
        refuse("stage-not-open", "Others decide first: your stage is not reached yet.")
    return found


def _replace_earlier(request: ApprovalRequest, actor: User, verdict: str, place: places.Place) -> None:
    """End the vote that this one replaces: the actor's own, or that of a stand-in whose person now votes in person."""
    for earlier in tally.cast(request):
        if earlier.person_id == actor.pk:
            if earlier.verdict == verdict and earlier.seat_id == place.seat.pk:
                refuse("voted-already", f"You have {earlier.get_verdict_display().lower()} it already.")
            _revoke(earlier, request, actor, "Decided anew.")
        elif earlier.seat_id == place.seat.pk:
            if place.delegation is not None:
                refuse("seat-taken", f"{earlier.person.name} has filled {place.seat.name}'s place already.")
            _revoke(earlier, request, actor, f"{actor.name} decides in person.")


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
        policy.require(actor, "releases.view_product", request)
        policy.require_person(actor)
        vote = request.votes.select_for_update(of=("self",)).get(pk=vote_id)
        if vote.person_id != actor.pk:
            refuse("not-your-vote", "Only the person who cast a vote may take it back.")
        _require_revocable(request)
        _revoke(vote, request, actor, reason)
        parts.read_votes(request)
        with sheet.held(request.subject) as live:
            sheets.bring_up_to_date(request, live)
            settling.settle_locked(request, actor)
    return vote


# States of a subject in which nothing has come of its approval that a vote taken back could not undo.
STILL_REVOCABLE = ("approving", "ready", "authorising", "on_hold", "testing")


def _require_revocable(request: ApprovalRequest) -> None:
    over = request.state not in (RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED)
    acted_on = request.state == RequestState.APPROVED and request.subject.state not in STILL_REVOCABLE
    if over or acted_on:
        refuse(
            "decided", "This is decided and acted on; a vote can no longer be taken back. Block the release instead."
        )
