"""Doors of the freeze override: one release through one freeze until an instant, if the quorum agrees."""

from datetime import datetime

from accounts import policy
from accounts.models import User
from approvals.actions import parts
from approvals.actions.waiver import ask_quorum, follow_up_text, mark_done, require_future, vote_on
from approvals.models import FreezeOverride
from approvals.states import GrantState
from core.blockers import refuse
from core.events import record
from releases.models import FreezeWindow


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
        if release.freeze_overrides.filter(
            freeze=freeze, state__in=[GrantState.REQUESTED, GrantState.GRANTED]
        ).exists():
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


def decide_override(override_id: int, *, actor: User, grant: bool, comment: str = "") -> FreezeOverride:
    """Vote on the request about an override as it is now. Raises FreezeOverride.DoesNotExist, or as `cast_vote`."""
    vote_on(FreezeOverride.objects.get(pk=override_id), actor, grant, comment)
    return FreezeOverride.objects.select_related("freeze", "release__product").get(pk=override_id)


def finish_override_follow_up(override_id: int, *, actor: User) -> FreezeOverride:
    """Note that what was promised for afterwards is done. Raises FreezeOverride.DoesNotExist, PermissionDenied, Refused."""
    with parts.locked_row(FreezeOverride, override_id) as override:
        mark_done(override, actor, "override.followed_up")
    return override
