"""One table of words, icons and tones: the same state looks the same on every page.

Keys are the state names of the machines (design of the lifecycle); a missing one is an error, never a grey guess.
"""

from typing import NamedTuple

from releases.states import STAGE_OF, Stage


class Look(NamedTuple):
    """Tone: ok, warn, bad, info or mute. Icon: a symbol of `ui/sprite.html`. Word: what the reader sees."""

    tone: str
    icon: str
    word: str


STAGES = tuple(zip(Stage.labels, ("pen", "branch", "flask", "scale", "deploy", "book", "check"), strict=True))

LOOKS: dict[str, dict[str, Look]] = {
    "release": {
        "draft": Look("mute", "pen", "Draft"),
        "planned": Look("mute", "pen", "Planned"),
        "building": Look("info", "branch", "Build & integration"),
        "testing": Look("info", "flask", "Testing"),
        "approving": Look("info", "scale", "Approval"),
        "ready": Look("ok", "check-circle", "Ready"),
        "deploying": Look("info", "deploy", "Deployment"),
        "released": Look("ok", "check-circle", "Released"),
        "review": Look("info", "book", "Review"),
        "closed": Look("ok", "check", "Closed"),
        "on_hold": Look("warn", "pause", "On hold"),
        "cancelled": Look("mute", "x-circle", "Cancelled"),
        "rolled_back": Look("bad", "undo", "Rolled back"),
        "blocked": Look("bad", "stop", "Blocked"),
    },
    "stage": {
        "planning": Look("mute", "pen", "Planning"),
        "build": Look("info", "branch", "Build & integration"),
        "testing": Look("info", "flask", "Testing"),
        "approval": Look("info", "scale", "Approval"),
        "deployment": Look("info", "deploy", "Deployment"),
        "review": Look("info", "book", "Review"),
        "closed": Look("ok", "check", "Closed"),
    },
    "strategy": {
        "major": Look("warn", "up", "Major"),
        "minor": Look("mute", "plus", "Minor"),
        "patch": Look("mute", "check", "Patch"),
        "emergency": Look("bad", "bolt", "Emergency"),
    },
    "change": {
        "new": Look("mute", "plus", "New"),
        "assessing": Look("info", "search", "Assessing"),
        "authorising": Look("info", "scale", "Authorising"),
        "approved": Look("ok", "check", "Approved"),
        "implementing": Look("info", "running", "Implementing"),
        "done": Look("ok", "check-circle", "Done"),
        "failed": Look("bad", "x-circle", "Failed"),
        "backed_out": Look("bad", "undo", "Backed out"),
        "rejected": Look("bad", "x-circle", "Rejected"),
        "withdrawn": Look("mute", "x-circle", "Withdrawn"),
        "on_hold": Look("warn", "pause", "On hold"),
        "unauthorised": Look("bad", "alert", "Unauthorised"),
    },
    "change_type": {
        "standard": Look("mute", "check", "Standard"),
        "normal": Look("mute", "scale", "Normal"),
        "emergency": Look("bad", "bolt", "Emergency"),
        "unauthorised": Look("bad", "alert", "Unauthorised"),
    },
    "change_template": {
        "draft": Look("mute", "pen", "Draft"),
        "proposed": Look("info", "scale", "Proposed"),
        "approved": Look("ok", "check-circle", "Approved"),
        "lapsed": Look("warn", "clock", "Lapsed"),
        "retired": Look("mute", "x-circle", "Retired"),
    },
    "candidate": {
        "current": Look("ok", "tag", "Current"),
        "superseded": Look("mute", "flat", "Superseded"),
    },
    "policy": {
        "draft": Look("mute", "pen", "Draft"),
        "proposed": Look("info", "scale", "Proposed"),
        "scheduled": Look("info", "clock", "Scheduled"),
        "in_force": Look("ok", "check-circle", "In force"),
        "retired": Look("mute", "history", "Retired"),
        "discarded": Look("mute", "x-circle", "Discarded"),
    },
    "request": {
        "pending": Look("info", "scale", "Pending"),
        "approved": Look("ok", "check-circle", "Approved"),
        "rejected": Look("bad", "x-circle", "Rejected"),
        "expired": Look("bad", "clock", "Expired"),
        "withdrawn": Look("mute", "x-circle", "Withdrawn"),
        "superseded": Look("mute", "flat", "Superseded"),
        "suspended": Look("warn", "pause", "Suspended"),
    },
    "vote": {
        "cast": Look("ok", "check-circle", "Cast"),
        "revoked": Look("mute", "undo", "Revoked"),
        "invalidated": Look("warn", "stale", "Stale"),
        "waiting": Look("mute", "clock", "Waiting"),
    },
    "signoff": {
        "required": Look("mute", "clock", "Required"),
        "running": Look("info", "running", "Running"),
        "passed": Look("info", "check", "Passed, not signed"),
        "signed_off": Look("ok", "check-circle", "Signed off"),
        "failed": Look("bad", "x-circle", "Failed"),
        "errored": Look("bad", "alert", "Errored"),
        "inconclusive": Look("warn", "info", "Inconclusive"),
        "waived": Look("mute", "waive", "Waived"),
        "stale": Look("warn", "stale", "Stale"),
    },
    "gate": {
        "passed": Look("ok", "check", "Passed"),
        "block": Look("bad", "stop", "Blocking"),
        "waived": Look("mute", "waive", "Waived"),
        "wait": Look("mute", "clock", "Not due yet"),
    },
    "deployment": {
        "planned": Look("mute", "calendar", "Planned"),
        "awaiting_approval": Look("warn", "lock", "Awaiting approval"),
        "scheduled": Look("mute", "calendar", "Scheduled"),
        "queued": Look("info", "clock", "Queued"),
        "running": Look("info", "running", "Running"),
        "verifying": Look("info", "eye", "Verifying"),
        "succeeded": Look("ok", "check-circle", "Succeeded"),
        "paused": Look("warn", "pause", "Paused"),
        "failed": Look("bad", "x-circle", "Failed"),
        "aborted": Look("bad", "stop", "Aborted"),
        "rolling_back": Look("warn", "undo", "Rolling back"),
        "rolled_back": Look("bad", "undo", "Rolled back"),
        "rollback_failed": Look("bad", "alert", "Rollback failed"),
        "superseded": Look("mute", "flat", "Superseded"),
        "expired": Look("bad", "clock", "Window closed"),
    },
    "review": {
        "scheduled": Look("mute", "calendar", "Scheduled"),
        "collecting": Look("info", "running", "Collecting"),
        "draft": Look("mute", "pen", "Draft"),
        "in_review": Look("info", "eye", "In review"),
        "approved": Look("ok", "check", "Approved"),
        "closed": Look("ok", "check-circle", "Closed"),
        "reopened": Look("warn", "undo", "Reopened"),
    },
    "risk": {
        "low": Look("mute", "flat", "Low"),
        "medium": Look("warn", "up", "Medium"),
        "high": Look("bad", "alert", "High"),
    },
    "freeze": {
        "planned": Look("mute", "freeze", "Planned"),
        "active": Look("warn", "freeze", "Frozen"),
        "over": Look("mute", "check", "Over"),
        "lifted": Look("mute", "undo", "Lifted"),
    },
    "change_kind": {
        "feature": Look("mute", "plus", "Feature"),
        "fix": Look("mute", "gear", "Fix"),
        "performance": Look("mute", "gauge", "Performance"),
        "revert": Look("mute", "undo", "Revert"),
        "other": Look("mute", "flat", "Other"),
    },
    "verdict": {
        "approve": Look("ok", "check-circle", "Approved"),
        "reject": Look("bad", "x-circle", "Rejected"),
        "ask": Look("info", "message", "Asked"),
    },
    "grant": {
        "requested": Look("info", "scale", "Requested"),
        "granted": Look("mute", "waive", "Granted"),
        "refused": Look("bad", "x-circle", "Refused"),
        "lapsed": Look("bad", "clock", "Lapsed"),
    },
    "run": {
        "waiting": Look("mute", "clock", "Waiting"),
        "claimed": Look("info", "clock", "Starting"),
        "running": Look("info", "running", "Running"),
        "succeeded": Look("ok", "check", "Done"),
        "failed": Look("bad", "x-circle", "Failed"),
        "unknown": Look("warn", "alert", "Outcome unknown"),
        "cancelled": Look("mute", "stop", "Cancelled"),
        "skipped": Look("mute", "waive", "Skipped"),
    },
    "runbook": {
        "draft": Look("mute", "pen", "Draft"),
        "running": Look("info", "running", "Running"),
        "finished": Look("ok", "check-circle", "Finished"),
        "aborted": Look("bad", "stop", "Aborted"),
    },
    "step": {
        "waiting": Look("mute", "clock", "Waits"),
        "ready": Look("warn", "flag", "Ready"),
        "running": Look("info", "running", "Running"),
        "done": Look("ok", "check", "Done"),
        "failed": Look("bad", "x-circle", "Failed"),
        "skipped": Look("mute", "waive", "Skipped"),
    },
    "action": {
        "proposed": Look("mute", "plus", "Proposed"),
        "accepted": Look("info", "check", "Accepted"),
        "in_progress": Look("info", "running", "In progress"),
        "done": Look("ok", "check", "Done"),
        "verified": Look("ok", "check-circle", "Verified"),
        "dropped": Look("mute", "x-circle", "Dropped"),
    },
    "outcome": {
        "success": Look("ok", "check-circle", "Success"),
        "partial": Look("warn", "alert", "Partial success"),
        "failure": Look("bad", "x-circle", "Failure"),
    },
    "finding": {
        "went_well": Look("ok", "check", "Went well"),
        "went_wrong": Look("bad", "x", "Went wrong"),
        "lucky": Look("warn", "flag", "Got lucky"),
        "learned": Look("info", "book", "Learned"),
    },
    "treatment": {
        "undecided": Look("warn", "alert", "Undecided"),
        "mitigate": Look("ok", "shield", "Mitigate"),
        "accept": Look("info", "check", "Accept"),
        "transfer": Look("mute", "right", "Transfer"),
        "avoid": Look("ok", "waive", "Avoid"),
    },
    "signoff_kind": {
        "functional": Look("mute", "flask", "Functional"),
        "regression": Look("mute", "history", "Regression"),
        "performance": Look("mute", "gauge", "Performance"),
        "security": Look("mute", "shield", "Security"),
        "accessibility": Look("mute", "eye", "Accessibility"),
        "uat": Look("mute", "users", "UAT"),
        "operations": Look("mute", "gear", "Operations"),
    },
    "facet": {
        "scope": Look("mute", "list", "Scope"),
        "artifact": Look("mute", "tag", "Artifact"),
        "window": Look("mute", "calendar", "Window"),
        "rollback": Look("mute", "undo", "Rollback"),
        "risk": Look("mute", "alert", "Risk"),
        "configuration": Look("mute", "gear", "Configuration"),
    },
    "meeting": {
        "scheduled": Look("mute", "calendar", "Scheduled"),
        "in_session": Look("info", "running", "In session"),
        "closed": Look("ok", "check-circle", "Held"),
        "cancelled": Look("mute", "x-circle", "Called off"),
    },
    "agenda_item": {
        "open": Look("mute", "list", "To come"),
        "in_discussion": Look("info", "message", "Under discussion"),
        "decided": Look("ok", "scale", "Decided"),
        "deferred": Look("warn", "clock", "Deferred"),
        "dropped": Look("mute", "x", "Taken off"),
    },
    "tier": {
        "development": Look("mute", "branch", "Development"),
        "test": Look("mute", "flask", "Test"),
        "staging": Look("mute", "eye", "Staging"),
        "production": Look("mute", "globe", "Production"),
    },
    "delivery": {
        "waiting": Look("mute", "clock", "Waiting"),
        "claimed": Look("info", "running", "Being delivered"),
        "done": Look("ok", "check", "Delivered"),
        "dead": Look("bad", "stop", "Given up"),
    },
}


def look(kind: str, value: str) -> Look:
    """How a state shows, e.g. `look("signoff", "stale")`.

    Raises LookupError naming kind and value when the table has no such row.
    """
    try:
        return LOOKS[str(kind)][str(value)]
    except KeyError:
        raise LookupError(f"No look for the {kind} state {value!r}: add it to portal/looks.py") from None


def stage_number(release_state: str, held_from: str = "") -> int:
    """1 (Planning) to 7 (Closed) of a release state; a held release stands where it came from, without that at 1."""
    stage = STAGE_OF.get(release_state) or STAGE_OF.get(held_from, Stage.PLANNING)
    return list(Stage).index(stage) + 1
