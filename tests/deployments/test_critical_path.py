"""The critical path, held against all paths counted one by one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from deployments.critical_path import Cycle, Node, in_order, timetable

T0 = datetime(2026, 11, 12, 21, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def span(slot) -> tuple[float, float]:
    return tuple((x - T0).total_seconds() / 60 for x in (slot.starts_at, slot.ends_at))


# By hand

PLAN = [Node(1, 10), Node(2, 30, (1,)), Node(3, 5, (1,)), Node(4, 20, (2, 3))]


def test_a_plan_worked_by_hand():
    made = timetable(PLAN, begins_at=T0)
    assert {key: span(slot) for key, slot in made.slots.items()} == {1: (0, 10), 2: (10, 40), 3: (10, 15), 4: (40, 60)}
    assert made.path == (1, 2, 4)
    assert made.ends_at == at(60)
    assert made.slots[3].slack == timedelta(minutes=25)
    assert [key for key, slot in made.slots.items() if slot.is_critical] == [1, 2, 4]


def test_a_running_step_that_is_over_its_minutes_pushes_the_rest():
    nodes = [Node(1, 10, (), at(0), at(10)), Node(2, 30, (1,), at(10)), Node(3, 5, (1,), at(10), at(15)), PLAN[3]]
    assert timetable(nodes, begins_at=T0, now=at(25)).ends_at == at(60)
    assert timetable(nodes, begins_at=T0, now=at(55)).ends_at == at(75)


def test_a_step_that_nobody_begins_pushes_the_rest():
    nodes = [Node(1, 10, (), at(0), at(10)), *PLAN[1:]]
    made = timetable(nodes, begins_at=T0, now=at(18))
    assert (span(made.slots[2]), made.ends_at) == ((18, 48), at(68))


def test_a_step_that_ended_early_lets_the_rest_begin_early():
    nodes = [Node(1, 10, (), at(0), at(4)), *PLAN[1:]]
    assert timetable(nodes, begins_at=T0, now=at(4)).ends_at == at(54)


def test_the_critical_path_moves_to_what_is_late():
    nodes = [Node(1, 10, (), at(0), at(10)), Node(2, 30, (1,), at(10)), Node(3, 5, (1,), at(10)), PLAN[3]]
    assert timetable(nodes, begins_at=T0, now=at(20)).path == (1, 2, 4)
    nodes[1] = Node(2, 30, (1,), at(10), at(38))
    made = timetable(nodes, begins_at=T0, now=at(45))
    assert (made.path, made.ends_at) == ((1, 3, 4), at(65))


def test_without_now_it_tells_the_plan_whatever_has_happened():
    nodes = [Node(1, 10, (), at(0), at(90)), *PLAN[1:]]
    assert timetable(nodes, begins_at=T0).ends_at == at(60)


def test_nothing_to_do_ends_where_it_begins():
    assert timetable([], begins_at=T0, now=at(5)).ends_at == T0


def test_steps_that_need_each_other_are_named():
    with pytest.raises(Cycle) as found:
        in_order([Node(1, 1), Node(2, 1, (1, 4)), Node(3, 1, (2,)), Node(4, 1, (3,))])
    assert sorted(found.value.keys) == [2, 3, 4]


# Against every path


@some.composite
def runbooks(draw) -> tuple[list[Node], datetime]:
    """Up to seven steps that need earlier ones; what has begun is what a runbook could have begun by `now`."""
    now = draw(some.integers(0, 60))
    nodes: list[Node] = []
    for key in range(draw(some.integers(1, 7))):
        needs = tuple(draw(some.sets(some.sampled_from(range(key)), max_size=3))) if key else ()
        over = [nodes[n].ended_at for n in needs]
        begun = ended = None
        if all(over) and draw(some.booleans()):
            earliest = max([T0, *over])
            left = int((at(now) - earliest).total_seconds() // 60)
            if left >= 0:
                begun = earliest + timedelta(minutes=draw(some.integers(0, left)))
                if draw(some.booleans()):
                    room = int((at(now) - begun).total_seconds() // 60)
                    ended = begun + timedelta(minutes=draw(some.integers(0, room)))
        nodes.append(Node(key, draw(some.integers(0, 30)), needs, begun, ended))
    return nodes, at(now)


def paths_to(nodes: list[Node], key: int) -> list[list[int]]:
    """Every way from a step without needs to this one."""
    before = [path for need in nodes[key].needs for path in paths_to(nodes, need)]
    return [[*path, key] for path in before] or [[key]]


def walk(nodes: list[Node], path: list[int], now: datetime) -> datetime:
    """The end of a path that is gone alone."""
    t = T0
    for key in path:
        node = nodes[key]
        if node.ended_at:
            t = node.ended_at
        elif node.started_at:
            t = max(node.started_at + timedelta(minutes=node.minutes), now)
        else:
            t = max(t, now, T0) + timedelta(minutes=node.minutes)
    return t


def end_of(nodes: list[Node], now: datetime) -> datetime:
    return max(walk(nodes, path, now) for node in nodes for path in paths_to(nodes, node.key))


@given(runbooks())
def test_each_step_ends_with_the_longest_of_all_paths_to_it(drawn):
    nodes, now = drawn
    made = timetable(nodes, begins_at=T0, now=now)
    for node in nodes:
        assert made.slots[node.key].ends_at == max(walk(nodes, path, now) for path in paths_to(nodes, node.key))
    assert made.ends_at == end_of(nodes, now)


@given(runbooks())
def test_the_critical_path_is_one_of_the_longest_paths(drawn):
    nodes, now = drawn
    made = timetable(nodes, begins_at=T0, now=now)
    path = list(made.path)
    assert path in paths_to(nodes, path[-1])
    assert walk(nodes, path, now) == made.ends_at


@given(runbooks())
def test_slack_is_how_much_longer_a_step_may_take_and_not_a_minute_more(drawn):
    nodes, now = drawn
    made = timetable(nodes, begins_at=T0, now=now)
    for node in nodes:
        if node.is_over or (node.started_at and node.started_at + timedelta(minutes=node.minutes) < now):
            continue
        slack = made.slots[node.key].slack.total_seconds() / 60
        assert end_of(longer(nodes, node, slack), now) == made.ends_at
        assert end_of(longer(nodes, node, slack + 1), now) == made.ends_at + timedelta(minutes=1)


def longer(nodes: list[Node], node: Node, minutes: float) -> list[Node]:
    changed = Node(node.key, node.minutes + minutes, node.needs, node.started_at, node.ended_at)
    return [changed if n.key == node.key else n for n in nodes]


@given(runbooks())
def test_time_that_passes_never_makes_the_end_earlier(drawn):
    nodes, now = drawn
    later = now + timedelta(minutes=7)
    assert timetable(nodes, begins_at=T0, now=later).ends_at >= timetable(nodes, begins_at=T0, now=now).ends_at
