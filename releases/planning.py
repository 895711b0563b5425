"""What somebody who plans a release wants to know before saving: which version comes next, and what the window meets."""

from dataclasses import dataclass
from datetime import datetime

from releases.models import FreezeWindow, Product, Release
from releases.states import SHIPPED, ReleaseState, Strategy
from releases.versions import SCHEMES, InvalidVersion

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
class Collisions:
    """What stands in a window: freezes that forbid it, and other releases of anybody that ship in it."""

    freezes: list[FreezeWindow]
    releases: list[Release]

    def __bool__(self) -> bool:
        return bool(self.freezes or self.releases)


def collisions(
    product: Product, start: datetime | None, end: datetime | None, *, reader, but: Release | None = None
) -> Collisions:
    """What the window from `start` to `end` meets, among what the reader may see."""
    if start is None or end is None or end <= start:
        return Collisions([], [])
    freezes = [f for f in FreezeWindow.objects.touching(start, end, product.pk) if "production" in f.frozen_tiers]
    others = Release.objects.visible_to(reader).in_motion().with_window_between(start, end).select_related("product")
    return Collisions(freezes, list(others.exclude(pk=but.pk if but else 0).order_by("window_starts_at")[:10]))
