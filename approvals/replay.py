"""What a policy would have done to requests of the past: run over those that are closed, or noted while it ran in shadow.

Reads only, in a number of queries that does not grow with the requests.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db.models import F

from accounts.models import User
from approvals import matching, quorum, tally, trial, who
from approvals.matching import Match, WantedRule
from approvals.models import ApprovalRequest, Policy, ShadowRun
from approvals.states import RequestState, Verdict
from core import wording
from core.models import Event

SIZES = (10, 50, 200)
DECIDED = (RequestState.APPROVED, RequestState.REJECTED, RequestState.EXPIRED)


class Ending(StrEnum):
    """How a request would have ended, held against how it did."""

    BLOCKED = "blocked"  # it could not have been asked, or the votes cast then would not have been enough
    WOULD_PASS = "would_pass"  # it was not approved, and would have been  # noqa: S105
    OTHER_PEOPLE = "other_people"  # it would have ended alike, with other people
    SAME = "same"
    OPEN = "open"  # it is not decided yet, or ended without an answer


@dataclass(frozen=True)
class Difference:
    """A rule that would have been asked of other people, or of another number. 0: not asked at all."""

    label: str
    was: int
    now: int

    @property
    def kind(self) -> str:
        return "added" if not self.was else "dropped" if not self.now else "number"

    def __str__(self) -> str:
        if self.kind == "added":
            return f"{self.now} of {self.label} added"
        if self.kind == "dropped":
            return f"{self.was} of {self.label} dropped"
        return f"{self.now} of {self.label} instead of {self.was}"


@dataclass(frozen=True)
class Replayed:
    """One request under other rules. `because` says why it would have been blocked or passed; "" where it would not."""

    request: ApprovalRequest
    row_names: list[str]
    ending: Ending
    differences: list[Difference] = field(default_factory=list)
    because: str = ""
    is_stored: bool = True


@dataclass(frozen=True)
class Replay:
    policy: Policy
    rows: list[Replayed]
    since: datetime | None = None

    @property
    def counts(self) -> dict[str, int]:
        """{ending: how many}, every ending named."""
        found = Counter(row.ending for row in self.rows)
        return {ending.value: found[ending] for ending in Ending}


# Over the closed requests


def run(policy: Policy, user: User, last: int = SIZES[1]) -> Replay:
    """Hold a version against the last closed requests of its kind that the reader may see; at most 200.

    Asked about are the facts that each request kept; where it kept none (it is older than that), its subject as it is now, marked
    `is_stored=False`. The people are those of today. The votes are those that were cast then and still counted at the end: a
    vote fills a rule of the version if its voter is entitled to that rule today, or if one of the rules for which it counted
    then names a selector that this rule names as well; never if the voter asked for it or wrote it and the version's rows do
    not let them count. Withdrawn and superseded requests say nothing about rules and are left out.
    """
    requests = list(closed(policy.subject, user)[: min(last, SIZES[-1])])
    trial.prepare([request.subject for request in requests], policy)
    return Replay(policy, [_replayed(policy, request) for request in requests])


def closed(subject: str, user: User):
    """Decided requests of a kind, the one decided last first."""
    rows = ApprovalRequest.objects.visible_to(user).deciding().filter(kind=subject, state__in=DECIDED)
    rows = rows.with_subjects().defer("sheet").prefetch_related("rules", "votes__person")
    return rows.order_by(F("decided_at").desc(nulls_last=True), "-pk")


def _replayed(policy: Policy, request: ApprovalRequest) -> Replayed:
    facts, is_stored = trial.facts_then(request)
    match = matching.match(policy.rows.all(), policy.mode, facts, trial.day_of(request))
    if match is None:
        return Replayed(request, [], Ending.BLOCKED, [], "No row matches.", is_stored)
    ending, because = _judged(match, match.rules, request)
    differences = differences_of(request.rules.all(), match.rules)
    return Replayed(request, match.names, _with(differences, ending), differences, because, is_stored)


def _with(differences: list[Difference], ending: Ending) -> Ending:
    return Ending.OTHER_PEOPLE if differences and ending == Ending.SAME else ending


def differences_of(asked: Iterable, wanted: Iterable) -> list[Difference]:
    """Rules of the one and not of the other, and those that ask for another number; told by whom they ask."""
    was, now = ({rule.who: rule for rule in rules} for rules in (asked, wanted))
    found = [Difference(rule.label or key, was[key].need if key in was else 0, rule.need) for key, rule in now.items()]
    found += [Difference(rule.label or key, rule.need, 0) for key, rule in was.items() if key not in now]
    return [difference for difference in found if difference.was != difference.now]


def _judged(exceptions, rules: Collection[WantedRule], request: ApprovalRequest) -> tuple[Ending, str]:
    """(how it would have ended, why it would have ended otherwise)."""
    if isinstance(exceptions, Match):
        impossible = trial.trouble(request.subject, exceptions, request.requester)
        if impossible:
            return Ending.BLOCKED, impossible
    if request.state not in DECIDED:
        return Ending.OPEN, ""
    lacking = _lacking(exceptions, rules, request)
    if request.state == RequestState.APPROVED:
        return (Ending.BLOCKED, lacking) if lacking else (Ending.SAME, "")
    ended = request.get_state_display().lower()
    return (Ending.SAME, "") if lacking else (Ending.WOULD_PASS, f"It was {ended}; the votes cast then would do.")


def _lacking(exceptions, rules: Collection[WantedRule], request: ApprovalRequest) -> str:
    """What the votes cast then leave open, or who would have rejected it; "" where they would have approved it."""
    counts = _counting(exceptions, rules, request)
    cast = tally.cast(request)
    for vote in cast:
        vetoed = [rule for rule in rules if rule.veto and vote.seat_id in counts[rule.who]]
        if vote.verdict == Verdict.REJECT and vetoed:
            return f"{vote.person.name} rejected it, with a veto as {vetoed[0].label}."
    approved = [vote.seat_id for vote in cast if vote.verdict == Verdict.APPROVE]
    asked = [quorum.Rule(r.who, r.need, frozenset(approved) & counts[r.who], r.stage) for r in rules]
    missing = quorum.solve(asked, approved).missing
    if not any(missing.values()):
        return ""
    open_rules = [f"{missing[r.who]} more of {r.label}" for r in rules if missing[r.who]]
    return f"The votes cast then leave {wording.listed(open_rules)} open."


def _counting(exceptions, rules: Iterable[WantedRule], request: ApprovalRequest) -> Mapping[str, frozenset[int]]:
    """{who: seats whose vote of then would fill the rule}."""
    out = matching.barred(request.subject, request.requester_id, exceptions)
    entitled = matching.people_by_who(request.subject, [rule.who for rule in rules])
    votes = [vote for vote in tally.cast(request) if vote.seat_id not in out]
    return {
        rule.who: frozenset(
            vote.seat_id for vote in votes if vote.seat_id in entitled[rule.who] or _overlaps(vote.counts_for, rule.who)
        )
        for rule in rules
    }


def _overlaps(counts_for: Iterable[str], asked: str) -> bool:
    return bool({str(s) for key in counts_for for s in who.parse(key)} & set(asked.split(",")))


# While it ran in shadow


def shadow(policy: Policy, user: User) -> Replay:
    """What a version noted of each request since it last began to run in shadow; the newest 200 that the reader may see.

    Its rules are those noted then, whatever became of the draft. Whether it would have ended otherwise is judged as in `run`,
    except that who could fill the rules is not asked again.
    """
    started = Event.objects.filter(stream=f"policy:{policy.pk}", name="policy.shadow_started").order_by("-pk").first()
    since = started.at if started else policy.created_at
    noted = ShadowRun.objects.filter(policy=policy, at__gte=since).order_by("-pk")[: SIZES[-1]]
    by_request = {run.request_id: run for run in noted}
    rows = ApprovalRequest.objects.visible_to(user).filter(pk__in=by_request).with_subjects().defer("sheet")
    requests = list(rows.prefetch_related("rules", "votes__person").order_by("-pk"))
    trial.prepare([request.subject for request in requests], policy)
    named = {row.name: row for row in policy.rows.all()}
    return Replay(policy, [_shadowed(by_request[r.pk], r, named) for r in requests], since)


def _shadowed(noted: ShadowRun, request: ApprovalRequest, named: Mapping) -> Replayed:
    if not noted.row_names:
        return Replayed(request, [], Ending.BLOCKED, [], "No row matches.")
    rules = [WantedRule(**rule, facets=[], deadline_hours=0, clock="") for rule in noted.rules]
    rows = [named[name] for name in noted.row_names if name in named]
    exceptions = matching.Exceptions(
        count_requester=bool(rows) and all(row.count_requester for row in rows),
        count_author=bool(rows) and all(row.count_author for row in rows),
    )
    ending, because = _judged(exceptions, rules, request)
    differences = differences_of(request.rules.all(), rules)
    return Replayed(request, noted.row_names, _with(differences, ending), differences, because)
