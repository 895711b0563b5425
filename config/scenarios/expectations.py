"""What a scenario may expect, and how it is looked at. Each check gives what was found, in the words of the scenario."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from approvals import guards, matching, reading, sheet, tally
from approvals.models import ApprovalRequest
from approvals.states import RequestState, Verdict, VoteState
from config.scenarios.acts.asking import AFTERWARDS, OF
from config.scenarios.acts.exemptions import STOPPED, stopped
from config.scenarios.fields import (
    CODE,
    FACET,
    NUMBER,
    PERSON,
    SPAN,
    TEXT,
    WHO,
    YES_NO,
    Kind,
    Spec,
    by_key,
    choice,
    several,
)
from config.scenarios.vocabulary import may
from config.scenarios.world import World
from core import gates
from core.models import Event

MINUTE = timedelta(minutes=1)
TEXTS = Kind("text", lambda value, names: TEXT.read(value, names))


@dataclass(frozen=True)
class Look:
    """Where an expectation looks: the world, the subject, and its newest request (None before the first)."""

    world: World
    subject: object
    request: ApprovalRequest | None

    @property
    def tally(self) -> tally.Tally:
        if self.request is None:
            return tally.Tally([])
        people = matching.eligible(self.subject, self.request.rules.all(), self.request.requester_id, self.request)
        return tally.count(self.request, eligible={key: set(those) for key, those in people.items()})

    def per_rule(self, value: Callable) -> dict[str, Any]:
        """{who: value of the rule's tally}, rules without any left out."""
        found = {self.world.told_who(rule.rule.who): value(rule) for rule in self.tally.rules}
        return {who: said for who, said in found.items() if said}

    def newest_votes(self) -> dict[str, Any]:
        """{voter: their newest vote}."""
        votes = self.request.votes.order_by("pk") if self.request else []
        return {self.world.named(vote.person_id): vote for vote in votes}


@dataclass(frozen=True)
class Check:
    """One thing to expect: `find(look, wanted)` gives what is there, to be equal to what is wanted."""

    kind: Kind
    what: str
    find: Callable[[Look, Any], Any]


# Of the request


def _filled(look: Look, wanted) -> dict:
    return look.per_rule(lambda rule: sorted(_voter(look.world, vote) for vote in rule.votes))


def _voter(world: World, vote) -> str:
    person = world.named(vote.person_id)
    return person if vote.seat_id == vote.person_id else f"{person} for {world.named(vote.seat_id)}"


def _could_help(look: Look, wanted) -> dict:
    return look.per_rule(lambda rule: sorted(look.world.named(pk) for pk in rule.could_help))


def _stale(look: Look, wanted) -> list[str]:
    """Those whose newest vote no longer counts because what it was given on has changed, noticed already or not."""
    outrun = {look.world.named(vote.person_id) for vote in look.tally.stale}
    ended = {name for name, vote in look.newest_votes().items() if vote.state == VoteState.INVALIDATED}
    return sorted(outrun | ended)


def _because(look: Look, wanted: dict[str, str]) -> dict:
    votes = look.newest_votes()
    return {name: _holding(votes[name].ended_because if name in votes else "", text) for name, text in wanted.items()}


def _holding(found: str, wanted: str) -> str:
    """What was wanted where the text found holds it; else the text found."""
    return wanted if wanted in found else found


def _consequence(look: Look, wanted: dict[str, str]) -> dict:
    found = {}
    for name, text in wanted.items():
        person = look.world.person(name)
        request = ApprovalRequest.objects.get(pk=look.request.pk)
        said = reading.why_not(request, person) or reading.consequence(request, person, sheet.of(look.subject))
        found[name] = _holding(said, text)
    return found


def _differs(look: Look, wanted: dict[str, list[str]]) -> dict:
    """{voter: facets that are no longer what they voted on}."""
    live, votes = sheet.of(look.subject).digests, look.newest_votes()
    return {n: sorted(sheet.changed_facets(votes[n].digests, live)) for n in wanted if n in votes}


def _codes(look: Look, blockers) -> list[str]:
    return sorted(look.world.code(blocker.code) for blocker in blockers)


def _gates(look: Look, wanted: dict[str, list[str]]) -> dict:
    steps = look.subject.machine.steps
    return {
        name: _codes(
            look, [b for a in gates.answers(steps[name].key, steps[name].gates, look.subject) for b in a.blockers]
        )
        if name in steps
        else "there is no such step"
        for name in wanted
    }


def _matches(look: Look, wanted) -> list[str]:
    found = matching.match_for(look.subject)
    return found.names if found else []


def _shadow(look: Look, wanted) -> list[str]:
    run = look.request.shadow_runs.order_by("pk").last() if look.request else None
    return run.row_names if run else []


def _stopped(look: Look, wanted) -> list[str]:
    names = ["release"] if look.world.release_id else []
    return sorted(n for n in (*names, "product", "environment") if stopped(look.world, n).is_blocked)


def _events(look: Look, wanted: list[str]) -> list[str]:
    there = set(Event.objects.filter(pk__gt=look.world.last_event).values_list("name", flat=True))
    return [name for name in wanted if name in there]


def _of_request(value: Callable[[ApprovalRequest], Any]) -> Callable[[Look, Any], Any]:
    return lambda look, wanted: value(look.request) if look.request else None


NAMES = several(PERSON)
WORDS = several(TEXT)
STATE = choice([*RequestState.values, "none"], "state of a request")

CHECKS: dict[str, Check] = {
    "state": Check(
        STATE,
        "the state of the newest request, or `none`",
        lambda look, w: look.request.state if look.request else "none",
    ),
    "subject": Check(TEXT, "the state of what it is about", lambda look, w: look.subject.state),
    "release": Check(TEXT, "the state of the release", lambda look, w: look.world.release.state),
    "rows": Check(WORDS, "the rows that its rules were copied from", _of_request(lambda r: r.row_names)),
    "rules": Check(
        by_key(WHO, NUMBER), "whom it asks, and how many", lambda look, w: look.per_rule(lambda r: r.rule.need)
    ),
    "stages": Check(
        by_key(WHO, NUMBER), "the stage of each rule", lambda look, w: look.per_rule(lambda r: r.rule.stage)
    ),
    "asked": Check(
        several(WHO),
        "the open rules whose turn it is",
        lambda look, w: sorted(look.world.told_who(open_.rule.who) for open_ in look.tally.asked),
    ),
    "missing": Check(
        by_key(WHO, NUMBER),
        "how many approvals each rule still needs; rules that need none are left out",
        lambda look, w: look.per_rule(lambda rule: rule.missing),
    ),
    "filled": Check(
        by_key(WHO, several(TEXT)), "whose votes fill each rule; `sid for sam` where somebody stands in", _filled
    ),
    "could_help": Check(by_key(WHO, NAMES), "whose vote, given next, would help each rule", _could_help),
    "stale": Check(NAMES, "whose vote no longer counts because what they saw has changed", _stale),
    "votes": Check(
        by_key(PERSON, choice(VoteState.values, "state of a vote")),
        "the state of the newest vote of each who voted",
        lambda look, w: {name: vote.state for name, vote in look.newest_votes().items()},
    ),
    "verdicts": Check(
        by_key(PERSON, choice(Verdict.values, "verdict")),
        "the votes that are cast",
        lambda look, w: {n: v.verdict for n, v in look.newest_votes().items() if v.state == VoteState.CAST},
    ),
    "because": Check(by_key(PERSON, TEXT), "words in the reason for which a vote ended", _because),
    "differs": Check(by_key(PERSON, several(FACET)), "the facets that are not what a voter saw", _differs),
    "reasons": Check(
        several(CODE),
        "the codes for which it does not count as approved; none: it does",
        lambda look, w: _codes(look, guards.approval_missing(look.subject)),
    ),
    "gates": Check(by_key(TEXTS, several(CODE)), "the codes that block a step, as in `{start_deploying: []}`", _gates),
    "owed": Check(
        YES_NO,
        "whether a retrospective approval is still to be given",
        lambda look, w: bool(guards.retrospective_missing(look.subject)),
    ),
    "matches": Check(WORDS, "the rows of the policy in force that match now", _matches),
    "shadow": Check(WORDS, "the rows that a policy in shadow would have asked", _shadow),
    "consequence": Check(
        by_key(PERSON, TEXT),
        "words of the sentence that tells somebody what their approval does, or why they cannot",
        _consequence,
    ),
    "bulk": Check(YES_NO, "whether it may be approved together with others", _of_request(lambda r: r.allow_bulk)),
    "due_in": Check(
        SPAN,
        "the time left, to the minute",
        _of_request(lambda r: MINUTE * round((r.due_at - timezone.now()) / MINUTE)),
    ),
    "facts": Check(
        by_key(TEXTS, Kind("value", lambda value, names: value)),
        "some of the facts that the rows were asked about",
        lambda look, w: {name: look.request.facts.get(name) for name in w} if look.request else None,
    ),
    "stopped": Check(several(STOPPED), "what is stopped", _stopped),
    "recorded": Check(WORDS, "names of events that stand in the log, such as `vote.invalidated`", _events),
}
UNORDERED = {"asked", "stale", "reasons", "stopped", "recorded"}
EXPECT: Spec = {"of": OF, "afterwards": AFTERWARDS} | {
    name: may(check.kind, check.what) for name, check in CHECKS.items()
}


def mismatches(world: World, options: dict[str, Any]) -> list[str]:
    """What is not as expected, one sentence each."""
    where = {name: options[name] for name in ("of", "afterwards") if name in options}
    look = Look(world, world.subject(where.get("of", "release")), world.request(**where)) if _needs(options) else None
    look = look or Look(world, None, None)
    found = []
    for name, wanted in options.items():
        if name in where:
            continue
        there = CHECKS[name].find(look, wanted)
        if _even(name, there) != _even(name, wanted):
            found.append(f"{name} is {said(there)}, not {said(wanted)}")
    return found


def _needs(options: dict) -> bool:
    return bool(options.keys() - {"stopped", "recorded"})


def _even(name: str, value):
    """The same value where order or emptiness says nothing."""
    if isinstance(value, list):
        return sorted(value) if name in UNORDERED else value
    if isinstance(value, dict):
        kept = value if name in ("because", "consequence", "gates", "facts", "differs") else _without_nothing(value)
        return {key: sorted(v) if isinstance(v, list) else v for key, v in kept.items()}
    return value


def _without_nothing(value: dict) -> dict:
    return {key: v for key, v in value.items() if v}


def said(value) -> str:
    """A value as a report says it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {said(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(said(part) for part in value) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else str(value)
