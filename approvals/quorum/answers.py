"""The four questions, put together from who can fill which seats and which filled seats count for which rules."""

from collections.abc import Collection, Iterable, Mapping

from approvals.quorum.filling import fill, grouped, shared_out
from approvals.quorum.parts import Impossible, Only, Outcome, PersonId, Rule, SeatId, in_key_order, seats_asked
from approvals.quorum.reach import is_enough, reach_of, shortage_of, ways, who_acted


def solve(rules: Iterable[Rule], votes: Collection[SeatId]) -> Outcome:
    """Let the vote of each seat fill at most one rule so that as many approvals as possible are filled, stage by stage."""
    rules, votes = in_key_order(rules), frozenset(votes)
    groups = grouped(rules, votes)
    filling = fill(rules, groups)
    filled = shared_out(rules, groups, filling)
    return Outcome(
        met=filling.met,
        filled=filled,
        missing={rule.key: missing for rule, missing in zip(rules, filling.missing, strict=True)},
        could_help={
            rule.key: rule.eligible - votes if at in filling.helping else frozenset() for at, rule in enumerate(rules)
        },
    )


def open_stage(rules: Iterable[Rule], votes: Collection[SeatId]) -> int | None:
    """The lowest stage whose rules the votes do not meet together with those of all stages before; None when all are met."""
    rules = in_key_order(rules)
    missing = fill(rules, grouped(rules, frozenset(votes))).missing
    return min((rule.stage for rule, lacking in zip(rules, missing, strict=True) if lacking), default=None)


def possible(
    rules: Iterable[Rule],
    available: Collection[PersonId],
    stand_ins: Mapping[PersonId, Collection[SeatId]] | None = None,
    only: Only | None = None,
) -> Impossible | None:
    """None where the rules of all stages can be met at once; else a smallest clear reason why not.

    `available` are the people who can act for their own seats. `stand_ins` names the other seats that a person, available or
    not, could fill instead; it is taken at its word, also for seats whose owners are available, except where `only` says that they
    fill a seat for some rules alone.

    By Hall's theorem rules cannot be met together exactly if some of them need more approvals than seats eligible for any of
    them can be filled. Those are named, without any rule that the shortage does not depend on.
    """
    shortages = []
    for way in ways(in_key_order(rules), reach_of(available, stand_ins), only or {}):
        if (short := shortage_of(*way)) is None:
            return None
        shortages.append(short)
    return min(shortages, key=lambda short: short.short_by)


def still_reachable(
    rules: Iterable[Rule],
    votes: Collection[SeatId],
    rejected: Collection[SeatId],
    stand_ins: Mapping[PersonId, Collection[SeatId]] | None = None,
    available: Collection[PersonId] | None = None,
    only: Only | None = None,
) -> bool:
    """Whether the rules of all stages can be met once those who rejected no longer can approve; an approval given stands.

    `votes` and `rejected` are seats; given as {seat: person who acted} they also say who cannot act again, else everybody
    acted for themselves. Whose seat or person is in both has changed their mind and counts as rejecting. `available` (None:
    everybody eligible), `stand_ins` and `only`, as in `possible`, are about the approvals to come.
    """
    rules = in_key_order(rules)
    refused = who_acted(rejected)
    given = {
        seat: person
        for seat, person in who_acted(votes).items()
        if seat not in refused and person not in refused.values()
    }
    gone, taken = {*given.values(), *refused.values()}, {*given, *refused}
    to_come = reach_of(seats_asked(rules) if available is None else available, stand_ins)
    reach = {person: seats - taken for person, seats in to_come.items() if person not in gone}
    for seat, person in given.items():
        reach[person] = reach.get(person, frozenset()) | {seat}
    to_choose = {pair: keys for pair, keys in (only or {}).items() if pair[1] not in taken}
    return is_enough(rules, reach) and any(is_enough(*way) for way in ways(rules, reach, to_choose))
