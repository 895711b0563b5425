"""Why a deployment may not start, go on, succeed or be undone now; and what releases ask of deployments.

A rollback is asked less: neither approvals nor the window nor the order of environments may keep the last good candidate
from coming back. A stop still holds: nothing enters a blocked environment.
"""

from deployments.guards.hooks import because_hooks, hooks_unfit, unfit
from deployments.guards.pipeline import (
    because_phase_open,
    because_progression,
    earlier_phases_open,
    not_current_candidate,
    older_than_running,
    progression_prevented,
    why_closed,
)
from deployments.guards.proof import is_asked, looks_at, not_verified, runs_unfinished, verification_of
from deployments.guards.rehearsal import because_rehearsed, not_rehearsed
from deployments.guards.release import release_not_ready
from deployments.guards.runbook import incomplete, steps_left
from deployments.guards.shipped import (
    because_confirmed,
    owes_confirmation,
    production_unproven,
    rollback_unfinished,
    rollbacks_unconfirmed,
)
from deployments.guards.stops import blocked, environment_taken, held, not_free
from deployments.guards.times import (
    because_no_conflict,
    because_not_frozen,
    because_window,
    conflicting,
    frozen,
    window_closed,
)
from deployments.guards.way_back import because_way_back, no_way_back

__all__ = [
    "because_confirmed",
    "because_hooks",
    "because_no_conflict",
    "because_not_frozen",
    "because_phase_open",
    "because_progression",
    "because_rehearsed",
    "because_way_back",
    "because_window",
    "blocked",
    "conflicting",
    "earlier_phases_open",
    "environment_taken",
    "frozen",
    "held",
    "hooks_unfit",
    "incomplete",
    "is_asked",
    "looks_at",
    "no_way_back",
    "not_current_candidate",
    "not_free",
    "not_rehearsed",
    "not_verified",
    "older_than_running",
    "owes_confirmation",
    "production_unproven",
    "progression_prevented",
    "release_not_ready",
    "rollback_unfinished",
    "rollbacks_unconfirmed",
    "runs_unfinished",
    "steps_left",
    "unfit",
    "verification_of",
    "why_closed",
    "window_closed",
]
