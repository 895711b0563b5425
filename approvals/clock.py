"""When a rule runs out: plain hours, or the working hours of those who could approve."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from accounts import hours
from approvals.states import Clock


def due(start: datetime, deadline_hours: int, clock: str, people: Iterable[int]) -> datetime:
    """The instant at which a deadline that starts at `start` ends. `people` are the ids of those who could approve."""
    if clock == Clock.WORKING and (ids := list(people)):
        return hours.add_working(hours.calendars(ids).values(), start, deadline_hours)
    return start + timedelta(hours=deadline_hours)
