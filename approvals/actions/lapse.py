"""What ends by itself when its instant has passed, and the warnings before it does."""

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from accounts.actions import system_user
from approvals.actions import outcomes, parts
from approvals.models import ApprovalRequest, FreezeOverride, Policy, Waiver
from approvals.states import GrantState, RequestState, SignoffState
from core.events import record
from core.locking import locked


def expire_due() -> int:
    """Let pending requests expire whose deadline has passed. A suspended one waits: its clock stands. Returns how many."""
    return sum(_expire(pk) for pk in ApprovalRequest.objects.overdue().values_list("pk", flat=True))


def _expire(request_id: int) -> bool:
    with parts.locked_request(request_id) as request:
        if not ApprovalRequest.objects.overdue().filter(pk=request.pk).exists():
            return False
        request.expire()
        request.save()
        record("request.expired", request, actor=system_user(), due_at=request.due_at)
        outcomes.of(request).ended(request, system_user())
    return request.state == RequestState.EXPIRED


def enact_due() -> int:
    """Put approved policies in force whose instant has come, one after the other as it came. Returns how many."""
    order = (F("valid_from").asc(nulls_first=True), "pk")
    return sum(_enact(pk) for pk in Policy.objects.due().order_by(*order).values_list("pk", flat=True))


def _enact(policy_id: int) -> bool:
    with parts.locked_row(Policy, policy_id) as policy:
        if not Policy.objects.due().filter(pk=policy_id).exists():
            return False
        outcomes.put_in_force(policy, system_user())
    return True


def lapse_due() -> int:
    """Let waivers and freeze overrides lapse whose instant has passed. Returns how many."""
    waivers = Waiver.objects.over().values_list("pk", "signoff__candidate__release_id")
    overrides = FreezeOverride.objects.over().values_list("pk", flat=True)
    return sum(_lapse_waiver(*row) for row in waivers) + sum(_lapse_override(pk) for pk in overrides)


def _lapse_waiver(waiver_id: int, release_id: int) -> bool:
    with parts.locked_release(release_id):
        waiver = Waiver.objects.over().select_for_update(of=("self",)).filter(pk=waiver_id).first()
        if waiver is None:
            return False
        end_waiver(waiver, system_user())
    return True


def end_waiver(waiver: Waiver, actor) -> None:
    """Let a locked waiver lapse, and with it the waived sign-off."""
    granted = waiver.state == GrantState.GRANTED
    waiver.lapse()
    waiver.save()
    record("waiver.lapsed", waiver, actor=actor, kind=waiver.signoff.kind, was_granted=granted)
    if granted and waiver.signoff.state == SignoffState.WAIVED:
        waiver.signoff.lapse()
        waiver.signoff.save()


def _lapse_override(override_id: int) -> bool:
    if not FreezeOverride.objects.over().filter(pk=override_id).exists():
        return False
    with locked(FreezeOverride.objects, override_id) as override:
        if override.state not in (GrantState.REQUESTED, GrantState.GRANTED):
            return False
        override.lapse()
        override.save()
        record("override.lapsed", override, actor=system_user())
    return True


# Warnings

WARN_BEFORE = timedelta(hours=24)
WARN_AT_SHARE = 0.75  # of what lives no longer than that
EXEMPTIONS = {Waiver: "waiver", FreezeOverride: "override"}


def warning_at(exemption) -> datetime:
    """When the owner of a granted waiver or override is warned: a day before its end, or at three quarters of a shorter life."""
    since = exemption.decided_at or exemption.requested_at
    life = exemption.expires_at - since
    return exemption.expires_at - WARN_BEFORE if life > WARN_BEFORE else since + life * WARN_AT_SHARE


def warn_due() -> int:
    """Warn once of each granted waiver and override that lapses soon. Returns how many were new."""
    soon = timezone.now() + WARN_BEFORE
    return sum(
        _warn(model, exemption.pk)
        for model in EXEMPTIONS
        for exemption in model.objects.granted().filter(warned_at__isnull=True, expires_at__lte=soon).order_by("pk")
        if warning_at(exemption) <= timezone.now()
    )


def _warn(model, pk: int) -> bool:
    with parts.locked_row(model, pk) as exemption:
        now = timezone.now()
        if exemption.warned_at or exemption.state != GrantState.GRANTED or exemption.expires_at <= now:
            return False
        exemption.warned_at = now
        exemption.save()
        told = {"expires_at": exemption.expires_at, "follow_up": exemption.follow_up}
        record(f"{EXEMPTIONS[model]}.lapsing", exemption, actor=system_user(), **told)
    return True
