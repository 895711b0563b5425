"""When people are at work, and clocks that run only then. Everything here reads; nothing is written.

A working span is half open, [start, end), and given in UTC. Hours are wall-clock times in the person's own zone: a shift in which
the clocks are put forward is an hour shorter, one in which they are put back an hour longer. A time that the clocks skip is the
instant at which they skip it, a time that comes twice is the first of the two.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from heapq import merge
from zoneinfo import ZoneInfo

from accounts.free_days import public_holidays
from accounts.models import Absence, User, WorkingHours
from accounts.models.hours import monday_to_friday
from accounts.zones import zone_named

Span = tuple[datetime, datetime]

SEARCH = timedelta(days=400)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Calendar:
    """The hours of one person. `absences` are merged: in order, none touching the next."""

    user_id: int
    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset(monday_to_friday())
    starts: time = time(9)
    ends: time = time(17)
    country: str = ""
    subdivision: str = ""
    absences: tuple[Span, ...] = ()

    def is_absent(self, at: datetime) -> bool:
        return any(start <= at < end for start, end in self.absences)

    def is_working(self, at: datetime) -> bool:
        return next(self.spans(at, at + INSTANT), None) is not None

    def next_working(self, at: datetime) -> datetime | None:
        """The first instant of work from `at` on, `at` itself where they are at work; None within 400 days."""
        span = next(self.spans(at, at + SEARCH), None)
        return span and span[0]

    def spans(self, start: datetime, end: datetime) -> Iterator[Span]:
        """The working time between two instants: in order, none overlapping, cut at both ends. Reads on only as far as asked."""
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        for begins, stops in without(self._shifts(start, end), self.absences):
            begins, stops = max(begins, start), min(stops, end)
            if begins < stops:
                yield begins, stops

    def _shifts(self, start: datetime, end: datetime) -> Iterator[Span]:
        """The shifts that share time with start to end, uncut. A shift of the day before may still run."""
        day, last = start.astimezone(self.zone).date() - timedelta(days=1), end.astimezone(self.zone).date()
        while day <= last:
            if self.works_on(day):
                yield self._shift(day)
            day += timedelta(days=1)

    def works_on(self, day: date) -> bool:
        """Whether a shift starts on that day of their calendar, absences aside."""
        if day.isoweekday() not in self.weekdays:
            return False
        return day not in public_holidays(self.country, self.subdivision, day.year)

    def _shift(self, day: date) -> Span:
        until = day if self.starts < self.ends else day + timedelta(days=1)
        return instant(self.zone, datetime.combine(day, self.starts)), instant(
            self.zone, datetime.combine(until, self.ends)
        )


def calendars(user_ids: Iterable[int]) -> dict[int, Calendar]:
    """{id: calendar} of those that exist. Three queries, whatever their number."""
    ids = set(user_ids)
    hours = {row.user_id: row for row in WorkingHours.objects.filter(user__in=ids)}
    away: dict[int, list[Absence]] = defaultdict(list)
    for absence in Absence.objects.standing().filter(user__in=ids).order_by():
        away[absence.user_id].append(absence)
    zones = User.objects.filter(pk__in=ids).order_by().values_list("pk", "timezone")
    return {pk: calendar_of(pk, zone, hours.get(pk), away[pk]) for pk, zone in zones}


def calendar_of(user_id: int, zone: str, hours: WorkingHours | None, absences: Iterable[Absence]) -> Calendar:
    """One person's calendar from rows that were read already."""
    week = {}
    if hours is not None:
        week = {name: getattr(hours, name) for name in ("starts", "ends", "country", "subdivision")}
        week["weekdays"] = frozenset(hours.weekdays)
    return Calendar(user_id, zone_named(zone), absences=tuple(merged(_spans_of(absences))), **week)


def add_working(calendars: Collection[Calendar], start: datetime, hours: float) -> datetime:
    """The instant at which a clock has run for `hours`, that starts at `start` and runs while at least one of them is at work.

    Where nobody is at work for 400 days, and where there is nobody, what is left runs in plain hours from there. The instant is
    in UTC. Raises ValueError for negative hours.
    """
    if hours < 0:
        raise ValueError("A clock does not run backwards.")
    clock, left = start.astimezone(UTC), timedelta(hours=hours)
    while left:
        spans = up_to(_together(calendars, clock, clock + SEARCH), left)
        if not spans:
            return clock + left
        left -= sum((end - begin for begin, end in spans), timedelta())
        clock = spans[-1][1]
    return clock


def up_to(spans: Iterable[Span], enough: timedelta) -> list[Span]:
    """The first spans, up to a length of `enough` together: the last one is cut where that is reached."""
    found = []
    for begin, end in spans:
        end = min(end, begin + enough)
        found.append((begin, end))
        enough -= end - begin
        if not enough:
            break
    return found


def _together(calendars: Collection[Calendar], start: datetime, end: datetime) -> Iterator[Span]:
    """When at least one of them is at work."""
    return merged(merge(*(calendar.spans(start, end) for calendar in calendars)))


def absent_throughout(absences: Iterable[Absence], start: datetime, end: datetime) -> bool:
    """Whether one person's absences, cancelled ones left out, leave no gap from start to end (or hold the one instant)."""
    return any(begin <= start < stop and end <= stop for begin, stop in merged(_spans_of(absences)))


def _spans_of(absences: Iterable[Absence]) -> list[Span]:
    return sorted((a.starts_at.astimezone(UTC), a.ends_at.astimezone(UTC)) for a in absences if a.cancelled_at is None)


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in the order of their starts, those that touch or overlap as one."""
    current = None
    for begin, end in spans:
        if current and begin <= current[1]:
            current = current[0], max(current[1], end)
        else:
            if current:
                yield current
            current = begin, end
    if current:
        yield current


def without(spans: Iterable[Span], holes: Iterable[Span]) -> Iterator[Span]:
    """What is left of spans; both in order, neither overlapping itself."""
    holes = tuple(holes)
    for begin, end in spans:
        for start, stop in holes:
            if stop <= begin or end <= start:
                continue
            if begin < start:
                yield begin, start
            begin = stop
            if end <= begin:
                break
        if begin < end:
            yield begin, end


@lru_cache(maxsize=4096)
def instant(zone: ZoneInfo, wall: datetime) -> datetime:
    """The instant, in UTC, at which clocks in `zone` show `wall`; where they skip it, the instant at which they skip it."""
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _jump(zone, before, found)


def _jump(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant between two at which the zone's clocks jump forward, to the second."""
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) // 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
