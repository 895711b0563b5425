"""The rules of a request as rows: who filled each, who is still needed, and who could give it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from approvals import matching, sheet, tally
from approvals.states import RequestState, Verdict, VoteState
from core import wording

NAMED_AT_MOST = 3
ANSWERABLE = (RequestState.PENDING, RequestState.SUSPENDED)
NOBODY = matching.Seats({})


@dataclass(frozen=True)
class Row:
    """One line. `who` is a person or words for several; `kind` and `state` name its look; `note` is a comment or a reason."""

    role: str
    count: str
    who: User | str
    kind: str
    state: str
    word: str = ""
    at: datetime | None = None
    note: str = ""
    vote: object = None


@dataclass(frozen=True)
class Ledger:
    """The rows of a request, and how many approvals it still needs."""

    rows: list[Row]
    missing: int
    met: bool


def of(request) -> Ledger:
    """The ledger of a request as its subject is now. Reads relations with `.all()`."""
    open_ = request.state in ANSWERABLE
    rules = list(request.rules.all())
    seats = matching.seats(request.subject, rules, request.requester_id, request) if open_ else NOBODY
    # A closed request is counted by what it was decided on, not by what became of its subject since.
    digests = (
        sheet.of(request.subject).digests if request.state in (*ANSWERABLE, RequestState.APPROVED) else request.digests
    )
    counted = tally.count(request, digests, {key: set(those) for key, those in seats.people.items()})
    rows = [row for r in counted.rules for row in _of_rule(r, seats, open_, counted)]
    filled = {v.pk for rule in counted.rules for v in rule.votes}
    words = {rule.who: rule.label for rule in rules}
    rest = [v for v in request.votes.all() if v.pk not in filled]
    return Ledger(rows + [_of_vote(v, v in counted.stale, words) for v in rest], counted.missing, counted.met)


def _of_rule(counted: tally.RuleTally, seats: matching.Seats, open_: bool, whole: tally.Tally) -> list[Row]:
    rule, people = counted.rule, seats.people.get(counted.rule.who, {})
    count = f"{len(counted.votes)}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{rule.need}"
    if any(r.rule.stage != rule.stage for r in whole.rules):
        count += f", stage\N{NO-BREAK SPACE}{rule.stage}"
    rows = [
        Row(rule.label, count, v.person, "verdict", v.verdict, at=v.cast_at, note=_note(v), vote=v)
        for v in counted.votes
    ]
    if not counted.met and open_ and whole.stage is not None and rule.stage > whole.stage:
        rows.append(Row(rule.label, count, f"after stage {rule.stage - 1}", "vote", "waiting", "Asked later"))
    elif not counted.met:
        could = [people[pk] for pk in counted.could_help if pk in people]
        word, words = ("Still needed", who_could(could)) if open_ else ("Was missing", "nobody did")
        rows.append(Row(rule.label, count, words, "vote", "waiting", word, note=presence(rule.who, could, seats)))
    return rows


def presence(who: str, people: list[User], seats: matching.Seats) -> str:
    """Who of the people is away now, and who stands in for whom until when; "" when nothing is to be said."""
    known = {user.pk for user in people}
    away = sorted(user.name for user in people if user.pk not in seats.present)
    said = [f"{wording.listed(away)} {'is' if len(away) == 1 else 'are'} away."] if away else []
    for delegations in seats.stand_ins.values():
        said += [
            f"{d.stand_in.name} stands in for {d.person.name} until {wording.moment(d.ends_at)}."
            for d in delegations
            if d.person_id in known and (not d.who or d.who in who.split(","))
        ]
    return " ".join(said)


def who_could(people: list[User]) -> User | str:
    """The one person who could, their names, or how many."""
    if len(people) == 1:
        return people[0]
    if not people:
        return "nobody is left who could"
    names = sorted(p.name for p in people)
    return wording.listed(names, "or") if len(names) <= NAMED_AT_MOST else f"anyone of {len(names)} people"


def _note(vote) -> str:
    """The comment, and for whom it was given where that is not the voter."""
    until = f" until {wording.moment(vote.delegation.ends_at)}" if vote.delegation else ""
    said = f"For {vote.seat.name}, by delegation{until}." if vote.is_stand_in else ""
    return " ".join(part for part in (said, vote.comment) if part)


def _of_vote(vote, stale: bool, words: Mapping[str, str]) -> Row:
    """A vote that fills no rule: a rejection, one too many, or one that no longer counts."""
    roles = wording.listed([words.get(key, key) for key in vote.counts_for])
    if vote.state != VoteState.CAST:
        return Row(roles, "", vote.person, "vote", vote.state, "", vote.cast_at, vote.ended_because, vote)
    if stale:
        return Row(
            roles,
            "",
            vote.person,
            "vote",
            "invalidated",
            "",
            vote.cast_at,
            "What was approved has changed since.",
            vote,
        )
    word = "" if vote.verdict == Verdict.REJECT else "Approved beyond need"
    return Row(roles, "", vote.person, "verdict", vote.verdict, word, vote.cast_at, _note(vote), vote)
