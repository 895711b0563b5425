"""Who can fill which seats, and whether that is enough for the rules."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice, product

import networkx as nx

from approvals.quorum.filling import fill, grouped
from approvals.quorum.parts import SINK, SOURCE, Impossible, Only, PersonId, Rule, SeatId, seats_asked

_WAYS = 1024  # to choose who fills the seats that several people may fill for different rules


def who_acted(seats: Collection[SeatId]) -> dict[SeatId, PersonId]:
    """{seat: person who acted}; where only seats are given, everybody acted for themselves."""
    return dict(seats) if isinstance(seats, Mapping) else {seat: seat for seat in seats}


def reach_of(
    available: Collection[PersonId], stand_ins: Mapping[PersonId, Collection[SeatId]] | None
) -> dict[PersonId, frozenset[SeatId]]:
    """{person: the seats of which that person could fill one}. Nobody stands in for themselves."""
    reach = {person: frozenset([person]) for person in available}
    for person, seats in (stand_ins or {}).items():
        reach[person] = reach.get(person, frozenset()) | (frozenset(seats) - {person})
    return reach


def ways(
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


def shortage_of(rules: list[Rule], reach: Mapping[PersonId, frozenset[SeatId]]) -> Impossible | None:
    """None where people enough can act; else the rules that lack them, without any that the shortage does not depend on."""
    if is_enough(rules, reach):
        return None
    culprits = rules
    for rule in rules:
        without = [other for other in culprits if other is not rule]
        if not is_enough(without, reach):
            culprits = without
    people, seats = _bottleneck(seats_asked(culprits), reach)
    return Impossible(tuple(rule.key for rule in culprits), sum(rule.need for rule in culprits), people, seats)


def is_enough(rules: list[Rule], reach: Mapping[PersonId, frozenset[SeatId]]) -> bool:
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
    return fill(rules, grouped(rules, seats)).met


def _network_meets(rules: list[Rule], reach: Mapping[PersonId, frozenset[SeatId]]) -> bool:
    graph = nx.DiGraph()
    graph.add_nodes_from([SOURCE, SINK])
    for person, seats in reach.items():
        graph.add_edge(SOURCE, ("person", person), capacity=1)
        graph.add_edges_from((("person", person), ("seat", seat)) for seat in seats)
    for seat in frozenset().union(*reach.values()):
        graph.add_edge(("seat", seat), ("filled", seat), capacity=1)
        graph.add_edges_from((("filled", seat), ("rule", rule.key)) for rule in rules if seat in rule.eligible)
    graph.add_edges_from((("rule", rule.key), SINK, {"capacity": rule.need}) for rule in rules)
    flow = nx.maximum_flow_value(graph, SOURCE, SINK, flow_func=nx.algorithms.flow.edmonds_karp)
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
