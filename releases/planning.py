"""What somebody who plans a release wants to know before saving: which version comes next, and what the window meets."""

from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.spans import Span
from releases import conflicts
from releases.conflicts import Conflict
from releases.models import Product, Release
from releases.slots import next_free
from releases.states import SHIPPED, ReleaseState, Strategy
from releases.versions import SCHEMES, InvalidVersion

USUAL = timedelta(hours=2)
LONGEST = timedelta(days=14)  # for longer windows nobody looks for a free slot
FIRST = {"semver": "1.0.0", "pep440": "1.0.0"}


@dataclass(frozen=True)
class Suggestion:
    """A version for a strategy: "4.9.0" for a minor release after 4.8.0."""

    strategy: str
    label: str
    version: str


def suggestions(product: Product) -> tuple[str, list[Suggestion]]:
    """(the newest shipped version or "", the next one for each strategy that nobody has taken yet). Two queries."""
    scheme = SCHEMES[product.scheme]
    newest = _newest(scheme, product.releases.filter(state__in=SHIPPED).values_list("version", flat=True))
    taken = set(product.releases.exclude(state=ReleaseState.CANCELLED).values_list("version", flat=True))
    found: dict[str, Suggestion] = {}
    for strategy, label in ((s.value, s.label) for s in Strategy if s != Strategy.EMERGENCY):
        version = _free(scheme, newest or FIRST.get(scheme.key, ""), strategy, taken, first=not newest)
        if version and version not in found:
            found[version] = Suggestion(strategy, label, version)
    return newest, list(found.values())


def _newest(scheme, versions) -> str:
    readable = [v for v in versions if _reads(scheme, v)]
    if not scheme.ordered:
        return ""
    return max(readable, key=scheme.sort_key, default="")


def _reads(scheme, version: str) -> bool:
    try:
        scheme.parse(version)
    except InvalidVersion:
        return False
    return True


def _free(scheme, start: str, strategy: str, taken: set[str], *, first: bool) -> str:
    """The next version after `start` that no release has; for a product without a release, its first one."""
    if not start:
        return ""
    version = start if first and strategy == Strategy.MAJOR else scheme.next(start, strategy)
    for _ in range(50):
        if version is None or version not in taken:
            return version or ""
        version = scheme.next(version, strategy)
    return ""


@dataclass(frozen=True)
class Met:
    """A conflict as one reader is told it: `name` is the other release where they may see it, else ""."""

    conflict: Conflict
    name: str = ""
    url: str = ""


@dataclass(frozen=True)
class Outlook:
    """What a window meets, the gravest first, and the next windows of the same length that meet nothing."""

    met: list[Met]
    slots: list[Span]


def outlook(
    product: Product, start: datetime | None, end: datetime | None, *, reader, release: Release | None
) -> Outlook:
    """What the window from `start` to `end` of a release (None: of a new one) meets. A constant number of queries.

    Without a window only slots are given, of two hours; for an end before the start nothing.
    """
    if start and end and end <= start:
        return Outlook([], [])
    row = copy(release) if release else Release(product=product, manager=None)
    row.window_starts_at, row.window_ends_at = start, end
    length = end - start if start and end else USUAL
    slots = next_free(row, length) if length <= LONGEST else []
    return Outlook(told(conflicts.find(conflicts.wish_of(row)), reader), slots)


def told(found: list[Conflict], reader) -> list[Met]:
    """Conflicts with the names of other releases that the reader may see. One query where there are others."""
    ids = {conflict.other.pk for conflict in found if conflict.other}
    seen = set(Release.objects.visible_to(reader).filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    return [
        _met(conflict, conflict.other if conflict.other and conflict.other.pk in seen else None) for conflict in found
    ]


def _met(conflict: Conflict, other: Release | None) -> Met:
    return Met(conflict, str(other), other.get_absolute_url()) if other else Met(conflict)
