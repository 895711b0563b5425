"""Which votes fill which rules of an approval request, and whether the rules can still be met.

A rule asks for approvals in the name of those entitled to it. The place of a person so entitled is a *seat*, named by that
person. Its owner fills it, or somebody who stands in. A person acts once, a seat is filled once, and a filled seat counts
for one rule at most. Where roles overlap, filling rules one after the other can waste a vote on a rule that somebody else
could have filled; a maximum flow from people over seats to rules never does.

Rules are asked in stages. Votes go to the earliest stages that they can fill: the flow is made as large as possible for
the rules of the first stage, then extended to those of the next one along augmenting paths, which may move votes from rule to
rule but leave every rule with as many as it had. So no vote is held by a later stage while an earlier one lacks it.

People are named by whole numbers or texts (one kind at a time); answers do not depend on the order of what is given.
Nothing here touches a database, so answers are kept for questions of the same shape (`_filling`).
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, product

import networkx as nx

PersonId = Hashable
SeatId = PersonId
# {(person, seat): keys of the rules for which that person may fill that seat}; a pair that is not there: for all of them.
Only = Mapping[tuple[PersonId, SeatId], Collection[str]]
_SOURCE, _SINK = ("source",), ("sink",)
_KEPT = 8192  # answers, of a few hundred bytes each
_WAYS = 1024  # to choose who fills the seats that several people may fill for different rules


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


def solve(rules: Iterable[Rule], votes: Collection[SeatId]) -> Outcome:
    """Let the vote of each seat fill at most one rule so that as many approvals as possible are filled, stage by stage."""
    rules, votes = _ordered(rules), frozenset(votes)
    groups = _groups(rules, votes)
    filling = _fill(rules, groups)
    filled = _shared_out(rules, groups, filling)
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
    rules = _ordered(rules)
    missing = _fill(rules, _groups(rules, frozenset(votes))).missing
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
    for way in _ways(_ordered(rules), _reach(available, stand_ins), only or {}):
        if (short := _shortage(*way)) is None:
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
    rules = _ordered(rules)
    refused = _actors(rejected)
    given = {
        seat: person
        for seat, person in _actors(votes).items()
        if seat not in refused and person not in refused.values()
    }
    gone, taken = {*given.values(), *refused.values()}, {*given, *refused}
    to_come = _reach(_wanted(rules) if available is None else available, stand_ins)
    reach = {person: seats - taken for person, seats in to_come.items() if person not in gone}
    for seat, person in given.items():
        reach[person] = reach.get(person, frozenset()) | {seat}
    to_choose = {pair: keys for pair, keys in (only or {}).items() if pair[1] not in taken}
    return _enough(rules, reach) and any(_enough(*way) for way in _ways(rules, reach, to_choose))


def _ordered(rules: Iterable[Rule]) -> list[Rule]:
    ordered = sorted(rules, key=lambda rule: rule.key)
    keys = [rule.key for rule in ordered]
    if len(set(keys)) < len(keys):
        raise ValueError("Two rules have the same key.")
    return ordered


def _wanted(rules: Iterable[Rule]) -> frozenset[SeatId]:
    return frozenset().union(*(rule.eligible for rule in rules))


# Who can fill which seats


def _actors(seats: Collection[SeatId]) -> dict[SeatId, PersonId]:
    return dict(seats) if isinstance(seats, Mapping) else {seat: seat for seat in seats}


def _reach(
    available: Collection[PersonId], stand_ins: Mapping[PersonId, Collection[SeatId]] | None
) -> dict[PersonId, frozenset[SeatId]]:
    """{person: the seats of which that person could fill one}. Nobody stands in for themselves."""
    reach = {person: frozenset([person]) for person in available}
    for person, seats in (stand_ins or {}).items():
        reach[person] = reach.get(person, frozenset()) | (frozenset(seats) - {person})
    return reach


def _ways(
    rules: list[Rule], reach: dict[PersonId, frozenset[SeatId]], only: Only
) -> Iterator[tuple[list[Rule], dict[PersonId, frozenset[SeatId]]]]:
    """(rules, reach) once for each choice of who fills the seats that people may fill for different rules.

    In each a seat counts for the rules of those who may fill it then, so that nothing of `only` is left to heed. A seat that all
    fill for the same rules leaves no choice. Such choices are few; past a thousand of them the rest is not tried.
    """
    if not only:
        yield rules, reach
        return
    choices = {seat: _choices(seat, rules, reach, only) for seat in sorted({seat for _, seat in only})}
    for chosen in islice(product(*choices.values()), _WAYS):
        keys = dict(zip(choices, chosen, strict=True))
        narrowed = [
            replace(rule, eligible=frozenset(s for s in rule.eligible if s not in keys or rule.key in keys[s]))
            for rule in rules
        ]
        within = {
            person: frozenset(s for s in seats if s not in keys or keys[s] <= _may_fill(person, s, rules, only))
            for person, seats in reach.items()
        }
        yield narrowed, within


def _choices(seat: SeatId, rules: list[Rule], reach: Mapping, only: Only) -> list[frozenset[str]]:
    """The sets of rules, by key, that a seat could be filled for, the largest first; one of them is chosen."""
    found = {_may_fill(person, seat, rules, only) for person, seats in reach.items() if seat in seats}
    return sorted(found, key=lambda keys: (-len(keys), sorted(keys))) or [frozenset()]


def _may_fill(person: PersonId, seat: SeatId, rules: list[Rule], only: Only) -> frozenset[str]:
    asked = frozenset(rule.key for rule in rules if seat in rule.eligible)
    return asked & frozenset(only[person, seat]) if (person, seat) in only else asked


def _shortage(rules: list[Rule], reach: Mapping[PersonId, frozenset[SeatId]]) -> Impossible | None:
    if _enough(rules, reach):
        return None
    culprits = rules
    for rule in rules:
        without = [other for other in culprits if other is not rule]
        if not _enough(without, reach):
            culprits = without
    people, seats = _bottleneck(_wanted(culprits), reach)
    return Impossible(tuple(rule.key for rule in culprits), sum(rule.need for rule in culprits), people, seats)


def _enough(rules: list[Rule], reach: Mapping[PersonId, frozenset[SeatId]]) -> bool:
    """Whether the people could meet the rules by filling seats.

    The two bounds, everybody in their own seat and every seat filled that anybody could fill, mostly answer already; without
    stand-ins they are the same. Only between them the whole network is asked.
    """
    own = frozenset(person for person, seats in reach.items() if person in seats)
    if _meet(rules, own):
        return True
    within_reach = frozenset().union(*reach.values())
    return within_reach != own and _meet(rules, within_reach) and _network_meets(rules, reach)


def _meet(rules: list[Rule], seats: frozenset[SeatId]) -> bool:
    return _fill(rules, _groups(rules, seats)).met


def _network_meets(rules: list[Rule], reach: Mapping[PersonId, frozenset[SeatId]]) -> bool:
    graph = nx.DiGraph()
    graph.add_nodes_from([_SOURCE, _SINK])
    for person, seats in reach.items():
        graph.add_edge(_SOURCE, ("person", person), capacity=1)
        graph.add_edges_from((("person", person), ("seat", seat)) for seat in seats)
    for seat in frozenset().union(*reach.values()):
        graph.add_edge(("seat", seat), ("filled", seat), capacity=1)
        graph.add_edges_from((("filled", seat), ("rule", rule.key)) for rule in rules if seat in rule.eligible)
    graph.add_edges_from((("rule", rule.key), _SINK, {"capacity": rule.need}) for rule in rules)
    flow = nx.maximum_flow_value(graph, _SOURCE, _SINK, flow_func=nx.algorithms.flow.edmonds_karp)
    return flow == sum(rule.need for rule in rules)


def _bottleneck(
    wanted: frozenset[SeatId], reach: Mapping[PersonId, frozenset[SeatId]]
) -> tuple[frozenset[PersonId], frozenset[SeatId]]:
    """People and seats, as few as wanted seats can be filled, so that every way to fill one passes one of them (König).

    Of several such choices it is the one with the fewest seats that stays the same whichever way seats are filled.
    """
    graph = nx.Graph((("person", person), ("seat", seat)) for person, seats in reach.items() for seat in seats & wanted)
    people = {node for node in graph if node[0] == "person"}
    matching = nx.bipartite.hopcroft_karp_matching(graph, people)
    cover = nx.bipartite.to_vertex_cover(graph, matching, people)
    return frozenset(node[1] for node in cover & people), frozenset(node[1] for node in cover - people)


# Which filled seats count for which rules

Groups = dict[tuple[int, ...], list[SeatId]]
Needs = tuple[tuple[int, int], ...]  # (stage, need) of each rule
Sizes = tuple[tuple[tuple[int, ...], int], ...]  # (rules that it could fill, how many seats it has) of each group


@dataclass(frozen=True)
class _Filling:
    """Rules and groups by position. `amounts`: (group, rule, how many of the group fill the rule)."""

    amounts: tuple[tuple[int, int, int], ...]
    missing: tuple[int, ...]
    helping: frozenset[int]

    @property
    def met(self) -> bool:
        return not any(self.missing)


def _groups(rules: list[Rule], seats: frozenset[SeatId]) -> Groups:
    """Seats by the rules that they could fill; within a group they are interchangeable. Seats for no rule are left out."""
    groups = defaultdict(list)
    for seat in sorted(seats):
        choice = tuple([at for at, rule in enumerate(rules) if seat in rule.eligible and rule.need])
        if choice:
            groups[choice].append(seat)
    return dict(sorted(groups.items()))


def _fill(rules: list[Rule], groups: Groups) -> _Filling:
    return _filling(
        tuple((rule.stage, rule.need) for rule in rules),
        tuple((choice, len(seats)) for choice, seats in groups.items()),
    )


def _shared_out(rules: list[Rule], groups: Groups, filling: _Filling) -> dict[str, tuple[SeatId, ...]]:
    """The seats that fill each rule, by its key: the first ones of a group for the first of its rules, and so on."""
    waiting = [iter(seats) for seats in groups.values()]
    filled = {rule.key: [] for rule in rules}
    for group, at, amount in filling.amounts:
        filled[rules[at].key] += [next(waiting[group]) for _ in range(amount)]
    return {key: tuple(sorted(seats)) for key, seats in filled.items()}


@lru_cache(maxsize=_KEPT)
def _filling(rules: Needs, groups: Sizes) -> _Filling:
    amounts, room, contested = _settled(rules, groups)
    if contested:
        amounts += _flow(rules, groups, room, contested)
    missing = [need for _, need in rules]
    for _, at, amount in amounts:
        missing[at] -= amount
    return _Filling(tuple(sorted(amounts)), tuple(missing), _helping(rules, groups, amounts, missing))


def _settled(rules: Needs, groups: Sizes) -> tuple[list[tuple[int, int, int]], list[int], dict[int, list[int]]]:
    """Amounts that need no flow, the room they leave in each rule, and {group: rules with room} of the groups still waiting.

    Each amount is part of some best filling, because any other one can be changed to have it without losing an approval:
    a group with one rule left can go nowhere else; a rule of the earliest stage that a group could fill takes it whole when
    it has room for everybody who could come.
    """
    amounts, room = [], [need for _, need in rules]
    waiting = {group: list(choice) for group, (choice, _) in enumerate(groups)}
    while pick := _certain(rules, groups, room, waiting):
        group, at = pick
        amount = min(groups[group][1], room[at])
        amounts.append((group, at, amount))
        room[at] -= amount
        del waiting[group]
        if not room[at]:
            left = {group: [other for other in choice if other != at] for group, choice in waiting.items()}
            waiting = {group: choice for group, choice in left.items() if choice}
    return amounts, room, waiting


def _certain(rules: Needs, groups: Sizes, room: list[int], waiting: dict[int, list[int]]) -> tuple[int, int] | None:
    """A group and the rule that it surely may fill; None when every group has rules to choose from that others contest."""
    crowd = [0] * len(rules)
    for group, choice in waiting.items():
        if len(choice) == 1:
            return group, choice[0]
        for at in choice:
            crowd[at] += groups[group][1]
    for group, choice in waiting.items():
        first = min(rules[at][0] for at in choice)
        for at in choice:
            if rules[at][0] == first and crowd[at] <= room[at]:
                return group, at
    return None


def _flow(rules: Needs, groups: Sizes, room: list[int], contested: dict[int, list[int]]) -> list[tuple[int, int, int]]:
    """A maximum flow from the contested groups to rules with room, extended stage by stage, as amounts."""
    graph = nx.DiGraph()
    graph.add_nodes_from([_SOURCE, _SINK])
    for group, choice in contested.items():
        graph.add_edge(_SOURCE, ("group", group), capacity=groups[group][1])
        graph.add_edges_from((("group", group), ("rule", at), {"capacity": groups[group][1]}) for at in choice)
    wanted = {at for choice in contested.values() for at in choice}
    for stage in sorted({rules[at][0] for at in wanted}):
        asked = [at for at in sorted(wanted) if rules[at][0] == stage]
        graph.add_edges_from((("rule", at), _SINK, {"capacity": room[at]}) for at in asked)
        graph = _left(nx.algorithms.flow.edmonds_karp(graph, _SOURCE, _SINK))
    return [
        (end[1], start[1], edge["capacity"])
        for start, end, edge in graph.edges(data=True)
        if start[0] == "rule" and end[0] == "group"
    ]


def _left(residual: nx.DiGraph) -> nx.DiGraph:
    """The capacities that a flow leaves, with the way back from rule to group of what flows there."""
    graph = nx.DiGraph()
    graph.add_nodes_from(residual)
    graph.add_edges_from(
        (start, end, {"capacity": edge["capacity"] - edge["flow"]})
        for start, end, edge in residual.edges(data=True)
        if edge["capacity"] > edge["flow"]
    )
    return graph


def _helping(rules: Needs, groups: Sizes, amounts: list[tuple[int, int, int]], missing: list[int]) -> frozenset[int]:
    """Rules from which one more vote would reach one missing in the open stage, directly or by moving votes to other rules.

    Which they are does not depend on the best filling chosen: they are those on the sink's side of every smallest cut.
    """
    open_now = min((stage for (stage, _), lacking in zip(rules, missing, strict=True) if lacking), default=None)
    helping = {at for at, (stage, _) in enumerate(rules) if missing[at] and stage == open_now}
    moves = {(at, other) for group, at, _ in amounts for other in groups[group][0]}
    while more := {start for start, end in moves if end in helping} - helping:
        helping |= more
    return frozenset(helping)
