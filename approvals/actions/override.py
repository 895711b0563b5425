"""Doors of the freeze override: one release through one freeze until an instant."""

from datetime import datetime

from accounts import policy
from accounts.models import User
from approvals.actions import parts
from approvals.actions.waiver import decide, require_future
from approvals.models import FreezeOverride
from approvals.states import GrantState
from core.blockers import refuse
from core.events import record
from releases.models import FreezeWindow


def request_override(
    release_id: int, freeze_id: int, *, actor: User, reason: str, expires_at: datetime
) -> FreezeOverride:
    """Ask to let a release through a freeze that covers its product, until an instant (aware).

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
            freeze=freeze, release=release, reason=reason, expires_at=expires_at, requested_by=actor
        )
        record("override.requested", override, actor=actor, freeze=freeze.name, reason=reason, expires_at=expires_at)
    return override


def decide_override(override_id: int, *, actor: User, grant: bool, comment: str = "") -> FreezeOverride:
    """Grant or refuse an override: a second person with the right. Refusing needs a comment."""
    release_id = FreezeOverride.objects.values_list("release_id", flat=True).get(pk=override_id)
    with parts.locked_release(release_id):
        rows = FreezeOverride.objects.select_for_update(of=("self",), no_key=True).select_related(
            "freeze", "release__product"
        )
        override = rows.get(pk=override_id)
        decide(override, actor, "releases.override_freeze", grant, comment)
        name = "override.granted" if grant else "override.refused"
        record(
            name,
            override,
            actor=actor,
            freeze=override.freeze.name,
            comment=override.comment,
            expires_at=override.expires_at,
        )
    return override
