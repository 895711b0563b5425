"""Delivery figures, as pure functions over what happened: DORA's five measures and change success.

Definitions follow dora.dev/guides/dora-metrics, made exact for what Slipway records; each function states its own. None of them
asks the database: `reports.history` reads, these count. Small numbers stay small: a figure carries its `n`, and none is None.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from statistics import median

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Period:
    """A half-open span of time."""

    start: datetime
    end: datetime

    def holds(self, at: datetime | None) -> bool:
        return at is not None and self.start <= at < self.end

    @property
    def weeks(self) -> float:
        return (self.end - self.start) / WEEK


@dataclass(frozen=True)
class Delivered:
    """A change that a shipment brought to production, and the instant from which its lead time counts."""

    change: int
    key: str
    built_at: datetime


@dataclass(frozen=True)
class Shipment:
    """One ended deployment to production that was started; rollbacks of others are no shipments of their own.

    `failed_at`: when it was seen to fail, None when it did not. `recovered_at`: when production was verified again after that.
    `unplanned`: it mended something in production (an emergency release). `changes` are those it brought there for the first time.
    """

    id: int
    product: str
    version: str
    environment: str
    started_at: datetime
    ended_at: datetime
    verified: bool
    failed_at: datetime | None = None
    recovered_at: datetime | None = None
    unplanned: bool = False
    changes: tuple[Delivered, ...] = ()

    @property
    def failed(self) -> bool:
        return self.failed_at is not None

    @property
    def recovery(self) -> timedelta | None:
        return span(self.failed_at, self.recovered_at)


@dataclass(frozen=True)
class Lead:
    """One change with the shipment that brought it, and how long that took."""

    change: Delivered
    shipment: Shipment
    took: timedelta


@dataclass(frozen=True)
class Figure:
    """A figure over a period. `value` is None where there is nothing to count; `n` is how many rows it rests on.

    `rows` are the shipments or leads that were looked at, `of` those among them that it counts, where it is a share.
    """

    value: float | timedelta | None
    n: int
    rows: tuple = field(default=(), repr=False)
    of: tuple = field(default=(), repr=False)


def ended_in(shipments: Iterable[Shipment], period: Period) -> tuple[Shipment, ...]:
    return tuple(s for s in shipments if period.holds(s.ended_at))


def deployment_frequency(shipments: Iterable[Shipment], period: Period) -> Figure:
    """Verified deployments to production per week of the period."""
    rows = tuple(s for s in ended_in(shipments, period) if s.verified)
    return Figure(len(rows) / period.weeks if rows else None, len(rows), rows)


def change_lead_time(shipments: Iterable[Shipment], period: Period) -> Figure:
    """Median time from the build that first held a change to the end of the verified deployment that brought it to production."""
    rows = tuple(
        Lead(change, s, took)
        for s in ended_in(shipments, period)
        if s.verified
        for change in s.changes
        if (took := span(change.built_at, s.ended_at)) is not None
    )
    return Figure(_median(lead.took for lead in rows), len(rows), rows)


def change_fail_rate(shipments: Iterable[Shipment], period: Period) -> Figure:
    """Share of deployments to production that failed, were aborted, or were rolled back, at once or later."""
    return _share(ended_in(shipments, period), lambda s: s.failed)


def failed_deployment_recovery_time(shipments: Iterable[Shipment], period: Period) -> Figure:
    """Median time from the moment a deployment was seen to fail until production was verified again.

    Failures of the period that are not recovered yet are among the rows, but have no time to count.
    """
    rows = tuple(s for s in ended_in(shipments, period) if s.failed)
    recovered = tuple(s for s in rows if s.recovery is not None)
    return Figure(_median(s.recovery for s in recovered), len(recovered), rows, recovered)


def deployment_rework_rate(shipments: Iterable[Shipment], period: Period) -> Figure:
    """Share of deployments to production that were unplanned and mended something there: those of emergency releases."""
    return _share(ended_in(shipments, period), lambda s: s.unplanned)


def _share(rows: tuple[Shipment, ...], counts) -> Figure:
    of = tuple(s for s in rows if counts(s))
    return Figure(len(of) / len(rows) if rows else None, len(rows), rows, of)


def _median(spans: Iterable[timedelta]) -> timedelta | None:
    seconds = [s.total_seconds() for s in spans]
    return timedelta(seconds=median(seconds)) if seconds else None


def span(start: datetime | None, end: datetime | None) -> timedelta | None:
    """The time between two instants; None where one is missing or the end comes first."""
    if start is None or end is None or end < start:
        return None
    return end - start


def minutes(length: timedelta | None) -> int | None:
    """Whole minutes, rounded up."""
    return None if length is None else ceil(length / timedelta(minutes=1))


@dataclass(frozen=True)
class Ended:
    """One ended change: how it ended, "done", "failed" or "backed_out"."""

    id: int
    key: str
    title: str
    product: str
    type: str
    outcome: str
    ended_at: datetime


@dataclass(frozen=True)
class Success:
    """How the changes of one type ended."""

    type: str
    n: int
    done: int
    failed: int
    backed_out: int

    @property
    def rate(self) -> float:
        return self.done / self.n


def change_success(changes: Iterable[Ended], period: Period) -> list[Success]:
    """By type, those that ended in the period: how many are done, failed and backed out. Types without one are left out."""
    by_type: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        if period.holds(change.ended_at):
            by_type[change.type].append(change.outcome)
    return [
        Success(kind, len(found), found.count("done"), found.count("failed"), found.count("backed_out"))
        for kind, found in sorted(by_type.items())
    ]


@dataclass(frozen=True)
class Finished:
    """A finished deployment as `predecessors` reads it. `place` names what is compared: component and environment."""

    id: int
    place: tuple
    finished_at: datetime
    succeeded: bool


def predecessors(deployments: Iterable[Finished]) -> dict[int, int | None]:
    """{deployment: the successful one before it in the same place}, for each that succeeded; failed ones are passed over."""
    last: dict[tuple, int] = {}
    found = {}
    for deployment in sorted(deployments, key=lambda d: (d.finished_at, d.id)):
        if deployment.succeeded:
            found[deployment.id] = last.get(deployment.place)
            last[deployment.place] = deployment.id
    return found


def months_of(period: Period, zone) -> list[Period]:
    """The calendar months that the period touches, whole, in a time zone, oldest first."""
    first = period.start.astimezone(zone)
    year, month = first.year, first.month
    found: list[Period] = []
    while (start := datetime(year, month, 1, tzinfo=zone)) < period.end:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        found.append(Period(start, datetime(year, month, 1, tzinfo=zone)))
    return found


def trend(measure, shipments: Sequence[Shipment], months: Iterable[Period]) -> list[Figure]:
    """The figure of each month."""
    return [measure(shipments, month) for month in months]
