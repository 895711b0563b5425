"""One table of words, icons and tones: the same state looks the same on every page.

Keys are the state names of the machines (design of the lifecycle); a missing one is an error, never a grey guess.
"""

from typing import NamedTuple


class Look(NamedTuple):
    """Tone: ok, warn, bad, info or mute. Icon: a symbol of `ui/sprite.html`. Word: what the reader sees."""

    tone: str
    icon: str
    word: str


STAGES = (
    ("Planning", "pen"),
    ("Build & integration", "branch"),
    ("Testing", "flask"),
    ("Approval", "scale"),
    ("Deployment", "deploy"),
    ("Review", "book"),
    ("Closed", "check"),
)
STAGE_OF = {
    "draft": 1,
    "planned": 1,
    "building": 2,
    "testing": 3,
    "approving": 4,
    "ready": 4,
    "deploying": 5,
    "released": 6,
    "rolled_back": 6,
    "review": 6,
    "closed": 7,
}

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
        "building": Look("info", "branch", "Build & integration"),
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
    "candidate": {
        "current": Look("ok", "tag", "Current"),
        "superseded": Look("mute", "flat", "Superseded"),
        "rejected": Look("bad", "x-circle", "Rejected"),
        "released": Look("ok", "check-circle", "Released"),
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
        "waiting": Look("mute", "clock", "Waiting"),
        "cast": Look("ok", "check-circle", "Cast"),
        "approved": Look("ok", "check-circle", "Approved"),
        "approve": Look("ok", "check-circle", "Approved"),
        "rejected": Look("bad", "x-circle", "Rejected"),
        "reject": Look("bad", "x-circle", "Rejected"),
        "asked": Look("info", "message", "Asked"),
        "ask": Look("info", "message", "Asked"),
        "revoked": Look("mute", "undo", "Revoked"),
        "invalidated": Look("warn", "stale", "Stale"),
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
    "waiver": {
        "asked": Look("info", "scale", "Asked"),
        "proposed": Look("info", "scale", "Asked"),
        "granted": Look("mute", "waive", "Granted"),
        "approved": Look("mute", "waive", "Granted"),
        "refused": Look("bad", "x-circle", "Refused"),
        "rejected": Look("bad", "x-circle", "Refused"),
        "expired": Look("bad", "clock", "Expired"),
        "lapsed": Look("bad", "clock", "Lapsed"),
        "withdrawn": Look("mute", "x-circle", "Withdrawn"),
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
    "step": {
        "waiting": Look("mute", "clock", "Waiting"),
        "pending": Look("mute", "clock", "Waiting"),
        "queued": Look("mute", "clock", "Queued"),
        "running": Look("info", "running", "Running"),
        "done": Look("ok", "check", "Done"),
        "succeeded": Look("ok", "check", "Done"),
        "failed": Look("bad", "x-circle", "Failed"),
        "unknown": Look("warn", "alert", "Outcome unknown"),
        "skipped": Look("mute", "waive", "Skipped"),
        "aborted": Look("bad", "stop", "Aborted"),
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
    "action_item": {
        "proposed": Look("mute", "plus", "Proposed"),
        "accepted": Look("info", "check", "Accepted"),
        "in_progress": Look("info", "running", "In progress"),
        "done": Look("ok", "check", "Done"),
        "verified": Look("ok", "check-circle", "Verified"),
        "dropped": Look("mute", "x-circle", "Dropped"),
    },
    "risk": {
        "low": Look("mute", "flat", "Low"),
        "medium": Look("warn", "up", "Medium"),
        "high": Look("bad", "alert", "High"),
        "critical": Look("bad", "stop", "Critical"),
    },
    "risk_treatment": {
        "open": Look("warn", "alert", "Open"),
        "mitigated": Look("ok", "shield", "Mitigated"),
        "accepted": Look("info", "check", "Accepted"),
        "avoided": Look("ok", "check-circle", "Avoided"),
        "transferred": Look("mute", "right", "Transferred"),
    },
    "freeze": {
        "active": Look("warn", "freeze", "Frozen"),
        "planned": Look("mute", "freeze", "Planned"),
        "upcoming": Look("mute", "freeze", "Planned"),
        "over": Look("mute", "check", "Over"),
        "cancelled": Look("mute", "x-circle", "Cancelled"),
    },
    "train": {
        "planned": Look("mute", "train", "Planned"),
        "boarding": Look("info", "train", "Boarding"),
        "departed": Look("info", "deploy", "Departed"),
        "arrived": Look("ok", "check-circle", "Arrived"),
        "cancelled": Look("mute", "x-circle", "Cancelled"),
    },
    "delivery": {
        "waiting": Look("mute", "clock", "Waiting"),
        "pending": Look("mute", "clock", "Waiting"),
        "claimed": Look("info", "running", "Sending"),
        "sent": Look("ok", "check", "Sent"),
        "done": Look("ok", "check", "Sent"),
        "failed": Look("bad", "x-circle", "Failed"),
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
    """1 (Planning) to 7 (Closed) of a release state; a held or cancelled release stands where it came from, else at 1."""
    return STAGE_OF.get(str(release_state)) or STAGE_OF.get(str(held_from), 1)
