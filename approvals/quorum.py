"""Which votes fill which rules of an approval request, and whether the rules can still be met.

A person holds one vote, which fills at most one rule. Where roles overlap, filling rules one after the other can waste
a vote on a rule that somebody else could have filled; a maximum flow from people to rules never does. People are named
by whole numbers or texts (one kind at a time); answers do not depend on the order of what is given.
"""

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass

import networkx as nx

PersonId = Hashable
_SOURCE, _SINK = ("source",), ("sink",)


@dataclass(frozen=True)
class Rule:
    """`need` approvals by people of `eligible`. `key` names the rule within its request."""

    key: str
    need: int
    eligible: frozenset[PersonId]

    def __post_init__(self):
        if self.need < 0:
            raise ValueError(f"Rule {self.key} asks for {self.need} approvals.")


@dataclass(frozen=True)
class Outcome:
    """How votes fill rules, for every rule by key.

    `filled` names whose votes count for it, `missing` how many approvals it still needs. `could_help` names the people
    who have not voted and whose vote, given next, would lower the number missing in all; it may reach a rule by freeing a
    vote that fills it now for another one.
    """

    met: bool
    filled: dict[str, tuple[PersonId, ...]]
    missing: dict[str, int]
    could_help: dict[str, frozenset[PersonId]]


@dataclass(frozen=True)
class Impossible:
    """Rules that cannot be met together: they need `needed` approvals and only `people` could give them, one each."""

    rules: tuple[str, ...]
    needed: int
    people: frozenset[PersonId]

    @property
    def short_by(self) -> int:
        return self.needed - len(self.people)


def solve(rules: Iterable[Rule], votes: Collection[PersonId]) -> Outcome:
    """Let each vote fill at most one rule so that as many approvals as possible are filled."""
    rules = _ordered(rules)
    flow, residual = _flow(rules, votes)
    filled = {rule.key: tuple(_sorted(person for person in flow if flow[person] == rule.key)) for rule in rules}
    missing = {rule.key: rule.need - len(filled[rule.key]) for rule in rules}
    helping = _open_rules(rules, missing, residual)
    return Outcome(
        met=not any(missing.values()),
        filled=filled,
        missing=missing,
        could_help={
            rule.key: frozenset(rule.eligible - set(votes)) if rule.key in helping else frozenset() for rule in rules
        },
    )


def possible(rules: Iterable[Rule], available: Collection[PersonId]) -> Impossible | None:
    """None where the available people could meet all rules at once; else a smallest clear reason why not.

    By Hall's theorem rules cannot be met together exactly if some of them need more approvals than there are people
    eligible for any of them. Those are named, without any rule that the shortage does not depend on.
    """
    rules = _ordered(rules)
    if _is_met(rules, available):
        return None
    culprits = rules
    for rule in rules:
        without = [other for other in culprits if other is not rule]
        if not _is_met(without, available):
            culprits = without
    people = frozenset().union(*(rule.eligible for rule in culprits)) & set(available)
    return Impossible(tuple(rule.key for rule in culprits), sum(rule.need for rule in culprits), people)


def still_reachable(rules: Iterable[Rule], votes: Collection[PersonId], rejected: Collection[PersonId]) -> bool:
    """Whether the rules can be met once those who rejected no longer can approve; an approval given stands.

    Who is in both has changed their mind and counts as rejecting.
    """
    rules = list(rules)
    everyone = frozenset(votes).union(*(rule.eligible for rule in rules))
    return possible(rules, everyone - set(rejected)) is None


def _ordered(rules: Iterable[Rule]) -> list[Rule]:
    ordered = sorted(rules, key=lambda rule: rule.key)
    keys = [rule.key for rule in ordered]
    if len(set(keys)) < len(keys):
        raise ValueError("Two rules have the same key.")
    return ordered


def _is_met(rules: list[Rule], people: Collection[PersonId]) -> bool:
    flow, _ = _flow(rules, people)
    return len(flow) == sum(rule.need for rule in rules)


def _flow(rules: list[Rule], people: Collection[PersonId]) -> tuple[dict[PersonId, str], nx.DiGraph]:
    """Which rule each person fills (people who fill none are left out), and the residual network."""
    graph = nx.DiGraph()
    graph.add_nodes_from([_SOURCE, _SINK])
    for person in _sorted(set(people)):
        keys = [rule.key for rule in rules if person in rule.eligible]
        if keys:
            graph.add_edge(_SOURCE, ("person", person), capacity=1)
        for key in keys:
            graph.add_edge(("person", person), ("rule", key), capacity=1)
    for rule in rules:
        graph.add_edge(("rule", rule.key), _SINK, capacity=rule.need)
    residual = nx.algorithms.flow.edmonds_karp(graph, _SOURCE, _SINK)
    filling = {
        person[1]: rule[1]
        for person, rule in graph.edges
        if person[0] == "person" and residual[person][rule]["flow"] > 0
    }
    return filling, residual


def _open_rules(rules: list[Rule], missing: dict[str, int], residual: nx.DiGraph) -> set[str]:
    """Rules from which one more vote would reach a missing approval, directly or by moving votes to other rules."""
    room = nx.DiGraph()
    room.add_nodes_from(("rule", rule.key) for rule in rules)
    for start, end, edge in residual.edges(data=True):
        if edge["capacity"] - edge["flow"] > 0 and {start, end}.isdisjoint({_SOURCE, _SINK}):
            room.add_edge(start, end)
    return {
        node[1]
        for rule in rules
        if missing[rule.key] > 0
        for node in {("rule", rule.key), *nx.ancestors(room, ("rule", rule.key))}
        if node[0] == "rule"
    }


def _sorted(people: Iterable[PersonId]) -> list[PersonId]:
    return sorted(people)
