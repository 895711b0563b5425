"""Doors of the waiver: one person asks, a second one decides, an instant ends it."""

from datetime import datetime

from django.utils import timezone

from accounts import policy
from accounts.models import User
from approvals.actions import parts
from approvals.actions.signoff import locked_signoff
from approvals.models import Waiver
from approvals.states import GrantState, SignoffState
from core import texts
from core.blockers import refuse
from core.events import record

NOT_WAIVABLE = (SignoffState.PASSED, SignoffState.SIGNED_OFF, SignoffState.WAIVED)


def request_waiver(candidate_id: int, kind: str, *, actor: User, reason: str, expires_at: datetime) -> Waiver:
    """Ask to let the current candidate through without one kind of test until an instant (aware).

    Raises Candidate.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit.
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
        waiver = Waiver.objects.create(signoff=signoff, reason=reason, expires_at=expires_at, requested_by=actor)
        record("waiver.requested", waiver, actor=actor, kind=kind, reason=reason, expires_at=expires_at)
    return waiver


def decide_waiver(waiver_id: int, *, actor: User, grant: bool, comment: str = "") -> Waiver:
    """Grant or refuse a waiver: a second person with the right. Refusing needs a comment. Raises Waiver.DoesNotExist, Refused."""
    release_id = Waiver.objects.values_list("signoff__candidate__release_id", flat=True).get(pk=waiver_id)
    with parts.locked_release(release_id):
        waiver = (
            Waiver.objects.select_for_update(of=("self",), no_key=True)
            .select_related("signoff__candidate")
            .get(pk=waiver_id)
        )
        decide(waiver, actor, "releases.waive_tests", grant, comment)
        signoff, name = waiver.signoff, "waiver.granted" if grant else "waiver.refused"
        record(name, waiver, actor=actor, kind=signoff.kind, comment=waiver.comment, expires_at=waiver.expires_at)
        if grant:
            signoff.waive()
            signoff.save()
            record("signoff.waived", signoff, actor=actor, kind=signoff.kind, until=waiver.expires_at)
    return waiver


def decide(exemption, actor: User, right: str, grant: bool, comment: str) -> None:
    """Let a second person decide on a locked waiver or override, and save it."""
    policy.require(actor, right, exemption)
    policy.require_person(actor)
    if actor.pk == exemption.requested_by_id:
        refuse("second-person", "You asked for it; a second person decides.")
    if grant:
        exemption.grant()
        exemption.comment = texts.fit(comment, "comment")
    else:
        exemption.refuse(reason=parts.needs_text(comment, "Say why it is refused."))
    exemption.decided_by = actor
    exemption.save()


def require_future(expires_at: datetime | None) -> None:
    if expires_at is None:
        refuse("expiry", "Say until when it holds.", field="expires_at")
    if expires_at <= timezone.now():
        refuse("expiry-past", "That is in the past. Choose a later instant.", field="expires_at")
