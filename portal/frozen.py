"""Freezes in a span of days, each once, however often it comes again: in one line, and on each day whole or for a part of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from core import wording
from releases.models import FreezeWindow
from releases.occurrences import Occurrence
from releases.states import Tier


@dataclass(frozen=True)
class Frozen:
    """One freeze with its occurrences in the days shown, by their start; at least one."""

    freeze: FreezeWindow
    occurrences: tuple[Occurrence, ...]

    @property
    def first(self) -> Occurrence:
        return self.occurrences[0]

    @property
    def again(self) -> str:
        """ "Every day, 22:00 to 06:00; 31 times in these weeks", by the clock of its own zone; "" for what comes once."""
        if not self.freeze.comes_again:
            return ""
        words = self.freeze.comes_again
        times = wording.plural(len(self.occurrences), "time")
        return f"{words[0].upper()}{words[1:]}, {_by_its_clock(self.freeze)}; {times} in these weeks"


def folded(occurrences: Iterable[Occurrence]) -> list[Frozen]:
    """Each freeze once, by its first occurrence here."""
    found: dict[int, list[Occurrence]] = {}
    for occurrence in sorted(occurrences, key=lambda o: (o.starts_at, o.freeze.pk)):
        found.setdefault(occurrence.freeze.pk, []).append(occurrence)
    return [Frozen(same[0].freeze, tuple(same)) for same in found.values()]


def _by_its_clock(freeze: FreezeWindow) -> str:
    """ "22:00 to 06:00", with the days in between where there are any, and the zone where it is not the reader's."""
    place = ZoneInfo(freeze.zone)
    start, end = freeze.starts_at.astimezone(place), freeze.ends_at.astimezone(place)
    days = (end.date() - start.date()).days
    later = f" {wording.plural(days, 'day')} later" if days > 1 or (days and end.time() > start.time()) else ""
    zone = "" if freeze.zone == timezone.get_current_timezone_name() else f" in {freeze.zone.replace('_', ' ')}"
    return f"{start:%H:%M} to {end:%H:%M}{later}{zone}"


def freeze_on(start: datetime, end: datetime, occurrences: Iterable[Occurrence]) -> tuple[str, bool]:
    """(name, whether only for a part) of the freeze of production on a day; ("", False) without one.

    What freezes the whole day, or comes once, goes before what comes again for a part of it; then one of all products.
    """
    here = [o for o in occurrences if o.touches(start, end) and Tier.PRODUCTION in o.freeze.frozen_tiers]
    if not here:
        return "", False
    part, _, freeze = min(
        ((_is_part(o.freeze, here, start, end), len(o.freeze.products.all()), o.freeze) for o in here),
        key=lambda found: found[:2],
    )
    return freeze.name, part


def _is_part(freeze: FreezeWindow, here: list[Occurrence], start: datetime, end: datetime) -> bool:
    if not freeze.rule:
        return False
    covered = sum((min(o.ends_at, end) - max(o.starts_at, start) for o in here if o.freeze == freeze), timedelta())
    return covered < end - start
