"""The next four weeks: windows as flags, freezes as bands, days counted from 1."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import ceil

from django.db.models import Q
from django.utils import timezone

from accounts import policy
from core import wording
from releases import occurrences
from releases.models import FreezeWindow, Release
from releases.occurrences import Occurrence
from releases.states import OPEN, Tier

DAYS = 28
DAY_PX, LETTER_PX, EDGE_PX = 38, 6.6, 34
ROWS = 6


@dataclass(frozen=True)
class Flag:
    """A window's start. `start`: the day column of the flag's left edge; `side` "start" when its label stands before the pole."""

    word: str
    url: str
    day: date
    icon: str
    tone: str
    row: int
    start: int
    days: int
    side: str


@dataclass(frozen=True)
class Band:
    """A freeze, cut to the strip: first column and length in days; its label has a row and columns of its own, row 0 for none."""

    words: str
    start: int
    days: int
    row: int = 0
    label_start: int = 1
    label_days: int = 1


@dataclass(frozen=True)
class Day:
    date: date
    today: bool

    @property
    def letter(self) -> str:
        return wording.DAYS[self.date.weekday()][0]


@dataclass(frozen=True)
class Strip:
    """Four weeks from the Monday of this week, in the reader's zone."""

    days: list[Day]
    flags: list[Flag]
    bands: list[Band]
    hidden: int

    @property
    def first(self) -> date:
        return self.days[0].date

    @property
    def last(self) -> date:
        return self.days[-1].date


def strip(user) -> Strip:
    """What the reader may see of the next four weeks. Three queries."""
    today = timezone.localdate()
    first = today - timedelta(days=today.weekday())
    start, end = instant(first), instant(first + timedelta(days=DAYS))
    freezes = occurrences.of(freezes_seen(user).that_may_touch(start, end).prefetch_related("products"), start, end)
    releases = (
        Release.objects.visible_to(user).filter(state__in=OPEN).with_window_between(start, end)
        .filter(window_starts_at__gte=start).select_related("product").order_by("window_starts_at", "pk")
    )  # fmt: skip
    taken: dict[int, set[int]] = {row: set() for row in range(1, ROWS + 1)}
    bands = [labelled(band(f, first), taken) for f in freezes]
    flags, hidden = place([(r, column(r.window_starts_at, first), in_freeze(r, freezes)) for r in releases], taken)
    days = [Day(first + timedelta(days=n), first + timedelta(days=n) == today) for n in range(DAYS)]
    return Strip(days, flags, bands, hidden)


def freezes_seen(user):
    """Standing freezes of production that touch a product in the reader's sight, or all products."""
    ids = policy.where_may(user, "releases.view_product")
    freezes = FreezeWindow.objects.standing().order_by("starts_at", "pk")
    if ids is None:
        return freezes
    return freezes.filter(Q(products__isnull=True) | Q(products__in=ids)).distinct()


def instant(day: date) -> datetime:
    """Midnight in the reader's zone."""
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def column(at: datetime, first: date) -> int:
    """1 for the first day."""
    return (timezone.localtime(at).date() - first).days + 1


def band(found: Occurrence, first: date) -> Band:
    start = max(1, column(found.starts_at, first))
    last = min(DAYS, column(found.ends_at - timedelta(microseconds=1), first))
    words = f"{found.freeze.name}, {wording.day(found.starts_at)} to {wording.day(found.ends_at)}"
    return Band(words, start, max(1, last - start + 1))


def labelled(found: Band, taken: dict[int, set[int]]) -> Band:
    length = label_length(found.words)
    start = max(1, min(found.start, DAYS - length + 1))
    row = free_row(taken, start, length)
    return replace(found, row=row, label_start=start, label_days=length)


def label_length(word: str) -> int:
    """Days that a label covers."""
    return min(16, ceil((len(word) * LETTER_PX + EDGE_PX) / DAY_PX))


def free_row(taken: dict[int, set[int]], start: int, length: int) -> int:
    """The first row with room, which is then taken; 0 when there is none."""
    wanted = set(range(start, start + length))
    row = next((r for r, used in taken.items() if not used & wanted), 0)
    if row:
        taken[row] |= wanted
    return row


def in_freeze(release: Release, freezes: list[Occurrence]) -> bool:
    return any(
        Tier.PRODUCTION in o.freeze.frozen_tiers
        and occurrences.covers(o.freeze, release.product_id)
        and o.touches(release.window_starts_at, release.window_ends_at)
        for o in freezes
    )


def place(found: list[tuple[Release, int, bool]], taken: dict[int, set[int]]) -> tuple[list[Flag], int]:
    """Flags in up to six rows so that no label covers another; how many found no place."""
    flags = [_flag(release, day, frozen, taken) for release, day, frozen in found]
    return [f for f in flags if f.row], sum(1 for f in flags if not f.row)


def _flag(release: Release, day: int, frozen: bool, taken: dict[int, set[int]]) -> Flag:
    word = f"{release}, falls in the freeze" if frozen else str(release)
    length = label_length(word)
    side = "start" if day + length - 1 > DAYS else ""
    start = max(1, day - length + 1) if side else day
    length = day - start + 1 if side else length
    tone, icon = ("bad", "alert") if frozen else ("", "release")
    opens = timezone.localtime(release.window_starts_at).date()
    row = free_row(taken, start, length)
    return Flag(word, release.get_absolute_url(), opens, icon, tone, row, start, length, side)
