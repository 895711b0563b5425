"""Which rows of a policy decide over a subject, and what they ask together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from approvals import who
from approvals.states import Clock, Mode
from approvals.subjects import Facts, facts_of


@dataclass(frozen=True)
class WantedRule:
    """A rule as a request will ask it: what the matching rows say of the same people, put together."""

    who: str
    label: str
    need: int
    veto: bool
    stage: int
    facets: list[str]
    deadline_hours: int
    clock: str

    def as_dict(self) -> dict:
        """For records and comparisons."""
        return {"who": self.who, "label": self.label, "need": self.need, "veto": self.veto, "stage": self.stage}


@dataclass(frozen=True)
class Match:
    """The rows that decide over a subject, and what follows from them together."""

    rows: list
    rules: list[WantedRule]

    @property
    def policy(self):
        return self.rows[0].policy

    @property
    def names(self) -> list[str]:
        return [row.name for row in self.rows]

    @property
    def allow_bulk(self) -> bool:
        return all(row.allow_bulk for row in self.rows)

    @property
    def count_requester(self) -> bool:
        return all(row.count_requester for row in self.rows)

    @property
    def count_author(self) -> bool:
        return all(row.count_author for row in self.rows)

    @property
    def deadline_hours(self) -> int:
        return min(row.deadline_hours for row in self.rows)

    @property
    def afterwards(self) -> list[tuple[str, int]]:
        """(name of the row that is asked afterwards, hours)."""
        return [(row.afterwards, row.afterwards_hours) for row in self.rows if row.afterwards]


@dataclass(frozen=True)
class Condition:
    """One condition of a row held against one fact, for whoever asks why a row matches or does not."""

    name: str
    wanted: str
    found: str
    holds: bool


def match_for(subject) -> Match | None:
    """The rows in force that decide over a subject as it is now; None where none matches."""
    facts = facts_of(subject)
    rows = [row for row in subject.policy_table.all() if row.policy.subject == facts.subject]
    return match(rows, rows[0].policy.mode if rows else Mode.FIRST, facts)


def match(rows: Iterable, mode: str, facts: Facts, on: date | None = None) -> Match | None:
    """The rows of one policy that match `facts` on a day (today in UTC by default): the first, or all, as its mode says."""
    found = [row for row in in_order(rows) if matches(row, facts, on)]
    found = found[:1] if mode == Mode.FIRST else found
    return Match(found, side_by_side(found)) if found else None


def in_order(rows: Iterable) -> list:
    return sorted(rows, key=lambda row: (row.position, row.pk))


def matches(row, facts: Facts, on: date | None = None) -> bool:
    """Whether all conditions of a row hold; an empty condition holds for everything."""
    return all(condition.holds for condition in conditions(row, facts, on))


def conditions(row, facts: Facts, on: date | None = None) -> list[Condition]:
    """Each condition that a row states, with what was found. Those that say "any" are left out."""
    on = on or timezone.now().date()
    found = []
    if row.product_id is not None:
        found.append(Condition("product", str(row.product), str(facts.product or ""), row.product_id == facts.product))
    for name, wanted, fact in (
        ("strategy", row.strategies, facts.strategy),
        ("change type", row.change_types, facts.change_type),
        ("risk", row.risk_bands, facts.risk),
        ("environment tier", row.tiers, facts.tier),
    ):
        if wanted:
            found.append(Condition(name, " or ".join(wanted), fact or "none", fact in wanted))
    if row.size_min is not None:
        found.append(Condition("size", f"at least {row.size_min}", str(facts.size), facts.size >= row.size_min))
    if row.size_max is not None:
        found.append(Condition("size", f"at most {row.size_max}", str(facts.size), facts.size <= row.size_max))
    for name, wanted, fact in (
        ("inside a freeze", row.in_freeze, facts.in_freeze),
        ("emergency", row.emergency, facts.emergency),
    ):
        if wanted is not None:
            found.append(Condition(name, _yes(wanted), _yes(fact), wanted == fact))
    if row.valid_from:
        found.append(Condition("from", f"{row.valid_from}", f"{on}", on >= row.valid_from))
    if row.valid_until:
        found.append(Condition("until", f"{row.valid_until}", f"{on}", on <= row.valid_until))
    return found


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def side_by_side(rows: Iterable) -> list[WantedRule]:
    """The rules of all rows, never pooled: those that ask the same people become one with the larger number.

    Of two such rules the earlier stage and the shorter deadline hold, a veto of either, and both's watched facets.
    """
    merged: dict[str, WantedRule] = {}
    for row in rows:
        for rule in sorted(row.rules.all(), key=lambda r: (r.stage, r.pk)):
            wanted = WantedRule(
                rule.who,
                rule.label or who.label(rule.who),
                rule.need,
                rule.veto,
                rule.stage,
                sorted(rule.facets),
                rule.deadline_hours or row.deadline_hours,
                row.clock,
            )
            known = merged.get(rule.who)
            merged[rule.who] = _both(known, wanted) if known else wanted
    return sorted(merged.values(), key=lambda rule: rule.stage)


def _both(one: WantedRule, other: WantedRule) -> WantedRule:
    return WantedRule(
        one.who,
        one.label,
        max(one.need, other.need),
        one.veto or other.veto,
        min(one.stage, other.stage),
        sorted({*one.facets, *other.facets}) if one.facets and other.facets else [],
        min(one.deadline_hours, other.deadline_hours),
        Clock.ALWAYS.value if Clock.ALWAYS in (one.clock, other.clock) else one.clock,
    )
