"""For how long an environment was well on end, and for how long it was watched.

Only time in which somebody looked counts, for either: an hour in which no worker ran, or by which a clock was set, proves nothing
and uses nothing up. So instants are never compared with the beginning, only each look with the one before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

SLACK_S = 15  # by which a look may come late and still follow the one before without a gap
ASKED_S = 30  # what a look takes at most when no hook is called for it
NONE = timedelta()


@dataclass(frozen=True)
class Look:
    """One sample: opened `at`, all its answers there `took` later. `ok` when all were well."""

    ok: bool
    at: datetime
    took: timedelta = NONE

    @property
    def over(self) -> datetime:
        return self.at + self.took


def look_of(ok: bool, at: datetime, closed_at: datetime | None, *, called_hooks: bool) -> Look:
    """A look that no jump of the clock makes longer than it can have been."""
    took = max((closed_at or at) - at, NONE)
    return Look(ok, at, took if called_hooks else min(took, timedelta(seconds=ASKED_S)))


def well_for(looks: Iterable[Look], interval_s: float, now: datetime) -> timedelta | None:
    """How long it has been well without a break up to `now`; None when the last look was not well, or is too old.

    `looks` come in the order in which they were opened. The time counts from the first good answer. A look that is not well, or a
    gap of more than the interval and SLACK_S seconds (also backwards, when a clock was set), begins it anew.
    """
    most = timedelta(seconds=interval_s + SLACK_S)
    well, before = None, None
    for look in looks:
        if not look.ok:
            well = before = None
            continue
        follows = before is not None and NONE <= look.at - before.over <= most
        well = well + (look.at - before.over) + look.took if follows else NONE
        before = look
    if before is None or not NONE <= now - before.over <= most:
        return None
    return well + (now - before.over)


def watched_for(looks: Iterable[Look], began: datetime, interval_s: float, delay_s: float, now: datetime) -> timedelta:
    """How long was watched since the beginning: each pause between looks counts as it was, at most as long as was agreed."""
    looks = list(looks)
    most = timedelta(seconds=interval_s + SLACK_S)
    pauses = [later.at - earlier.over for earlier, later in pairwise(looks)]
    if looks:
        pauses.append(now - looks[-1].over)
    first = _within((looks[0].at if looks else now) - began, most + timedelta(seconds=delay_s))
    return first + sum((_within(pause, most) for pause in pauses), NONE) + sum((look.took for look in looks), NONE)


def _within(span: timedelta, most: timedelta) -> timedelta:
    return min(max(span, NONE), most)
