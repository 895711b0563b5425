"""What runs where: products by environments, from the deployments that were verified there."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from core import wording
from deployments import where
from deployments.models import Deployment
from deployments.states import HOLDS_ENVIRONMENT, DeploymentState
from portal.links import address
from portal.looks import look
from releases import occurrences
from releases.models import Change, Environment, FreezeWindow, Product
from releases.states import Tier

FAILED = (DeploymentState.FAILED, DeploymentState.ROLLBACK_FAILED, DeploymentState.ABORTED)


@dataclass(frozen=True)
class Place:
    """One environment: what runs there (`current`, its last verified deployment), and what is going on there (`latest`)."""

    environment: Environment
    current: Deployment | None
    latest: Deployment | None
    frozen: bool = False
    ahead: int | None = None

    @property
    def live(self) -> bool:
        return bool(self.latest and self.latest.state in HOLDS_ENVIRONMENT)

    @property
    def failed(self) -> bool:
        return bool(self.latest and self.latest.state in FAILED)

    @property
    def since(self) -> datetime | None:
        return self.current.verified_at if self.current else None

    @property
    def version(self) -> str:
        """The candidate's version; in production the release's, which people know."""
        if self.current is None:
            return ""
        return (
            self.current.candidate.release.version if self.environment.is_production else self.current.candidate.version
        )


@dataclass(frozen=True)
class Cell:
    """What the matrix shows of one environment; `state` is (tone, icon, word) where something is going on."""

    version: str
    url: str
    sub: str
    looks: str
    state: tuple[str, str, str] | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Line:
    name: str
    url: str
    cells: list[Cell | None]


def places(products: list[Product]) -> dict[int, list[Place]]:
    """{product id: its environments in pipeline order, with what runs there}. Six queries, whatever the rows."""
    environments = list(Environment.objects.filter(product__in=products).in_order())
    current, latest = where.running(environments), _latest(environments)
    frozen = _frozen(environments)
    changes = _changes_of({d.candidate.release_id for d in current.values()})
    found: dict[int, list[Place]] = defaultdict(list)
    for environment in environments:
        found[environment.product_id].append(
            Place(environment, current.get(environment.pk), latest.get(environment.pk), environment.pk in frozen)
        )
    return {pk: _ahead(row, changes) for pk, row in found.items()}


def _latest(environments) -> dict[int, Deployment]:
    """{environment id: the deployment that was started there last}."""
    rows = (
        Deployment.objects.filter(environment__in=environments, started_at__isnull=False)
        .select_related("candidate", "release__product")
        .order_by("environment_id", "-started_at", "-pk")
        .distinct("environment_id")
    )
    return {row.environment_id: row for row in rows}


def _frozen(environments) -> set[int]:
    """Ids of environments under a freeze now. Two queries."""
    now = timezone.now()
    freezes = FreezeWindow.objects.standing().not_over(now).filter(starts_at__lte=now).prefetch_related("products")
    on = [found.freeze for found in occurrences.at(freezes, now)]
    rules = [(f.frozen_tiers, {p.pk for p in f.products.all()}) for f in on]
    return {
        e.pk for e in environments if any(e.tier in tiers and (not ids or e.product_id in ids) for tiers, ids in rules)
    }


def _changes_of(release_ids) -> dict[int, int]:
    rows = Change.objects.filter(release__in=release_ids).values("release").annotate(n=Count("pk")).order_by()
    return {row["release"]: row["n"] for row in rows}


def _ahead(row: list[Place], changes: dict[int, int]) -> list[Place]:
    """Say of each environment how many changes its release brings that production does not run yet."""
    live = next((p.current for p in reversed(row) if p.environment.tier == Tier.PRODUCTION and p.current), None)
    shipped = live.candidate.release_id if live else None
    return [_with_ahead(place, shipped, changes) for place in row]


def _with_ahead(place: Place, shipped: int | None, changes: dict[int, int]) -> Place:
    if place.current is None or place.environment.is_production:
        return place
    release = place.current.candidate.release_id
    ahead = 0 if release == shipped else changes.get(release, 0)
    ahead = ahead or (None if release != shipped else 0)
    return Place(place.environment, place.current, place.latest, place.frozen, ahead)


def columns(rows: dict[int, list[Place]]) -> list[str]:
    """Names of all environments, from the first of a pipeline to production."""
    rank = list(Tier.values)
    seen: dict[str, tuple] = {}
    for places_ in rows.values():
        for place in places_:
            e = place.environment
            seen[e.name] = max(seen.get(e.name, (-1, -1)), (rank.index(e.tier), e.position))
    return sorted(seen, key=lambda name: (*seen[name], name))


def matrix(products: list[Product]) -> tuple[list[str], list[Line]]:
    """Column names and lines of the matrix of these products."""
    rows = places(products)
    names = columns(rows)
    lines = []
    for product in products:
        by_name = {p.environment.name: p for p in rows.get(product.pk, [])}
        lines.append(Line(product.name, product.get_absolute_url(), [_cell(by_name.get(name)) for name in names]))
    return names, lines


def _cell(place: Place | None) -> Cell | None:
    if place is None:
        return Cell("", "", "not in its pipeline", "")
    if place.live:
        shown = place.latest
        it = look("deployment", shown.state)
        word = it.word + (f", was {place.version}" if place.current else "")
        return Cell(shown.candidate.version, _url(shown), "", "live", (it.tone, it.icon, word), shown.started_at)
    if place.failed:
        it = look("deployment", place.latest.state)
        word = f"{place.latest.candidate.version} {it.word.lower()}"
        shown = place.current or place.latest
        return Cell(
            place.version or shown.candidate.version, _url(shown), "", "failed", (it.tone, it.icon, word), place.since
        )
    if place.current is None:
        return Cell("", "", "frozen, nothing yet" if place.frozen else "nothing yet", "frozen" if place.frozen else "")
    looks = "frozen" if place.frozen else "ahead" if place.ahead != 0 and not place.environment.is_production else ""
    return Cell(place.version, _url(place.current), _sub(place), looks, since=place.since)


def _url(deployment: Deployment) -> str:
    return address("deployments:deployment", deployment.pk)


def _sub(place: Place) -> str:
    since = f"since {wording.day(place.since)}" if place.since else ""
    if place.environment.is_production:
        return f"{since}, frozen" if place.frozen else since
    if place.ahead == 0:
        return "same as production"
    if place.ahead:
        return f"{wording.plural(place.ahead, 'change')} ahead"
    return since
