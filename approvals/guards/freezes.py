"""Freezes that keep a release from shipping, and the overrides that let it through."""

from datetime import datetime

from django.utils import timezone

from approvals.guards.addresses import tab_url
from approvals.states import GrantState
from core import wording
from core.blockers import Blocker
from core.gates import Clear
from releases import conflicts, occurrences
from releases.occurrences import Occurrence
from releases.states import ConflictKind, Severity, Tier


def freeze_touching_window(release) -> list[Blocker]:
    """Freezes of production that the release's window touches, without a granted override that reaches into it."""
    return [
        _frozen(release, found, "The window touches")
        for found in frozen_in_window(release)
        if _holds(release, found.freeze, max(release.window_starts_at, found.starts_at))
    ]


def freeze_active(release, tier: str = Tier.PRODUCTION, at: datetime | None = None) -> list[Blocker]:
    """Freezes of `tier` that are on at an instant (now by default), without a granted override."""
    at = at or timezone.now()
    return [
        _frozen(release, found, "Nothing ships during")
        for found in frozen_at(release, at, tier)
        if _holds(release, found.freeze, at)
    ]


def frozen_in_window(release) -> list[Occurrence]:
    """Occurrences of freezes of production that the release's window touches."""
    return occurrences.over(release.freeze_table.all(), release)


def frozen_at(release, at: datetime, tier: str = Tier.PRODUCTION) -> list[Occurrence]:
    """Occurrences of freezes of a tier that are on for the release's product at an instant."""
    meant = [f for f in release.freeze_table.all() if occurrences.covers(f, release.product_id)]
    return occurrences.at([f for f in meant if str(tier) in f.frozen_tiers], at)


def override_of(release, freeze, at: datetime):
    """The granted override of a freeze for a release that stands at an instant; None where there is none."""
    return next(
        (
            o
            for o in release.freeze_overrides.all()
            if o.freeze_id == freeze.pk and o.state == GrantState.GRANTED and o.expires_at > at
        ),
        None,
    )


def _holds(release, freeze, at: datetime) -> bool:
    """Whether a freeze keeps the release from shipping: by what freezes mean for its product, and without an override."""
    severity = conflicts.severity_of(release, ConflictKind.FREEZE)
    if severity == Severity.WARN:
        return False
    return severity == Severity.BLOCK or override_of(release, freeze, at) is None


def overridden(release, at: datetime) -> set[str]:
    """The names of the conflicts that granted overrides let the release through at an instant. Asked by `releases.conflicts`."""
    if release.pk is None:
        return set()
    standing = (o for o in release.freeze_overrides.all() if o.state == GrantState.GRANTED and o.expires_at > at)
    return {override.key for override in standing}


def _frozen(release, found: Occurrence, words: str) -> Blocker:
    return Blocker(
        f"freeze:{found.freeze.pk}",
        f"{words} “{found.freeze.name}”, on until {wording.full(found.ends_at)}.",
        tab_url(release) + "#overrides",
        "Ask for an override" if conflicts.severity_of(release, ConflictKind.FREEZE) == Severity.OVERRIDE else "See it",
    )


def freeze_said_of_window(release) -> Clear:
    start, end = release.window_starts_at, release.window_ends_at
    if not start or not end:
        return Clear("No window is set yet.")
    return _said(release, frozen_in_window(release), "The window is outside all freezes.")


def freeze_said_now(release) -> Clear:
    return _said(release, frozen_at(release, timezone.now()), "Production is not frozen.")


def _said(release, overridden: list[Occurrence], otherwise: str) -> Clear:
    if not overridden:
        return Clear(otherwise)
    names = wording.listed(list(dict.fromkeys(found.freeze.name for found in overridden)))
    if conflicts.severity_of(release, ConflictKind.FREEZE) == Severity.WARN:
        return Clear(f"Inside {names}, which only warns.", waived=True)
    return Clear(f"Overridden: {names}.", waived=True)
