"""What the quorum is asked in and answers with: rules, outcomes, and why rules cannot be met."""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass

PersonId = Hashable
SeatId = PersonId
# {(person, seat): keys of the rules for which that person may fill that seat}; a pair that is not there: for all of them.
Only = Mapping[tuple[PersonId, SeatId], Collection[str]]
SOURCE, SINK = ("source",), ("sink",)


@dataclass(frozen=True)
class Rule:
    """`need` approvals for seats of `eligible`. `key` names the rule within its request; lower stages are asked first."""

    key: str
    need: int
    eligible: frozenset[SeatId]
    stage: int = 1

    def __post_init__(self):
        if self.need < 0:
            raise ValueError(f"Rule {self.key} asks for {self.need} approvals.")


@dataclass(frozen=True)
class Outcome:
    """How votes fill rules, for every rule by key.

    `filled` names the seats whose votes count for it, `missing` how many approvals it still needs. `could_help` names the
    seats without a vote whose vote, counted for that rule, would lower the number missing in the open stage; it may do so by
    freeing a vote that fills the rule now for another one. It is empty for rules of stages that are not open yet.
    """

    met: bool
    filled: dict[str, tuple[SeatId, ...]]
    missing: dict[str, int]
    could_help: dict[str, frozenset[SeatId]]


@dataclass(frozen=True)
class Impossible:
    """Rules that cannot be met together, and the proof.

    They need `needed` approvals, and whichever approval is given for them, it is given by one of `people`, who act once each, or
    fills one of `seats`, which are filled once each. `seats` is empty where nobody stands in for anybody.
    """

    rules: tuple[str, ...]
    needed: int
    people: frozenset[PersonId]
    seats: frozenset[SeatId] = frozenset()

    @property
    def short_by(self) -> int:
        return self.needed - len(self.people) - len(self.seats)


def in_key_order(rules: Iterable[Rule]) -> list[Rule]:
    """The rules by key, so that answers do not hang on their order. Raises ValueError where two have the same key."""
    ordered = sorted(rules, key=lambda rule: rule.key)
    keys = [rule.key for rule in ordered]
    if len(set(keys)) < len(keys):
        raise ValueError("Two rules have the same key.")
    return ordered


def seats_asked(rules: Iterable[Rule]) -> frozenset[SeatId]:
    """All seats whose vote any of the rules could count."""
    return frozenset().union(*(rule.eligible for rule in rules))
