"""When a rule runs out, and when a share of its time has passed: plain hours, or the working hours of those who could approve."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from heapq import merge

from accounts import hours
from approvals.states import Clock

HOUR = timedelta(hours=1)


def due(start: datetime, deadline_hours: float, clock: str, people: Iterable[int]) -> datetime:
    """The instant at which a deadline that starts at `start` ends. `people` are the ids of those who could approve."""
    if clock == Clock.WORKING and (ids := list(people)):
        return hours.add_working(hours.calendars(ids).values(), start, deadline_hours)
    return start + timedelta(hours=deadline_hours)


def resumed(due_at: datetime, since: datetime, now: datetime, clock: str, people: Iterable[int]) -> datetime:
    """The instant at which a deadline ends that stood still from `since` to `now`: what was left of it is left again."""
    if clock == Clock.WORKING and (ids := list(people)):
        calendars = hours.calendars(ids).values()
        left = working_time(calendars, since, due_at)
        return hours.add_working(calendars, now, left / HOUR)
    return due_at + (now - since)


def passed(rule, share: float, calendars: Collection[hours.Calendar]) -> datetime:
    """The instant at which a share (0 to 1) of a running rule's time has passed, by its own clock.

    Measured between its start and its end, so that it never lies outside, whoever went away or changed their hours meanwhile. Where
    nobody is at work all that time it is measured in plain hours.
    """
    if rule.clock == Clock.WORKING:
        whole = working_time(calendars, rule.opened_at, rule.due_at)
        if whole:
            return min(hours.add_working(calendars, rule.opened_at, whole * share / HOUR), rule.due_at)
    return rule.opened_at + (rule.due_at - rule.opened_at) * share


def working_time(calendars: Iterable[hours.Calendar], start: datetime, end: datetime) -> timedelta:
    """How long between two instants at least one of them is at work."""
    spans = hours.merged(merge(*(calendar.spans(start, end) for calendar in calendars)))
    return sum((stop - begin for begin, stop in spans), timedelta())
