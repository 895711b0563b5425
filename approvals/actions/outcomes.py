"""What approval and rejection do to each kind of subject, inside the door's transaction and with the subject locked.

An approval satisfies a gate; it ships nothing. A release becomes ready and a change approved where nothing else blocks, a waiver
or an override is granted, a stop lifted, a standard change added to the catalogue, a policy put in force.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django.utils import timezone

from accounts.actions import system_user
from accounts.models import User
from approvals.actions import parts
from approvals.models import ApprovalRequest, Policy
from approvals.states import GrantState, PolicyState, Subject, VoteState
from core.blockers import Refused
from core.events import record
from releases import steps
from releases.states import ChangeState, ReleaseState


@dataclass(frozen=True)
class Outcome:
    """`approved(request, actor)` may run more than once; `rejected(request, actor, reason)` runs once.

    `ended(request, actor)` runs once when the request expires or is withdrawn without an answer.
    """

    approved: Callable[[ApprovalRequest, User], None]
    rejected: Callable[[ApprovalRequest, User, str], None]
    ended: Callable[[ApprovalRequest, User], None] = lambda request, actor: None


def of(request: ApprovalRequest) -> Outcome:
    return OUTCOMES[request.kind]


def _moved(subject, step: str, event: str, actor: User) -> bool:
    """Take a step where its gates are clear; where they are not, a later event tries again."""
    try:
        getattr(subject, step)()
    except Refused:
        return False
    subject.save()
    record(event, subject, actor=actor)
    return True


# Releases and changes


def _release_approved(request: ApprovalRequest, actor: User) -> None:
    if request.release.state == ReleaseState.APPROVING:
        _moved(request.release, "mark_ready", "release.marked_ready", system_user())


def _nothing(request: ApprovalRequest, actor: User, reason: str) -> None:
    """A rejected release stays where it is: it can be mended and asked for again."""


def _change_approved(request: ApprovalRequest, actor: User) -> None:
    if request.change.state == ChangeState.AUTHORISING:
        _moved(request.change, "approve", "change.approved", system_user())


def _change_rejected(request: ApprovalRequest, actor: User, reason: str) -> None:
    if request.change.state == ChangeState.AUTHORISING:
        steps.reject_change(request.change, actor, reason)


# Exemptions and stops


def _decided_by(request: ApprovalRequest, actor: User) -> tuple[User, str]:
    """Who cast the last vote that counts, and their comment."""
    vote = request.votes.filter(state=VoteState.CAST).select_related("person").order_by("-pk").first()
    return (vote.person, vote.comment) if vote else (actor, "")


def _grant(request: ApprovalRequest, exemption, actor: User) -> bool:
    if exemption.state != GrantState.REQUESTED:
        return False
    try:
        exemption.grant()
    except Refused:
        return False
    exemption.decided_by, exemption.comment = _decided_by(request, actor)
    exemption.save()
    return True


def _refuse(request: ApprovalRequest, exemption, actor: User, reason: str) -> bool:
    if exemption.state != GrantState.REQUESTED:
        return False
    who, comment = _decided_by(request, actor)
    exemption.refuse(reason=comment or reason)
    exemption.decided_by = who
    exemption.save()
    return True


def _waiver_approved(request: ApprovalRequest, actor: User) -> None:
    waiver, signoff = request.waiver, request.waiver.signoff
    if _grant(request, waiver, actor):
        told = {"kind": signoff.kind, "comment": waiver.comment, "expires_at": waiver.expires_at}
        record("waiver.granted", waiver, actor=actor, **told)
        signoff.waive()
        signoff.save()
        record("signoff.waived", signoff, actor=actor, kind=signoff.kind, until=waiver.expires_at)


def _waiver_rejected(request: ApprovalRequest, actor: User, reason: str) -> None:
    waiver = request.waiver
    if _refuse(request, waiver, actor, reason):
        told = {"kind": waiver.signoff.kind, "comment": waiver.comment, "expires_at": waiver.expires_at}
        record("waiver.refused", waiver, actor=actor, **told)


def _override_approved(request: ApprovalRequest, actor: User) -> None:
    if _grant(request, request.override, actor):
        _tell_of_override("override.granted", request.override, actor)


def _override_rejected(request: ApprovalRequest, actor: User, reason: str) -> None:
    if _refuse(request, request.override, actor, reason):
        _tell_of_override("override.refused", request.override, actor)


def _tell_of_override(name: str, override, actor: User) -> None:
    told = {"freeze": override.what, "comment": override.comment, "expires_at": override.expires_at}
    record(name, override, actor=actor, **told)


def _lift_approved(request: ApprovalRequest, actor: User) -> None:
    lift = request.lift
    if _grant(request, lift, actor):
        record("lift.granted", lift, actor=actor, comment=lift.comment)
        if lift.stopped.is_blocked:
            steps.lift_stop(lift.stopped, actor=actor, reason=lift.reason)


def _lift_rejected(request: ApprovalRequest, actor: User, reason: str) -> None:
    if _refuse(request, request.lift, actor, reason):
        record("lift.refused", request.lift, actor=actor, comment=request.lift.comment)


def _exemption_ended(name: str) -> Callable[[ApprovalRequest, User], None]:
    """Let what was asked for lapse where its request ended without an answer, so that it can be asked for again."""

    def ended(request: ApprovalRequest, actor: User) -> None:
        exemption = request.subject
        if exemption.state == GrantState.REQUESTED:
            exemption.lapse()
            exemption.save()
            record(f"{name}.lapsed", exemption, actor=actor, was_granted=False)

    return ended


# The catalogue


def _template_approved(request: ApprovalRequest, actor: User) -> None:
    if request.template.state == "proposed":
        with suppress(Refused):
            steps.approve_template(request.template, actor)


def _template_rejected(request: ApprovalRequest, actor: User, reason: str) -> None:
    if request.template.state == "proposed":
        steps.reject_template(request.template, actor, reason)


# Policies


def _policy_approved(request: ApprovalRequest, actor: User) -> None:
    policy = request.proposal
    if policy.state == PolicyState.PROPOSED:
        _moved(policy, "schedule", "policy.approved", actor)
    if policy.state == PolicyState.SCHEDULED and (policy.valid_from is None or policy.valid_from <= timezone.now()):
        put_in_force(policy, actor)


def put_in_force(policy: Policy, actor: User) -> None:
    """Let an approved version take the place of the one in force. The policy is locked."""
    parts.lock_line(policy.subject)
    in_force = Policy.objects.in_force().filter(subject=policy.subject)
    before = in_force.select_for_update(of=("self",), no_key=True).first()
    if before is not None:
        before.retire()
        before.save()
        record("policy.retired", before, actor=actor, by=policy.pk)
    policy.enact()
    policy.save()
    record("policy.enacted", policy, actor=actor, instead_of=before.pk if before else None)


def _policy_ended(request: ApprovalRequest, actor: User) -> None:
    _policy_rejected(request, actor, "Nobody decided in time.")


def _template_ended(request: ApprovalRequest, actor: User) -> None:
    _template_rejected(request, actor, "Nobody decided in time.")


def _policy_rejected(request: ApprovalRequest, actor: User, reason: str) -> None:
    if request.proposal.state == PolicyState.PROPOSED:
        request.proposal.send_back()
        request.proposal.save()
        record("policy.rejected", request.proposal, actor=actor, reason=reason)


OUTCOMES = {
    Subject.RELEASE.value: Outcome(_release_approved, _nothing),
    Subject.CHANGE.value: Outcome(_change_approved, _change_rejected),
    Subject.WAIVER.value: Outcome(_waiver_approved, _waiver_rejected, _exemption_ended("waiver")),
    Subject.OVERRIDE.value: Outcome(_override_approved, _override_rejected, _exemption_ended("override")),
    Subject.LIFT.value: Outcome(_lift_approved, _lift_rejected, _exemption_ended("lift")),
    Subject.TEMPLATE.value: Outcome(_template_approved, _template_rejected, _template_ended),
    Subject.POLICY.value: Outcome(_policy_approved, _policy_rejected, _policy_ended),
}
