"""When an environment may be entered: the window of the release, and freezes."""

from django.utils import timezone

from approvals.states import GrantState
from core import gates
from core.blockers import Blocker
from core.wording import full
from deployments.guards.release import _asked_of_release
from releases import occurrences
from releases.occurrences import Occurrence


def window_closed(deployment) -> list[Blocker]:
    """Production is entered inside the release's window only."""
    if deployment.is_rollback or not deployment.environment.is_production:
        return []
    return [b for answer in _asked_of_release(deployment.release, ("window_open",)) for b in answer.blockers]


def because_window(deployment) -> str:
    release = deployment.release
    if not deployment.environment.is_production or not release.window_ends_at:
        return "Only production waits for the window."
    return f"The window is open until {full(release.window_ends_at)}."


def frozen(deployment) -> list[Blocker]:
    """Freezes of this tier that cover this instant and that no granted override opens for the release."""
    return [
        Blocker(
            "frozen",
            f"“{found.freeze}” freezes {deployment.environment} until {full(found.ends_at)}. It takes an override.",
        )
        for found in _freezes(deployment)
        if found.freeze.pk not in _overridden(deployment)
    ]


def because_not_frozen(deployment):
    opened = [str(found.freeze) for found in _freezes(deployment)]
    if opened and not deployment.is_rollback:
        return gates.Clear(f"Overridden: {', '.join(opened)}.", waived=True)
    return "No freeze covers it now."


def _freezes(deployment) -> list[Occurrence]:
    if deployment.is_rollback:
        return []
    on = occurrences.now(deployment.release.product_id)
    return [found for found in on if deployment.environment.tier in found.freeze.frozen_tiers]


def _overridden(deployment) -> set[int]:
    granted = deployment.release.freeze_overrides.filter(state=GrantState.GRANTED, expires_at__gt=timezone.now())
    return set(granted.values_list("freeze_id", flat=True))
