"""Spans of time that come again by the clock on the wall of a zone.

The rule (RFC 5545, RRULE) runs over local times. Each occurrence begins and ends at the wall times of the first one; a wall time
that a change of the clocks skips is read with the offset before it, one that comes twice is the first of the two, as RFC 5545
(section 3.3.5) asks. An occurrence whose ends meet or cross by that does not exist.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from core import recurrence
from core.moments import YEARS

DAY = timedelta(days=1)  # more than any offset moves a local time
LONGEST = timedelta(
    days=92
)  # of one occurrence of what comes again: how far back those that are still on may have begun
AHEAD_YEARS = 9  # 29 February comes again within eight


@dataclass(frozen=True, order=True)
class Span:
    """A half-open span of time: it has begun at `starts_at` and is over at `ends_at`."""

    starts_at: datetime
    ends_at: datetime

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at

    def touches(self, start: datetime, end: datetime) -> bool:
        return self.starts_at < end and self.ends_at > start


@dataclass(frozen=True)
class Repeating:
    """A first span and the rule by which it comes again in a zone; without a rule it comes once, at exactly these instants."""

    starts_at: datetime
    ends_at: datetime
    rule: str = ""
    zone: str = "UTC"

    def between(self, start: datetime, end: datetime) -> list[Span]:
        """The occurrences that touch the half-open span, in order."""
        return [span for span in self._from(start, end) if span.touches(start, end)]

    def occurrence_at(self, at: datetime) -> Span | None:
        """The occurrence that covers an instant; of two, the one that ends last."""
        found = self.between(at, at + timedelta(microseconds=1))
        return max(found, key=lambda span: span.ends_at, default=None)

    def next_after(self, at: datetime) -> Span | None:
        """The first occurrence that begins after an instant; None where nothing comes for years."""
        if not self.rule:
            return Span(self.starts_at, self.ends_at) if self.starts_at > at else None
        end = datetime.max.replace(tzinfo=UTC)
        return next((span for span in self._from(at, end) if span.starts_at > at), None)

    @property
    def first(self) -> Span | None:
        """The first occurrence by the rule. It begins later than `starts_at` where that is no day of the rule."""
        return self.next_after(self.starts_at - DAY)

    def last_ends_at(self) -> datetime | None:
        """When the last occurrence ends; None where the rule has no last one in our time. Raises ValueError for what is no rule."""
        if not self.rule:
            return self.ends_at
        if not recurrence.is_finite(self.rule):
            return None
        starts = []
        for naive in recurrence.parsed(self.rule, self._wall(self.starts_at), self.zone):
            if naive.year not in YEARS:
                return None
            starts.append(naive)
        spans = (self._placed(naive) for naive in reversed(starts))
        return next((span.ends_at for span in spans if span), self.ends_at)

    def _from(self, start: datetime, end: datetime) -> Iterator[Span]:
        """Occurrences in order, from before those that can touch `start` on, to those that begin before `end`."""
        if not self.rule:
            yield Span(self.starts_at, self.ends_at)
            return
        first = self._wall(self.starts_at)
        since = max(self._wall(start) - (self._wall(self.ends_at) - first) - DAY, first)
        for year in range(since.year, min(since.year + AHEAD_YEARS, end.year + 2, 9999)):
            naive = _in_year(self.rule, first, self.zone, year)
            for each in naive[bisect_left(naive, since) :]:
                span = self._placed(each)
                if span and span.starts_at >= end:
                    return
                if span:
                    yield span

    def _placed(self, naive: datetime) -> Span | None:
        """The occurrence that begins at a wall time; None for an empty one."""
        length = self._wall(self.ends_at) - self._wall(self.starts_at)
        span = Span(on_the_clock(naive, self.zone), on_the_clock(naive + length, self.zone))
        return span if span.starts_at < span.ends_at else None

    def _wall(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None, fold=0)


def on_the_clock(naive: datetime, zone: str) -> datetime:
    """The instant (UTC) of a wall time: of two the first, and a skipped one by the offset before it."""
    return naive.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


@lru_cache(maxsize=8192)
def _in_year(rule: str, first: datetime, zone: str, year: int) -> tuple[datetime, ...]:
    """The wall times of a calendar year at which a rule begins: at most 366. Nothing for what is no rule any more."""
    start, end = datetime(year, 1, 1), datetime(year, 12, 31, 23, 59, 59, 999999)
    try:
        found = recurrence.cut(recurrence.parsed(rule, first, zone), end) if _comes(rule, first, zone) else ()
    except ValueError:
        return ()
    return tuple(naive for naive in found if start <= naive <= end)


@lru_cache(maxsize=8192)
def _comes(rule: str, first: datetime, zone: str) -> bool:
    """Whether a rule gives anything. One that never does is followed through the centuries: once, not for each year."""
    return next(iter(recurrence.parsed(rule, first, zone)), None) is not None
