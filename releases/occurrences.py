"""The times at which what comes again is on. Nobody else looks at the first start and end of a freeze."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from core.spans import Span
from releases.models import FreezeWindow
from releases.states import Tier

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Occurrence:
    """One time that a freeze is on: half-open, as a span."""

    freeze: FreezeWindow
    starts_at: datetime
    ends_at: datetime

    @property
    def span(self) -> Span:
        return Span(self.starts_at, self.ends_at)

    def covers(self, at: datetime) -> bool:
        return self.span.covers(at)

    def touches(self, start: datetime, end: datetime) -> bool:
        return self.span.touches(start, end)


def of(freezes: Iterable[FreezeWindow], start: datetime, end: datetime) -> list[Occurrence]:
    """Every occurrence of these freezes that touches the half-open span, by its start. No query."""
    found = [Occurrence(f, span.starts_at, span.ends_at) for f in freezes for span in f.times.between(start, end)]
    return sorted(found, key=lambda o: (o.starts_at, o.freeze.pk or 0))


def at(freezes: Iterable[FreezeWindow], instant: datetime | None = None) -> list[Occurrence]:
    """Those that are on at an instant, now by default. No query."""
    instant = instant or timezone.now()
    return of(freezes, instant, instant + INSTANT)


def coming(freezes: Iterable[FreezeWindow], instant: datetime | None = None) -> list[Occurrence]:
    """Of each freeze the occurrence that is on, else the next one; none of those that are over. By start. No query."""
    instant = instant or timezone.now()
    found = [(f, f.occurrence_at(instant) or f.next_after(instant)) for f in freezes]
    return sorted(
        (Occurrence(f, span.starts_at, span.ends_at) for f, span in found if span),
        key=lambda o: (o.starts_at, o.freeze.pk or 0),
    )


def touching(start: datetime, end: datetime, product_id: int) -> list[Occurrence]:
    """Occurrences of the standing freezes of a product that touch the half-open span. One query."""
    return of(FreezeWindow.objects.standing().of_product(product_id).that_may_touch(start, end), start, end)


def now(product_id: int) -> list[Occurrence]:
    """Occurrences of the standing freezes of a product that are on. One query."""
    instant = timezone.now()
    return touching(instant, instant + INSTANT, product_id)


def covers(freeze: FreezeWindow, product_id: int) -> bool:
    """Whether a freeze holds for a product. Reads `products.all()`."""
    products = freeze.products.all()
    return not products or any(product.pk == product_id for product in products)


def over(freezes: Iterable[FreezeWindow], release, tier: str = Tier.PRODUCTION) -> list[Occurrence]:
    """Occurrences of freezes of a tier and of the release's product that its window touches. Reads `products.all()`."""
    if not release.window_starts_at or not release.window_ends_at:
        return []
    meant = [f for f in freezes if str(tier) in f.frozen_tiers and covers(f, release.product_id)]
    return of(meant, release.window_starts_at, release.window_ends_at)
