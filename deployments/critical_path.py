"""When the steps of a runbook begin and end, by what they take and need: live, from what has happened and what is planned.

Source: the critical path method (Kelley and Walker, 1959). What is over stands as it was; what runs ends no earlier than now;
what has not begun begins no earlier than now, once all it needs is over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Node:
    """One step. `needs` are keys of others; `started_at` alone means that it runs, with `ended_at` that it is over."""

    key: int
    minutes: float
    needs: tuple[int, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None


@dataclass(frozen=True)
class Slot:
    """When a step begins and ends, as far as is known now. `slack` is how much later it may end with nothing else being later."""

    starts_at: datetime
    ends_at: datetime
    slack: timedelta
    is_critical: bool


@dataclass(frozen=True)
class Timetable:
    """The whole runbook: a slot for each key, the keys of the critical path in order, and the expected end."""

    slots: dict[int, Slot]
    path: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime

    @property
    def length(self) -> timedelta:
        return self.ends_at - self.starts_at


class Cycle(ValueError):
    """Steps that need each other. `keys` are those in the circle and behind it."""

    def __init__(self, keys: list[int]):
        super().__init__("Steps need each other.")
        self.keys = keys


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """Every node after those that it needs. Raises Cycle. Needs that are not among the nodes are left out of account."""
    waiting = {node.key: node for node in nodes}
    found: list[Node] = []
    while waiting:
        free = [node for node in waiting.values() if not any(need in waiting for need in node.needs)]
        if not free:
            raise Cycle(list(waiting))
        found += free
        for node in free:
            del waiting[node.key]
    return found


def timetable(nodes: Iterable[Node], *, begins_at: datetime, now: datetime | None = None) -> Timetable:
    """Slots of all steps of a runbook that begins, or began, at `begins_at`; without `now`, as it was planned. Raises Cycle."""
    ordered = in_order(nodes)
    if now is None:
        ordered = [Node(node.key, node.minutes, node.needs) for node in ordered]
    spans = _forwards(ordered, begins_at, max(begins_at, now or begins_at))
    ends_at = max((end for _, end in spans.values()), default=begins_at)
    latest = _backwards(ordered, spans, ends_at)
    path = _path(ordered, spans)
    slots = {
        node.key: Slot(*spans[node.key], latest[node.key] - spans[node.key][1], node.key in path) for node in ordered
    }
    return Timetable(slots, tuple(path), begins_at, ends_at)


def _forwards(ordered: list[Node], begins_at: datetime, now: datetime) -> dict[int, tuple[datetime, datetime]]:
    """{key: (start, end)}, each as early as can be."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for node in ordered:
        spans[node.key] = _span(node, [spans[need][1] for need in node.needs if need in spans], begins_at, now)
    return spans


def _span(node: Node, needed: list[datetime], begins_at: datetime, now: datetime) -> tuple[datetime, datetime]:
    length = timedelta(minutes=node.minutes)
    if node.is_over:
        return node.started_at or node.ended_at, node.ended_at
    if node.started_at:
        return node.started_at, max(node.started_at + length, now)
    start = max([begins_at, now, *needed])
    return start, start + length


def _backwards(ordered: list[Node], spans: dict, ends_at: datetime) -> dict[int, datetime]:
    """{key: the latest end that makes nothing else later}. What has begun already does not wait for anything any more."""
    latest = {node.key: max(ends_at, spans[node.key][1]) for node in ordered}
    for node in reversed(ordered):
        if node.started_at or node.is_over:
            continue
        start, end = spans[node.key]
        for need in node.needs:
            if need in latest:
                latest[need] = min(latest[need], latest[node.key] - (end - start))
    return latest


def _path(ordered: list[Node], spans: dict) -> list[int]:
    """The chain that the end hangs on: from the step that ends last back through what each waited for longest."""
    nodes = {node.key: node for node in ordered}
    if not nodes:
        return []
    here = max(ordered, key=lambda node: spans[node.key][1]).key
    path = [here]
    while before := [need for need in nodes[here].needs if need in spans]:
        here = max(before, key=lambda need: spans[need][1])
        path.append(here)
    return path[::-1]
