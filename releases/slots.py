"""The next spans that meet nothing worse than a warning: for a release's window, or for a deployment to an environment."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from django.db.models import prefetch_related_objects
from django.utils import timezone

from core.spans import Span
from releases import conflicts, occurrences
from releases.conflicts import Wish
from releases.models import Environment, Release
from releases.states import ConflictKind, Severity

COUNT, AHEAD = 5, timedelta(days=60)
STEP = timedelta(minutes=15)
TRIES = 1_000

Ends = Callable[[Wish], list[datetime]]
_ENDS: list[Ends] = []


def ends_also(ends: Ends) -> None:
    """Instants at which something else ends, given by a higher room: a slot may begin there. Called in `apps.py`."""
    if ends not in _ENDS:
        _ENDS.append(ends)


def next_free(
    release: Release,
    length: timedelta,
    *,
    environment: Environment | None = None,
    deployment: int | None = None,
    after: datetime | None = None,
    count: int = COUNT,
) -> list[Span]:
    """At most `count` spans of `length` within 60 days, by their start; on different days where the place is open all day.

    For an `environment`, those in which a deployment (`deployment`: its id, left out) may run; inside the release's window where
    it enters production. A constant number of queries and a bounded number of tries.
    """
    now = after or timezone.now()
    _fetch(release)
    if environment:
        prefetch_related_objects([environment], "windows")
    wish = Wish(release, now, now + AHEAD, environment, deployment)
    found: list[Span] = []
    for start in _starts(wish, length):
        span = Span(start, start + length)
        if len(found) >= count:
            break
        if (not found or span.starts_at >= found[-1].ends_at) and _is_free(wish, span):
            found.append(span)
    return found


def _fetch(release: Release) -> None:
    if release.pk:
        prefetch_related_objects([release], *conflicts.parts())
        return
    shared = [part for part in conflicts.parts() if part.endswith("_table")]
    prefetch_related_objects([release], *shared, "product__environments__windows")


def _starts(wish: Wish, length: timedelta) -> Iterator[datetime]:
    """Instants to try, in order, each once: where something opens or ends, and the same time of each day after the first."""
    end, first = wish.ends_at, _rounded(wish.starts_at)
    heap = [first, *(at for at in _turns(wish) if first <= at < end)]
    heap += [first + timedelta(days=day) for day in range(1, AHEAD.days)]
    heapify(heap)
    last = None
    for _ in range(TRIES):
        if not heap:
            return
        start = heappop(heap)
        if start == last or start + length > end:
            continue
        last = start
        yield start
        if _is_narrow(wish, start):
            heappush(heap, start + max(length, STEP))


def _turns(wish: Wish) -> list[datetime]:
    """Where a window opens, and where a freeze, another release's window or what a higher room knows of ends."""
    release, start, end = wish.release, wish.starts_at, wish.ends_at
    opens = [s.starts_at for e in wish.environments for w in e.windows.all() for s in w.times.between(start, end)]
    freezes = [f for f in release.freeze_table.all() if wish.tier in f.frozen_tiers]
    ends = [o.ends_at for o in occurrences.of(freezes, start, end)]
    ends += [other.window_ends_at for other in release.planned_table.all()]
    ends += [at for known in _ENDS for at in known(wish)]
    own = [release.window_starts_at] if _inside_own_window(wish) else []
    return [*opens, *(_rounded(at) for at in ends), *own]


def _inside_own_window(wish: Wish) -> bool:
    release = wish.release
    return bool(wish.environment and wish.environment.is_production and release.window_starts_at)


def _is_narrow(wish: Wish, start: datetime) -> bool:
    """Whether the place is open for less than a day from here: then slots follow one another, else one a day is offered."""
    if _inside_own_window(wish):
        return True
    spans = [w.occurrence_at(start) for e in wish.environments for w in e.windows.all()]
    return any(span and span.ends_at - start < timedelta(days=1) for span in spans)


def _is_free(wish: Wish, span: Span) -> bool:
    if _inside_own_window(wish):
        own = wish.release.window_starts_at, wish.release.window_ends_at
        if not own[0] <= span.starts_at < span.ends_at <= own[1]:
            return False
    asked = Wish(wish.release, span.starts_at, span.ends_at, wish.environment, wish.deployment)
    if any(c.severity != Severity.WARN for c in conflicts.find(asked)):
        return False
    return conflicts.severity_of(wish.release, ConflictKind.WINDOW) == Severity.WARN or _fits_windows(wish, span)


def _fits_windows(wish: Wish, span: Span) -> bool:
    """Whether the whole span lies inside one window of each environment that has any."""
    for environment in wish.environments:
        windows = list(environment.windows.all())
        on = [w.occurrence_at(span.starts_at) for w in windows]
        if windows and not any(found and found.ends_at >= span.ends_at for found in on):
            return False
    return True


def _rounded(at: datetime) -> datetime:
    """The next quarter of an hour."""
    floor = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
    return floor if floor == at else floor + STEP
