"""Steps that doors of higher rooms share: they take locked objects inside the door's own transaction, save and record.

A deployment that goes live moves the release's changes with it; an approval request that is decided moves its change.
"""

from accounts.models import User
from core.events import record
from releases.models import Change, Release
from releases.states import ChangeState


def start_changes(release: Release, actor: User) -> list[Change]:
    """approved → implementing for the scope of a locked release. Raises Refused for a change on hold."""
    return [_move(change, "implement", "change.implementing", actor) for change in _in(release, ChangeState.APPROVED)]


def finish_changes(release: Release, actor: User) -> list[Change]:
    """implementing → done: the production deployment is verified."""
    return [_move(change, "finish", "change.done", actor) for change in _in(release, ChangeState.IMPLEMENTING)]


def fail_changes(release: Release, actor: User) -> list[Change]:
    """implementing → failed: the production deployment failed and its outcome stands."""
    return [_move(change, "fail", "change.failed", actor) for change in _in(release, ChangeState.IMPLEMENTING)]


def back_out_changes(release: Release, actor: User) -> list[Change]:
    """implementing, done → backed_out: the rollback is done."""
    states = (ChangeState.IMPLEMENTING, ChangeState.DONE)
    return [_move(change, "back_out", "change.backed_out", actor) for change in _in(release, *states)]


def approve_change(change: Change, actor: User) -> Change:
    """authorising → approved for a locked change whose request is approved. Raises Refused by its gates."""
    return _move(change, "approve", "change.approved", actor)


def reject_change(change: Change, actor: User, reason: str) -> Change:
    """assessing, authorising → rejected for a locked change whose request is rejected."""
    return _move(change, "reject", "change.rejected", actor, reason=reason)


def _in(release: Release, *states: str) -> list[Change]:
    rows = Change.objects.select_for_update(of=("self",), no_key=True).select_related("product")
    return list(rows.filter(release=release, state__in=states).order_by("pk"))


def _move(change: Change, step: str, event: str, actor: User, **told) -> Change:
    getattr(change, step)(**told)
    change.save()
    record(event, change, actor=actor, **told)
    return change
