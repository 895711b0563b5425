"""Whether something is approved as it is now."""

from approvals import sheet, tally
from approvals.guards.addresses import subject_url
from approvals.states import RequestState
from core import wording
from core.blockers import Blocker


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
