"""Doors of the override: one release through one freeze or conflict until an instant, if the quorum agrees."""

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from accounts import policy
from accounts.models import User
from approvals.actions import parts
from approvals.actions.waiver import ask_quorum, follow_up_text, mark_done, require_future, vote_on
from approvals.models import FreezeOverride
from approvals.states import GrantState
from core.blockers import refuse
from core.events import record
from releases import conflicts, occurrences
from releases.conflicts import Conflict, Wish
from releases.models import Environment, FreezeWindow, Release
from releases.slots import AHEAD
from releases.states import ConflictKind, Severity

STANDING = [GrantState.REQUESTED, GrantState.GRANTED]


def request_override(
    release_id: int, freeze_id: int, *, actor: User, reason: str, expires_at: datetime, follow_up: str = ""
) -> FreezeOverride:
    """Ask to let a release through a freeze that covers its product, until an instant (aware), and open the request for it.

    Raises Release.DoesNotExist, FreezeWindow.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit.
    """
    with parts.locked_release(release_id) as release:
        policy.require(actor, "releases.manage_release", release)
        policy.require_person(actor)
        freeze = FreezeWindow.objects.standing().get(pk=freeze_id)
        if freeze.products.exists() and not freeze.products.filter(pk=release.product_id).exists():
            refuse("freeze-elsewhere", f"“{freeze.name}” does not cover {release.product}.", field="freeze")
        reason = parts.needs_text(reason, "Say why it cannot wait for the end of the freeze.", "reason")
        require_future(expires_at)
        if release.freeze_overrides.filter(freeze=freeze, state__in=STANDING).exists():
            refuse("override-stands", "An override of this freeze has been asked for already.", field="freeze")
        override = FreezeOverride.objects.create(
            freeze=freeze,
            release=release,
            reason=reason,
            expires_at=expires_at,
            follow_up=follow_up_text(follow_up),
            requested_by=actor,
        )
        record("override.requested", override, actor=actor, freeze=freeze.name, reason=reason, expires_at=expires_at)
        ask_quorum(override, actor)
    return override


def conflicts_to_override(release: Release, about: str = "") -> list[Conflict]:
    """What stands in the release's way and an override helps against, each once, freezes left out. A constant number of queries.

    In the way of its window, of what is planned for it, or of a start now in an environment; and whatever is called `about`,
    if a deployment may meet it within 60 days.
    """
    return _to_override(release, conflicts.NOT_FREEZES, about)


def freezes_to_override(release: Release, about: str = "") -> list[int]:
    """The same of freezes, of any tier: their ids."""
    return [int(c.about.partition(":")[2]) for c in _to_override(release, (ConflictKind.FREEZE,), about)]


def _to_override(release: Release, kinds: tuple[ConflictKind, ...], about: str) -> list[Conflict]:
    row = Release.objects.select_related("product").prefetch_related(*conflicts.parts()).get(pk=release.pk)
    found = [c for wish in conflicts.wishes_of(row) for c in conflicts.find(wish, kinds)]
    if about and about not in {c.about for c in found}:
        found += [c for wish in _ahead(row) for c in conflicts.find(wish, kinds) if c.about == about]
    return list({c.about: c for c in reversed(found) if c.severity == Severity.OVERRIDE and not c.overridden}.values())


def _ahead(release: Release) -> Iterator[Wish]:
    """All that it may want within 60 days: a window, a deployment anywhere, also one to a place that is closed then."""
    now = timezone.now()
    yield Wish(release, now, now + AHEAD)
    for environment in release.product.environments.all():
        yield Wish(release, now, now + AHEAD, environment)
        if closes := _closes(environment, now):
            yield Wish(release, closes, closes + occurrences.INSTANT, environment)


def _closes(environment: Environment, now: datetime) -> datetime | None:
    """When an environment with windows is closed next; `now` where it is closed. None for one that stays open for 60 days."""
    at, windows = now, environment.windows.all()
    while at < now + AHEAD:
        on = [span for window in windows if (span := window.occurrence_at(at))]
        if not on:
            return at if windows else None
        at = max(span.ends_at for span in on)
    return None


def request_conflict_override(
    release_id: int, about: str, *, actor: User, reason: str, expires_at: datetime, follow_up: str = ""
) -> FreezeOverride:
    """Ask to let a release ship in spite of a conflict, by its name in `releases.conflicts`, until an instant (aware).

    Raises Release.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit: where the conflict is not
    there (any more), only warns, or blocks.
    """
    with parts.locked_release(release_id) as release:
        policy.require(actor, "releases.manage_release", release)
        policy.require_person(actor)
        reason = parts.needs_text(reason, "Say why it cannot be planned otherwise.", "reason")
        require_future(expires_at)
        standing = release.freeze_overrides.filter(about=about, freeze=None, state__in=STANDING)
        if standing.exists():
            refuse("override-stands", "An override of this conflict has been asked for already.", field="about")
        found = next((c for c in conflicts_to_override(release, about) if c.about == about), None)
        if found is None:
            refuse(
                "nothing-to-override",
                "No override helps here: the conflict is gone, only warns, or blocks.",
                field="about",
            )
        override = FreezeOverride.objects.create(
            kind=found.kind,
            about=about,
            words=found.message[:400],
            release=release,
            reason=reason,
            expires_at=expires_at,
            follow_up=follow_up_text(follow_up),
            requested_by=actor,
        )
        told = {"kind": override.kind, "about": about, "reason": reason, "expires_at": expires_at}
        record("override.requested", override, actor=actor, **told)
        ask_quorum(override, actor)
    return override


def decide_override(override_id: int, *, actor: User, grant: bool, comment: str = "") -> FreezeOverride:
    """Vote on the request about an override as it is now. Raises FreezeOverride.DoesNotExist, or as `cast_vote`."""
    vote_on(FreezeOverride.objects.get(pk=override_id), actor, grant, comment)
    return FreezeOverride.objects.select_related("freeze", "release__product").get(pk=override_id)


def finish_override_follow_up(override_id: int, *, actor: User) -> FreezeOverride:
    """Note that what was promised for afterwards is done. Raises FreezeOverride.DoesNotExist, PermissionDenied, Refused."""
    with parts.locked_row(FreezeOverride, override_id) as override:
        mark_done(override, actor, "override.followed_up")
    return override
