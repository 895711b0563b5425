"""Doors of the waiver: one person asks, the quorum of the policy decides, an instant ends it."""

from datetime import datetime

from django.utils import timezone

from accounts import policy
from accounts.models import User
from approvals import guards, matching, sheet
from approvals.actions import opening, parts, settling
from approvals.actions.signoff import locked_signoff
from approvals.actions.vote import cast_vote
from approvals.models import ApprovalRequest, Waiver
from approvals.states import GrantState, SignoffState, Verdict
from core import moments, texts
from core.blockers import refuse, refuse_if
from core.events import record

NOT_WAIVABLE = (SignoffState.PASSED, SignoffState.SIGNED_OFF, SignoffState.WAIVED)


def request_waiver(
    candidate_id: int, kind: str, *, actor: User, reason: str, expires_at: datetime, follow_up: str = ""
) -> Waiver:
    """Ask to let the current candidate through without one kind of test until an instant (aware), and open the request for it.

    `follow_up` is what is done about it afterwards. Raises Candidate.DoesNotExist, Http404/PermissionDenied, or Refused at the
    field that does not fit, or where nobody could agree to it.
    """
    with locked_signoff(candidate_id, kind, actor, "releases.comment") as signoff:
        if not (
            policy.may(actor, "releases.sign_off_tests", signoff)
            or policy.may(actor, "releases.manage_release", signoff)
        ):
            policy.require(actor, "releases.manage_release", signoff)
        policy.require_person(actor)
        if signoff.state in NOT_WAIVABLE:
            refuse("nothing-to-waive", f"It is {signoff.get_state_display().lower()}; there is nothing to waive.")
        reason = parts.needs_text(reason, "Say why it may ship without this test.", "reason")
        require_future(expires_at)
        if signoff.waivers.filter(state__in=[GrantState.REQUESTED, GrantState.GRANTED]).exists():
            refuse("waiver-stands", "A waiver of this test has been asked for already.")
        waiver = Waiver.objects.create(
            signoff=signoff,
            reason=reason,
            expires_at=expires_at,
            follow_up=follow_up_text(follow_up),
            requested_by=actor,
        )
        record("waiver.requested", waiver, actor=actor, kind=kind, reason=reason, expires_at=expires_at)
        ask_quorum(waiver, actor)
    return waiver


def follow_up_text(text: str) -> str:
    text = texts.fit(text, "follow_up")
    if len(text) > 200:
        refuse("follow-up", "Keep it to 200 characters.", field="follow_up")
    return text


def ask_quorum(subject, actor: User) -> ApprovalRequest:
    """Open the request about something that is asked for inside another door. Raises Refused where no quorum could answer."""
    subject.asking = actor
    refuse_if(guards.policy_unmet(subject))
    request = opening.open_request(subject, matching.match_for(subject), actor)
    settling.settle_locked(request, actor)
    return request


def decide_waiver(waiver_id: int, *, actor: User, grant: bool, comment: str = "") -> Waiver:
    """Vote on the request about a waiver as it is now. Raises Waiver.DoesNotExist, or as `cast_vote`."""
    vote_on(Waiver.objects.get(pk=waiver_id), actor, grant, comment)
    return Waiver.objects.select_related("signoff__candidate").get(pk=waiver_id)


def vote_on(subject, actor: User, grant: bool, comment: str) -> None:
    """Cast a vote on what a request about a waiver, an override or a lifting says now: what they say never changes."""
    policy.require(actor, "releases.view_product", subject)
    request = subject.requests.deciding().order_by("-pk").first()
    if request is None:
        refuse("not-asked", "Nobody is asked about this any more.")
    verdict = Verdict.APPROVE if grant else Verdict.REJECT
    cast_vote(request.pk, actor=actor, verdict=verdict, digest=sheet.of(request.subject).digest, comment=comment)


def require_future(expires_at: datetime | None) -> None:
    if expires_at is None:
        refuse("expiry", "Say until when it holds.", field="expires_at")
    moments.fit(expires_at=expires_at)
    if expires_at <= timezone.now():
        refuse("expiry-past", "That is in the past. Choose a later instant.", field="expires_at")


def finish_follow_up(waiver_id: int, *, actor: User) -> Waiver:
    """Note that what was promised for afterwards is done. Raises Waiver.DoesNotExist, Http404/PermissionDenied, Refused."""
    with parts.locked_row(Waiver, waiver_id) as waiver:
        mark_done(waiver, actor, "waiver.followed_up")
    return waiver


def mark_done(exemption, actor: User, event: str) -> None:
    policy.require(actor, "releases.comment", exemption)
    policy.require_person(actor)
    if not exemption.follow_up:
        refuse("no-follow-up", "Nothing was promised for afterwards.")
    if exemption.follow_up_done_at:
        refuse("done-already", "It has been done already.")
    exemption.follow_up_done_at = timezone.now()
    exemption.save()
    record(event, exemption, actor=actor, follow_up=exemption.follow_up)
