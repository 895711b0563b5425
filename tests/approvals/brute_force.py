"""The quorum by enumeration: every way in which people fill seats and seats count for rules. Slow, and obviously right.

It shares nothing with `approvals/quorum/`. A rule is anything with `key`, `need`, `eligible` and `stage`; `reach` is
{person: the seats of which that person could fill one}. `Instance` draws questions to ask both.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from random import Random

# Every way


def seatings(reach: Mapping, filled: Collection = (), taken: Collection = ()) -> set[frozenset]:
    """Every set of seats that can be filled in the end: each person fills one free seat of theirs, or none."""
    ways = {frozenset(filled)}
    for seats in reach.values():
        ways |= {way | {seat} for way in ways for seat in seats if seat not in way and seat not in taken}
    return ways


@lru_cache(maxsize=4096)
def fillings(rules: tuple, seats: tuple) -> frozenset[tuple[int, ...]]:
    """Every count of approvals per rule: each seat counts for one rule that it is eligible for and has room, or for none."""
    if not seats:
        return frozenset([(0,) * len(rules)])
    ways = fillings(rules, seats[:-1])
    return ways | {
        (*way[:at], way[at] + 1, *way[at + 1 :])
        for way in ways
        for at, rule in enumerate(rules)
        if seats[-1] in rule.eligible and way[at] < rule.need
    }


def counts(rules: Collection, seats: Collection) -> frozenset[tuple[int, ...]]:
    return fillings(tuple(rules), tuple(sorted(seats)))


# What they say


def met(rules: Collection, seats: Collection) -> bool:
    return tuple(rule.need for rule in rules) in counts(rules, seats)


def most(rules: Collection, seats: Collection) -> int:
    """The largest number of approvals that the seats can fill."""
    return max(sum(way) for way in counts(rules, seats))


def by_stage(rules: Collection, way: Collection[int]) -> tuple[int, ...]:
    """Approvals per stage, lowest stage first."""
    return tuple(
        sum(count for rule, count in zip(rules, way, strict=True) if rule.stage == stage) for stage in stages(rules)
    )


def best_by_stage(rules: Collection, seats: Collection) -> tuple[int, ...]:
    """As many approvals as possible in the first stage, then in the second one, and so on."""
    return max(by_stage(rules, way) for way in counts(rules, seats))


def stages(rules: Collection) -> list[int]:
    return sorted({rule.stage for rule in rules})


def up_to(rules: Collection, stage: int) -> list:
    return [rule for rule in rules if rule.stage <= stage]


def open_stage(rules: Collection, votes: Collection) -> int | None:
    return next((stage for stage in stages(rules) if not met(up_to(rules, stage), votes)), None)


def could_help(rules: Collection, votes: Collection) -> dict:
    """{key: seats}: those that some best filling of the open stage, and of all before, leaves room for in the rule."""
    asked = up_to(rules, open_stage(rules, votes) or min(stages(rules), default=0) - 1)
    best = [way for way in counts(asked, votes) if sum(way) == most(asked, votes)]
    roomy = {rule.key for at, rule in enumerate(asked) if any(way[at] < rule.need for way in best)}
    return {rule.key: rule.eligible - set(votes) if rule.key in roomy else frozenset() for rule in rules}


def possible(rules: Collection, reach: Mapping) -> bool:
    return any_meets(rules, seatings(reach))


def possible_within(rules: Collection, reach: Mapping, only: Mapping) -> bool:
    """Whether people can fill seats, and these the rules, one each; `only` {(person, seat): keys} narrows that."""
    reached = {(frozenset(), (0,) * len(rules))}
    for person, seats in reach.items():
        reached |= {
            (filled | {seat}, (*way[:at], way[at] + 1, *way[at + 1 :]))
            for filled, way in reached
            for seat in seats - filled
            for at, rule in enumerate(rules)
            if seat in rule.eligible and way[at] < rule.need and rule.key in only.get((person, seat), {rule.key})
        }
    return tuple(rule.need for rule in rules) in {way for _, way in reached}


def most_seats(reach: Mapping, wanted: Collection) -> int:
    """The largest number of wanted seats that can be filled at once."""
    return max(len(seats & frozenset(wanted)) for seats in seatings(reach))


def reachable(rules: Collection, votes: Mapping, rejected: Mapping, reach: Mapping) -> bool:
    """`votes`, `rejected`: {seat: person who acted}, no seat and no person twice. The others have yet to act."""
    acted = {*votes.values(), *rejected.values()}
    to_come = {person: seats for person, seats in reach.items() if person not in acted}
    return any_meets(rules, seatings(to_come, filled=votes, taken=rejected))


def any_meets(rules: Collection, ways: Collection[frozenset]) -> bool:
    """Whether one of the sets of seats does. Fewer seats than approvals needed cannot."""
    needed = sum(rule.need for rule in rules)
    return any(met(rules, seats) for seats in ways if len(seats) >= needed)


def greedy_met(rules: Collection, votes: Collection) -> bool:
    """What filling rules one vote after the other, each in its first rule with room, makes of it. Wrong, and common."""
    room = {rule.key: rule.need for rule in rules}
    for vote in sorted(votes):
        first = next((rule.key for rule in rules if vote in rule.eligible and room[rule.key]), None)
        if first is not None:
            room[first] -= 1
    return not any(room.values())


# What to ask


@dataclass(frozen=True)
class Drawn:
    key: str
    need: int
    eligible: frozenset[int]
    stage: int


@dataclass(frozen=True)
class Instance:
    """One question drawn from a seed: up to 5 rules in up to 3 stages, up to 7 people, absences, stand-ins and acts."""

    seed: int
    rules: tuple[Drawn, ...]
    people: tuple[int, ...]
    ballots: frozenset[int]
    available: frozenset[int]
    stand_ins: dict[int, frozenset[int]]
    votes: dict[int, int] = field(default_factory=dict)
    rejected: dict[int, int] = field(default_factory=dict)

    @cached_property
    def reach(self) -> dict[int, frozenset[int]]:
        own = {person: frozenset([person]) & self.available for person in self.people}
        return {person: own[person] | self.stand_ins.get(person, frozenset()) for person in self.people}

    @cached_property
    def own_reach(self) -> dict[int, frozenset[int]]:
        return {person: frozenset([person]) for person in self.available}


def drawn(seed: int) -> Instance:
    dice = Random(seed)  # noqa: S311 (drawn again from its seed)
    people = tuple(range(dice.choice((1, 2, 3, 4, 5, 5, 6, 6, 7, 7))))
    rules = _rules(dice, people)
    ballots, absent = _some(dice, people, 0.2, 0.5, 0.9), _some(dice, people, 0, 0.4, 0.7)
    deputies = _some(dice, people, 0, 0.5, 0.9)
    stand_ins = {
        person: frozenset(dice.sample(others, dice.randint(1, min(2, len(others)))))
        for person in deputies
        if (others := [other for other in people if other != person])
    }
    instance = Instance(seed, rules, people, ballots, frozenset(people) - absent, stand_ins)
    votes, rejected = _acts(dice, instance)
    return replace(instance, votes=votes, rejected=rejected)


def _rules(dice: Random, people: Collection[int]) -> tuple[Drawn, ...]:
    keys = dice.sample("abcde", dice.choice((0, 1, 2, 2, 2, 3, 3, 3, 4, 5)))
    last_stage = dice.choice((1, 2, 3))
    return tuple(
        Drawn(
            key,
            dice.choices((0, 1, 2, 3), (1, 12, 4, 1))[0],
            _some(dice, people, 0.3, 0.5, 0.7),
            dice.randint(1, last_stage),
        )
        for key in keys
    )


def _some(dice: Random, people: Collection[int], *shares: float) -> frozenset[int]:
    share = dice.choice(shares)
    return frozenset(person for person in people if dice.random() < share)


def _acts(dice: Random, instance: Instance) -> tuple[dict[int, int], dict[int, int]]:
    """{seat: person} approved and rejected: people act in a random order, each for one free seat that is theirs to fill."""
    votes, rejected = {}, {}
    rejecting = dice.choice((0.2, 0.5, 0.9))
    acting = sorted(_some(dice, instance.people, 0.2, 0.5))
    for person in dice.sample(acting, len(acting)):
        free = sorted(instance.reach[person] - votes.keys() - rejected.keys())
        if free:
            (rejected if dice.random() < rejecting else votes)[dice.choice(free)] = person
    return votes, rejected
