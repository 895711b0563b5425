"""Who could fill the rules within a time: those present, and those who stand in for the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import policy as rights
from accounts.hours import absent_throughout
from approvals import quorum
from approvals.matching.people import NO_EXCEPTIONS, Exceptions, barred, eligible, who_see
from approvals.states import Clock


@dataclass(frozen=True)
class Seats:
    """Whose votes could count for each rule, and who could cast them.

    `people` {who: {id: user}} are those entitled in their own name; `present` of them are not away until the deadline; `stand_ins`
    {id of the stand-in: delegations} hold no place of their own here.
    """

    people: dict[str, dict[int, object]]
    present: frozenset[int] = frozenset()
    stand_ins: dict[int, list] = field(default_factory=dict)

    @property
    def entitled(self) -> dict[int, object]:
        return {pk: user for those in self.people.values() for pk, user in those.items()}

    @property
    def seats_of(self) -> dict[int, frozenset[int]]:
        """{stand-in: the seats that they could fill instead of their owners}."""
        return {pk: frozenset(d.person_id for d in those) for pk, those in self.stand_ins.items()}

    @property
    def only(self) -> dict[tuple[int, int], set[str]]:
        """{(stand-in, seat): the rules that all their delegations reach} where none of these hands over the whole place."""
        found: dict[tuple[int, int], set[str]] = {}
        whole = {(pk, d.person_id) for pk, those in self.stand_ins.items() for d in those if not d.who}
        for pk, those in self.stand_ins.items():
            for d in those:
                if (pk, d.person_id) not in whole:
                    found.setdefault((pk, d.person_id), set()).update(self.rules_of(d.person_id, d.who))
        return found

    def reachable(self, key: str) -> frozenset[int]:
        """The seats that could be filled for one rule: by their owners, or by a stand-in whose delegation reaches it."""
        covered = {
            d.person_id for those in self.stand_ins.values() for d in those if not d.who or d.who in key.split(",")
        }
        return frozenset(pk for pk in self.people[key] if pk in self.present or pk in covered)

    def rules_of(self, person_id: int, only: str = "") -> list[str]:
        """The rules that a person's place could fill; with `only`, no other than that selector's."""
        return sorted(
            key for key, those in self.people.items() if person_id in those and (not only or only in key.split(","))
        )


def seats(
    subject,
    rules,
    requester_id: int | None,
    exceptions: Exceptions | object = NO_EXCEPTIONS,
    *,
    until: datetime | None = None,
    at: datetime | None = None,
) -> Seats:
    """Who could fill the rules between `at` (now) and `until` (the same instant), stand-ins and absences counted."""
    at = at or timezone.now()
    people = eligible(subject, rules, requester_id, exceptions)
    entitled = {pk for those in people.values() for pk in those}
    away = _away(subject, entitled, at, until or at)
    out = barred(subject, requester_id, exceptions)
    stand_ins: dict[int, list] = {}
    for delegation in subject.delegation_table.all():
        if delegation.person_id not in entitled or delegation.stand_in_id in entitled | out:
            continue
        if _serves(delegation, subject, people, at, until or at):
            stand_ins.setdefault(delegation.stand_in_id, []).append(delegation)
    return Seats(people, frozenset(entitled - away), stand_ins)


def _away(subject, ids: set[int], at: datetime, until: datetime) -> set[int]:
    absences: dict[int, list] = {}
    for absence in subject.absence_table.all():
        if absence.user_id in ids:
            absences.setdefault(absence.user_id, []).append(absence)
    return {pk for pk, rows in absences.items() if absent_throughout(rows, at, until)}


def _serves(delegation, subject, people: Mapping[str, dict], at: datetime, until: datetime) -> bool:
    """Whether a delegation holds at some instant of the period for a place that its person has in this subject's rules."""
    stand_in = delegation.stand_in
    if not stand_in.is_active or stand_in.is_service or delegation.starts_at > until or delegation.ends_at <= at:
        return False
    if delegation.product_id is not None and rights.scope_of(subject) != f"product:{delegation.product_id}":
        return False
    if not who_see(subject, [stand_in]):
        return False
    return any(
        delegation.person_id in those and (not delegation.who or delegation.who in key.split(","))
        for key, those in people.items()
    )


WEEK_IN_WORKING_HOURS = 40


def horizon(rules: Iterable, start: datetime) -> datetime:
    """About when the last of the rules runs out if each stage takes all its time: who is away until then cannot be waited for.

    Working hours are taken as those of a week of 40, so that no calendar needs to be read.
    """
    longest: dict[int, float] = {}
    for rule in rules:
        plain = rule.deadline_hours * (168 / WEEK_IN_WORKING_HOURS if rule.clock == Clock.WORKING else 1)
        longest[rule.stage] = max(plain, longest.get(rule.stage, 0))
    return start + timedelta(hours=sum(longest.values()))


def impossible(subject, rules, requester_id: int | None, exceptions=NO_EXCEPTIONS) -> quorum.Impossible | None:
    """Why the rules cannot be met with the people who may count, absences counted; None when they can."""
    rules = list(rules)
    until = horizon(rules, timezone.now())
    who_could = seats(subject, rules, requester_id, exceptions, until=until)
    asked = [quorum.Rule(r.who, r.need, who_could.reachable(r.who)) for r in rules]
    return quorum.possible(asked, who_could.present, who_could.seats_of, who_could.only)
