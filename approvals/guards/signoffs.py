"""Why tests are not signed off, or cannot be."""

from datetime import datetime

from django.utils import timezone

from approvals import matching
from approvals.guards.addresses import signoff_url, tab_url
from approvals.states import GrantState, SignoffKind, SignoffState
from core import wording
from core.blockers import Blocker
from core.gates import Clear


def standing_waiver(signoff, at: datetime | None = None):
    """The granted waiver of a sign-off that has not lapsed; None where there is none."""
    at = at or timezone.now()
    return next((w for w in signoff.waivers.all() if w.state == GrantState.GRANTED and w.expires_at > at), None)


def signoffs_missing(release) -> list[Blocker]:
    """One blocker per required kind that is neither signed off nor waived for the current candidate."""
    signoffs = _current_signoffs(release)
    found = []
    for kind in matching.required_kinds(release):
        signoff = signoffs.get(kind)
        if signoff is None or not _satisfied(signoff):
            found.append(
                Blocker(
                    f"signoff-missing:{kind}",
                    _missing_words(release, kind, signoff),
                    signoff_url(release, kind),
                    "Open",
                )
            )
    return found


def _current_signoffs(release) -> dict:
    return {s.kind: s for s in release.candidate.signoffs.all()} if release.candidate else {}


def _satisfied(signoff) -> bool:
    if signoff.state == SignoffState.SIGNED_OFF:
        return True
    return signoff.state == SignoffState.WAIVED and standing_waiver(signoff) is not None


_STATE_WORDS = {
    SignoffState.PASSED: "passed and wait for a signature",
    SignoffState.FAILED: "failed",
    SignoffState.ERRORED: "ended in errors",
    SignoffState.INCONCLUSIVE: "gave no verdict",
    SignoffState.RUNNING: "are still running",
    SignoffState.STALE: "are stale",
    SignoffState.WAIVED: "were waived, and the waiver has lapsed",
}


def _missing_words(release, kind: str, signoff) -> str:
    label = SignoffKind(kind).label
    on = f" on {release.candidate.short}" if release.candidate else ""
    said = _STATE_WORDS.get(signoff.state, "are not reported yet") if signoff else "are not reported yet"
    return f"{label} tests{on} {said}."


def signoffs_said(release) -> Clear:
    """ "Functional and regression signed off on rc.3; security waived." """
    signoffs = _current_signoffs(release)
    kinds = matching.required_kinds(release)
    if not kinds:
        return Clear(f"No test sign-off is required for {release.get_strategy_display().lower()} releases.")
    waived = [k for k in kinds if signoffs[k].state == SignoffState.WAIVED]
    signed = [k for k in kinds if k not in waived]
    on = release.candidate.short
    parts = [f"{wording.listed([SignoffKind(k).label for k in signed])} signed off on {on}"] if signed else []
    parts += [f"{wording.listed([SignoffKind(k).label for k in waived])} waived"] if waived else []
    return Clear("; ".join(parts) + ".", waived=bool(waived))


def candidate_not_current(signoff) -> list[Blocker]:
    release = signoff.candidate.release
    if release.candidate_id == signoff.candidate_id:
        return []
    now = f"{release.candidate.short} is" if release.candidate else "none is"
    return [Blocker("not-current", f"{signoff.candidate.short} is not the current candidate; {now}.", tab_url(release))]


def evidence_missing(signoff) -> list[Blocker]:
    if any(e.file or e.statement.strip() for e in signoff.evidence.all()):
        return []
    url = signoff_url(signoff.candidate.release, signoff.kind)
    return [Blocker("evidence-missing", "Attach a report or write down what was tested first.", url, "Add evidence")]


def waiver_missing(signoff) -> list[Blocker]:
    if standing_waiver(signoff):
        return []
    url = signoff_url(signoff.candidate.release, signoff.kind)
    return [Blocker("waiver-missing", "No granted waiver stands for this.", url, "Request a waiver")]
