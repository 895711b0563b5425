"""What happened, read for the figures: shipments to production and ended changes, in one reader's sight."""

from collections import defaultdict
from datetime import datetime

from django.db.models import QuerySet

from core.models import Event
from deployments.models import Deployment
from deployments.states import DeploymentKind, DeploymentState
from releases.models import Candidate, Change
from releases.states import ChangeState, Strategy, Tier
from reports.figures import Delivered, Ended, Finished, Shipment, predecessors

S = DeploymentState
SHIPPED_OR_NOT = (S.SUCCEEDED, S.FAILED, S.ABORTED, S.ROLLED_BACK, S.ROLLBACK_FAILED)
WENT_WRONG = (S.FAILED, S.ABORTED, S.ROLLED_BACK, S.ROLLBACK_FAILED)
TROUBLE = (
    "deployment.paused",
    "deployment.rolling_back",
    "deployment.failed",
    "deployment.aborted",
    "deployment.rollback_failed",
)
OUTCOMES = {ChangeState.DONE: "done", ChangeState.FAILED: "failed", ChangeState.BACKED_OUT: "backed_out"}


def shipments(user, *, product: str = "", until: datetime | None = None) -> list[Shipment]:
    """Every ended deployment to production in the reader's sight, oldest first. Four queries, whatever the rows.

    A deployment that was started and ended before it went live counts as failed; one that never started is left out.
    """
    ended = list(_ended(user, product, until))
    undone = _undone(ended)
    trouble = _first_trouble(ended)
    firsts = _firsts(ended)
    return [_shipment(d, ended, undone, trouble, firsts) for d in ended if d.kind == DeploymentKind.DEPLOY]


def _ended(user, product: str, until: datetime | None) -> QuerySet[Deployment]:
    rows = Deployment.objects.visible_to(user).filter(
        environment__tier=Tier.PRODUCTION, state__in=SHIPPED_OR_NOT, started_at__isnull=False, ended_at__isnull=False
    )
    if product:
        rows = rows.filter(release__product__slug=product)
    if until:
        rows = rows.filter(ended_at__lt=until)
    return rows.select_related("release__product", "environment", "candidate").order_by("ended_at", "pk")


def _undone(ended: list[Deployment]) -> dict[int, Deployment]:
    """{deployment: the rollback that undid it}."""
    return {d.rolls_back_id: d for d in ended if d.kind == DeploymentKind.ROLLBACK and d.rolls_back_id}


def _first_trouble(ended: list[Deployment]) -> dict[int, datetime]:
    """{deployment: when it was first seen to go wrong}, from its events. One query."""
    streams = {f"deployment:{d.pk}": d.pk for d in ended if d.state in WENT_WRONG}
    found: dict[int, datetime] = {}
    rows = Event.objects.filter(stream__in=streams, name__in=TROUBLE).order_by("seq").values_list("stream", "at")
    for stream, at in rows:
        found.setdefault(streams[stream], at)
    return found


def _firsts(ended: list[Deployment]) -> dict[int, list[Delivered]]:
    """{deployment: the changes that it brought to production first}. Each change counts once. Two queries."""
    first_of: dict[int, int] = {}
    for deployment in ended:
        if deployment.state == S.SUCCEEDED and deployment.kind == DeploymentKind.DEPLOY:
            first_of.setdefault(deployment.release_id, deployment.pk)
    built = defaultdict(list)
    candidates = (
        Candidate.objects.filter(release__in=first_of).order_by("number").values_list("release_id", "pk", "added_at")
    )
    for release, pk, at in candidates:
        built[release].append((pk, at))
    shipped = {d.pk: d.candidate_id for d in ended}
    found = defaultdict(list)
    changes = Change.objects.filter(release__in=first_of).exclude(state=ChangeState.WITHDRAWN).order_by("pk")
    for pk, key, release, created_at in changes.values_list("pk", "key", "release_id", "created_at"):
        deployment = first_of[release]
        at = built_at(built[release], shipped[deployment], created_at)
        if at is not None:
            found[deployment].append(Delivered(pk, key, at))
    return found


def built_at(candidates: list[tuple[int, datetime]], shipped: int, recorded_at: datetime) -> datetime | None:
    """When a change was first built: the earliest candidate added after it was recorded, up to the one that shipped.

    A change recorded after all of them was in the one that shipped. `candidates`: (id, added_at) in their order.
    """
    for pk, at in candidates:
        if at >= recorded_at or pk == shipped:
            return at
    return None


def _shipment(d: Deployment, ended, undone, trouble, firsts) -> Shipment:
    rollback = undone.get(d.pk)
    failed_at = _failed_at(d, rollback, trouble)
    return Shipment(
        id=d.pk,
        product=d.release.product.name,
        version=d.candidate.version,
        environment=d.environment.name,
        started_at=d.started_at,
        ended_at=d.ended_at,
        verified=d.state == S.SUCCEEDED,
        failed_at=failed_at,
        recovered_at=_recovered_at(d, failed_at, ended) if failed_at else None,
        unplanned=d.release.strategy == Strategy.EMERGENCY,
        changes=tuple(firsts.get(d.pk, ())),
    )


def _failed_at(d: Deployment, rollback: Deployment | None, trouble) -> datetime | None:
    """When it was seen to fail: its first trouble in the log, else its end; for one undone later, when that began."""
    if d.state in WENT_WRONG:
        return trouble.get(d.pk, d.ended_at)
    return rollback.started_at if rollback else None


def _recovered_at(d: Deployment, failed_at: datetime, ended: list[Deployment]) -> datetime | None:
    """The end of the first deployment or rollback there, at or after the failure, after which production was verified."""
    if d.state == S.ROLLED_BACK:
        return d.ended_at
    good = (
        e.ended_at
        for e in ended
        if e.environment_id == d.environment_id and e.pk != d.pk and e.state in (S.SUCCEEDED, S.ROLLED_BACK)
        and e.ended_at >= failed_at
        and (e.kind == DeploymentKind.ROLLBACK or e.state == S.SUCCEEDED)
    )  # fmt: skip
    return next(good, None)


def came_after(rows: list[Shipment]) -> dict[int, Shipment | None]:
    """{shipment id: the verified one before it in its environment}, for the rows behind a figure."""
    by_id = {s.id: s for s in rows}
    before = predecessors(Finished(s.id, (s.product, s.environment), s.ended_at, s.verified) for s in rows)
    return {pk: by_id.get(other) for pk, other in before.items()}


def ended_changes(user, *, product: str = "") -> list[Ended]:
    """Changes in the reader's sight that are done, failed or backed out. One query."""
    rows = (
        Change.objects.visible_to(user)
        .filter(state__in=OUTCOMES)
        .select_related("product")
        .order_by("state_since", "pk")
    )
    if product:
        rows = rows.filter(product__slug=product)
    return [
        Ended(c.pk, c.key, c.title, c.product.name, c.type, OUTCOMES[ChangeState(c.state)], c.state_since) for c in rows
    ]
