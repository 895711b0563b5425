"""Which filled seats count for which rules: groups of interchangeable seats, and a maximum flow from them to rules.

Answers are kept for questions of the same shape.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import networkx as nx

from approvals.quorum.parts import SINK, SOURCE, Rule, SeatId

_KEPT = 8192  # answers, of a few hundred bytes each
Groups = dict[tuple[int, ...], list[SeatId]]
Needs = tuple[tuple[int, int], ...]  # (stage, need) of each rule
Sizes = tuple[tuple[tuple[int, ...], int], ...]  # (rules that it could fill, how many seats it has) of each group


@dataclass(frozen=True)
class Filling:
    """Rules and groups by position. `amounts`: (group, rule, how many of the group fill the rule)."""

    amounts: tuple[tuple[int, int, int], ...]
    missing: tuple[int, ...]
    helping: frozenset[int]

    @property
    def met(self) -> bool:
        return not any(self.missing)


def grouped(rules: list[Rule], seats: frozenset[SeatId]) -> Groups:
    """Seats by the rules that they could fill; within a group they are interchangeable. Seats for no rule are left out."""
    groups = defaultdict(list)
    for seat in sorted(seats):
        choice = tuple([at for at, rule in enumerate(rules) if seat in rule.eligible and rule.need])
        if choice:
            groups[choice].append(seat)
    return dict(sorted(groups.items()))


def fill(rules: list[Rule], groups: Groups) -> Filling:
    """The best filling of the rules; asked by shape alone, so that it is often known already."""
    return best_filling(
        tuple((rule.stage, rule.need) for rule in rules),
        tuple((choice, len(seats)) for choice, seats in groups.items()),
    )


def shared_out(rules: list[Rule], groups: Groups, filling: Filling) -> dict[str, tuple[SeatId, ...]]:
    """The seats that fill each rule, by its key: the first ones of a group for the first of its rules, and so on."""
    waiting = [iter(seats) for seats in groups.values()]
    filled = {rule.key: [] for rule in rules}
    for group, at, amount in filling.amounts:
        filled[rules[at].key] += [next(waiting[group]) for _ in range(amount)]
    return {key: tuple(sorted(seats)) for key, seats in filled.items()}


@lru_cache(maxsize=_KEPT)
def best_filling(rules: Needs, groups: Sizes) -> Filling:
    """As many approvals as possible, stage by stage: what is certain first, then a flow for what groups contest."""
    amounts, room, contested = settled(rules, groups)
    if contested:
        amounts += flow_of(rules, groups, room, contested)
    missing = [need for _, need in rules]
    for _, at, amount in amounts:
        missing[at] -= amount
    return Filling(tuple(sorted(amounts)), tuple(missing), _helping(rules, groups, amounts, missing))


def settled(rules: Needs, groups: Sizes) -> tuple[list[tuple[int, int, int]], list[int], dict[int, list[int]]]:
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


def flow_of(
    rules: Needs, groups: Sizes, room: list[int], contested: dict[int, list[int]]
) -> list[tuple[int, int, int]]:
    """A maximum flow from the contested groups to rules with room, extended stage by stage, as amounts."""
    graph = nx.DiGraph()
    graph.add_nodes_from([SOURCE, SINK])
    for group, choice in contested.items():
        graph.add_edge(SOURCE, ("group", group), capacity=groups[group][1])
        graph.add_edges_from((("group", group), ("rule", at), {"capacity": groups[group][1]}) for at in choice)
    wanted = {at for choice in contested.values() for at in choice}
    for stage in sorted({rules[at][0] for at in wanted}):
        asked = [at for at in sorted(wanted) if rules[at][0] == stage]
        graph.add_edges_from((("rule", at), SINK, {"capacity": room[at]}) for at in asked)
        graph = _left(nx.algorithms.flow.edmonds_karp(graph, SOURCE, SINK))
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
