"""What runs where: products by environments, by what was verified there and what was seen there."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from approvals.models import ApprovalRequest
from deployments import where
from deployments.models import Deployment, Health
from deployments.states import HOLDS_ENVIRONMENT, DeploymentState
from releases import occurrences
from releases.models import Change, Environment, FreezeWindow, Product
from releases.states import Tier

FAILED = (DeploymentState.FAILED, DeploymentState.ROLLBACK_FAILED, DeploymentState.ABORTED)


@dataclass(frozen=True)
class Place:
    """One environment: what runs there (`current`), and what is going on there (`latest`, the deployment started last).

    `ahead`: changes of what runs here that production does not run; None where that cannot be said. `waiting`: the approval
    request that what would come here next waits for.
    """

    environment: Environment
    current: where.Running | None
    latest: Deployment | None
    frozen: bool = False
    ahead: int | None = None
    health: Health | None = None
    waiting: ApprovalRequest | None = None

    @property
    def live(self) -> bool:
        return bool(self.latest and self.latest.state in HOLDS_ENVIRONMENT)

    @property
    def failed(self) -> bool:
        """Whether the last deployment did not succeed, and nothing came there since."""
        if self.latest is None or self.latest.state not in FAILED:
            return False
        return not (self.outside and self.since > self.latest.started_at)

    @property
    def since(self) -> datetime | None:
        return self.current.since if self.current else None

    @property
    def outside(self) -> bool:
        """Whether what runs there came from outside of Slipway."""
        return bool(self.current and self.current.is_outside)

    @property
    def version(self) -> str:
        """The candidate's version; in production the release's, which people know. "" where nothing runs."""
        if self.current is None:
            return ""
        return self.current.release_version if self.environment.is_production else self.current.version

    @property
    def drifts(self) -> bool:
        """Whether something else runs there than production runs, or than Slipway put there."""
        return self.outside or bool(self.ahead) or (self.ahead is None and self._is_before_production)

    @property
    def _is_before_production(self) -> bool:
        return bool(self.version) and not self.environment.is_production


def places(products: list[Product]) -> dict[int, list[Place]]:
    """{product id: its environments in pipeline order, with what runs there}. Ten queries, whatever the rows."""
    environments = list(Environment.objects.filter(product__in=products).select_related("product").in_order())
    current, latest = where.running(environments), _latest(environments)
    frozen, health = _frozen(environments), _health(environments)
    changes = _changes_of({c.candidate.release_id for c in current.values() if c.candidate})
    waiting = _waiting(products)
    found: dict[int, list[Place]] = defaultdict(list)
    for environment in environments:
        pk = environment.pk
        found[environment.product_id].append(
            Place(environment, current.get(pk), latest.get(pk), pk in frozen, health=health.get(pk))
        )
    return {pk: _with_waiting(_ahead(row, changes), waiting.get(pk, {})) for pk, row in found.items()}


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


def _health(environments) -> dict[int, Health]:
    return {row.environment_id: row for row in Health.objects.filter(environment__in=environments, ok__isnull=False)}


def _changes_of(release_ids) -> dict[int, int]:
    rows = Change.objects.filter(release__in=release_ids).values("release").annotate(n=Count("pk")).order_by()
    return {row["release"]: row["n"] for row in rows}


def _waiting(products) -> dict[int, dict[int, ApprovalRequest]]:
    """{product id: {candidate id: the pending request of its release}}."""
    rows = (
        ApprovalRequest.objects.pending()
        .deciding()
        .filter(release__product__in=products, release__candidate__isnull=False)
    )
    found: dict[int, dict[int, ApprovalRequest]] = defaultdict(dict)
    for row in rows.select_related("release__candidate"):
        found[row.release.product_id][row.release.candidate_id] = row
    return found


def _with_waiting(row: list[Place], requests: dict[int, ApprovalRequest]) -> list[Place]:
    """Say of production which request holds up the candidate that runs in the environment before."""
    before = next((p for p in reversed(row) if not p.environment.is_production), None)
    candidate = before.current.candidate if before and before.current else None
    asked = requests.get(candidate.pk) if candidate else None
    if asked is None:
        return row
    return [replace(p, waiting=asked) if p.environment.is_production else p for p in row]


def _ahead(row: list[Place], changes: dict[int, int]) -> list[Place]:
    """Say of each environment how many changes its release brings that production does not run yet.

    Nothing is said where production runs what is no candidate.
    """
    live = next((p.current for p in reversed(row) if p.environment.is_production and p.version), None)
    if live and live.candidate is None:
        return row
    shipped = live.candidate.release_id if live else None
    return [replace(place, ahead=_how_far(place, shipped, changes)) for place in row]


def _how_far(place: Place, shipped: int | None, changes: dict[int, int]) -> int | None:
    if place.environment.is_production or place.current is None or place.current.candidate is None:
        return None
    release = place.current.candidate.release_id
    return 0 if release == shipped else changes.get(release) or None


def columns(rows: dict[int, list[Place]]) -> list[tuple[str, str]]:
    """[(tier, name)] of all environments, from the first of a pipeline to production."""
    rank = list(Tier.values)
    seen: dict[str, tuple[int, int]] = {}
    for row in rows.values():
        for place in row:
            e = place.environment
            seen[e.name] = max(seen.get(e.name, (-1, -1)), (rank.index(e.tier), e.position))
    return [(rank[seen[name][0]], name) for name in sorted(seen, key=lambda name: (*seen[name], name))]
