"""Reasons why something may not happen, as far as agreement decides. Each returns blockers; its `…_said` twin why it is clear.

Guards read relations with `.all()` only (see `apps.py` for the prefetches) and never import the tables.
"""

from datetime import datetime

from django.utils import timezone

from approvals import matching, sheet, tally
from approvals.states import GrantState, RequestState, SignoffKind, SignoffState
from approvals.subjects import kind_of
from approvals.subjects.kind import address
from core import wording
from core.blockers import Blocker
from core.gates import Clear
from releases import conflicts, occurrences
from releases.occurrences import Occurrence
from releases.states import ConflictKind, Severity, Tier


def tab_url(release) -> str:
    return address("approvals:tab", release.product.slug, release.version)


def signoff_url(release, kind: str) -> str:
    return address("approvals:signoff", release.product.slug, release.version, kind)


def subject_url(subject) -> str:
    return kind_of(subject).url(subject)


# Test sign-offs


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


def expiry_past(exemption) -> list[Blocker]:
    """For waivers and overrides: they must end in the future to be granted."""
    if exemption.expires_at > timezone.now():
        return []
    return [
        Blocker("expiry-past", f"It would have ended {wording.full(exemption.expires_at)}.", field="expires_at"),
    ]


def instant_past(subject) -> list[Blocker]:
    """Of something that is asked for until an instant: a vote on it comes too late afterwards."""
    return expiry_past(subject) if hasattr(subject, "expires_at") else []


# Policy and approval


def policy_unmet(subject) -> list[Blocker]:
    """No row of the policy in force matches, or its rules cannot be met without the requester and the authors."""
    found = matching.match_for(subject)
    if found is None:
        message = f"No row of the approval policy matches this {kind_of(subject).noun}."
        return [Blocker("policy-missing", message, address("approvals:policies"), "Open policies")]
    return rules_impossible(subject, found.rules, wording.listed(found.names), found)


def rules_impossible(subject, rules, name: str, exceptions=matching.NO_EXCEPTIONS) -> list[Blocker]:
    """Says which rules cannot be met with the people who may count, absences and stand-ins counted."""
    rules = list(rules)
    if not rules:
        message = f"The policy row “{name}” has no rules."
        return [Blocker("policy-empty", message, address("approvals:policies"), "Open policies")]
    short = matching.impossible(subject, rules, _asking(subject), exceptions)
    if short is None:
        return []
    given = short.needed - short.short_by
    could = "nobody" if not given else "one person" if given == 1 else f"{given} people"
    asked = wording.listed([f"{r.need} of {r.label}" for r in rules if r.who in short.rules])
    message = (
        f"“{name}” asks for {asked}; without the requester, the authors and those who are away {could} could give that."
    )
    return [
        Blocker(f"rule-impossible:{key}", message, address("accounts:people"), "Give the role to somebody")
        for key in short.rules[:1]
    ]


def _asking(subject) -> int | None:
    """Who asks: the door says so on the object; before the click it is likely whoever looks after the subject."""
    asking = getattr(subject, "asking", None)
    return asking.pk if asking is not None else kind_of(subject).asks(subject)


def policy_said(subject) -> str:
    found = matching.match_for(subject)
    rules = [f"{r.need} of {r.label}" for r in found.rules]
    return f"“{wording.listed(found.names)}” asks for {wording.listed(rules)}."


def approval_missing(subject) -> list[Blocker]:
    """Not approved, or approved on something else than what is there now. Compares live digests, whatever reactions did."""
    request = tally.live_request(subject)
    url = subject_url(subject)
    if request is None:
        return [Blocker("approval-missing", "Approval has not been requested.", url, "Open approvals")]
    if request.state == RequestState.SUSPENDED:
        message = "The approval request is suspended: it waits until the release asks for approval again."
        return [Blocker("approval-suspended", message, url, "Open approvals")]
    live = sheet.of(subject).digests
    counted = tally.count(request, live, without=tally.authors(request, subject))
    if counted.met and request.state == RequestState.APPROVED:
        return []
    found = _outrun_votes(request, counted, live, url) + _open_rules(counted, url)
    return found or [Blocker("approval-unsettled", "The votes are complete; the request settles at once.", url)]


def _outrun_votes(request, counted: tally.Tally, live: dict[str, str], url: str) -> list[Blocker]:
    rules, found = list(request.rules.all()), []
    for vote in counted.stale:
        facets = wording.listed(sorted(tally.outrun(vote, rules, live)))
        message = f"{vote.person.name} approved before {facets} changed."
        found.append(Blocker(f"approval-stale:{vote.person_id}", message, url, "Open approvals"))
    return found


def _open_rules(counted: tally.Tally, url: str) -> list[Blocker]:
    found = []
    for open_ in counted.open:
        rule = open_.rule
        count = "" if rule.need == 1 else f", {open_.missing} of {rule.need}"
        message = f"Approval as {rule.label} is missing{count}."
        found.append(Blocker(f"approval-open:{rule.who}", message, url, "Open approvals"))
    return found


def approval_said(subject) -> str:
    request = tally.live_request(subject)
    names = sorted({v.person.name for r in tally.count(request).rules for v in r.votes})
    return f"Approved by {wording.listed(names)}."


def quorum_open(request) -> list[Blocker]:
    """One blocker per rule that the fresh votes do not fill."""
    return [
        Blocker(f"quorum:{r.rule.who}", f"{r.missing} more of {r.rule.label} must approve.")
        for r in tally.count(request).open
    ]


def not_overdue(request) -> list[Blocker]:
    if request.due_at <= timezone.now():
        return []
    return [Blocker("not-overdue", f"It is open until {wording.full(request.due_at)}.")]


def retrospective_missing(subject) -> list[Blocker]:
    """What an emergency did is agreed to afterwards, before it is closed."""
    request = tally.retrospective_request(subject)
    if request is None or request.state == RequestState.APPROVED:
        return []
    if request.state == RequestState.PENDING:
        message = f"The retrospective approval is open; it is due {wording.full(request.due_at)}."
    else:
        message = f"The retrospective approval was {request.get_state_display().lower()}."
    return [Blocker("retrospective-missing", message, subject_url(subject), "Open approvals")]


def retrospective_said(subject) -> str:
    request = tally.retrospective_request(subject)
    return "Approved in retrospect." if request else "It was approved before; nothing is owed afterwards."


def policy_incomplete(policy) -> list[Blocker]:
    """A draft without rows, or with rows that ask nobody or name a row that is not there."""
    rows = list(policy.rows.all())
    url = address("approvals:policy", policy.pk)
    if not rows:
        return [Blocker("rows-missing", "The policy has no rows yet.", url, "Add a row")]
    names = {row.name for row in rows}
    found = [Blocker("rules-missing", f"The row “{row.name}” asks nobody.", url) for row in rows if not row.rules.all()]
    found += [
        Blocker(
            "afterwards-unknown", f"“{row.name}” asks “{row.afterwards}” afterwards, and there is no such row.", url
        )
        for row in rows
        if row.afterwards and row.afterwards not in names
    ]
    return found


# Freezes


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
