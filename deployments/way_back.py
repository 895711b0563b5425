"""The way back out of an environment, as it would be gone now: what is called, in order, from which version to which.

Its digest covers what somebody planned and what would be called; whoever rehearsed it knows by it whether it is still the same.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.apps import apps
from django.db.models import OuterRef, Subquery, prefetch_related_objects
from django.utils import timezone

from deployments import where
from deployments.states import DeploymentKind, DeploymentState, Purpose, RunbookState, RunState, StepState
from releases.models import Environment, Release, RollbackPlan
from releases.states import Tier

CALL, STEP = "call", "step of the runbook"
PLANNED = ("method", "trigger", "steps", "expected_minutes", "point_of_no_return", "automatic")


@dataclass(frozen=True)
class NoReturn:
    """Where a point of no return lies; `crossed_at` is None while it is ahead."""

    name: str
    what: str
    crossed_at: datetime | None = None


@dataclass(frozen=True)
class WayBack:
    """The executable plan of a rollback in one environment. `version_to` is "" where nothing else was verified there."""

    environment: Environment
    version_from: str
    version_to: str
    hooks: tuple
    plan: RollbackPlan | None
    no_return: tuple[NoReturn, ...]

    @property
    def calls(self) -> list[str]:
        return [hook.name for hook in self.hooks]

    @property
    def deploys_again(self) -> bool:
        """Whether the earlier candidate is deployed by the usual hooks, for want of hooks of a rollback."""
        return bool(self.hooks) and all(hook.on == DeploymentKind.DEPLOY for hook in self.hooks)

    @property
    def crossed(self) -> NoReturn | None:
        return next((point for point in self.no_return if point.crossed_at), None)


def of(release: Release, environment: Environment, deployment=None) -> WayBack:
    """The way back of a release from an environment: of `deployment`, or as it would be after the next one there."""
    made = deployment or _model(release)(release=release, candidate=release.candidate, environment=environment)
    earlier = made.way_back
    return WayBack(
        environment,
        made.candidate.version if made.candidate_id else release.version,
        earlier.candidate.version if earlier else "",
        tuple(calls(environment)),
        plan_of(release),
        tuple(points(made, earlier)),
    )


def in_production(release: Release) -> list[WayBack]:
    """The way back from each production environment: of the newest deployment of the candidate that has begun there, if any."""
    environments = release.product.environments.in_order().filter(tier=Tier.PRODUCTION).prefetch_related("hooks")
    begun = release.deployments.filter(
        kind=DeploymentKind.DEPLOY, started_at__isnull=False, environment__in=environments
    )
    begun = (
        begun.filter(candidate=release.candidate_id).select_related("candidate", "environment").prefetch_related("runs")
    )
    newest = {row.environment_id: row for row in begun.order_by("pk")}
    for row in newest.values():
        row.release = release
    return [of(release, environment, newest.get(environment.pk)) for environment in environments]


def _model(owner):
    """The model of deployments, reached through a relation: guards read this file, and stand below the models."""
    return owner.deployments.model


def newest(environment: Environment):
    """The deployment that is undone next there: the last that began or, once that was taken back, the one that runs again.

    None where nothing began, or what runs again came there by none that is left to be undone.
    """
    begun = environment.deployments.filter(kind=DeploymentKind.DEPLOY, started_at__isnull=False)
    begun = begun.select_related("candidate").order_by("-started_at", "-pk")
    last = begun.first()
    if last is None or last.state != DeploymentState.ROLLED_BACK:
        return last
    runs = environment.deployments.running().first()
    return begun.verified().filter(candidate=runs.candidate_id).first() if runs else None


def further_back(rollback):
    """The deployment that is undone to go back beyond a rollback; None where what it brought is not what was left there."""
    found = newest(rollback.environment) if rollback.state == DeploymentState.SUCCEEDED else None
    return found if found and found.candidate_id == rollback.candidate_id else None


def calls(environment: Environment) -> list:
    """The hooks of a rollback in an environment, in the order of their calls."""
    return _model(environment)(environment=environment, kind=DeploymentKind.ROLLBACK).hooks()


def plan_of(release: Release) -> RollbackPlan | None:
    return getattr(release, "rollback_plan", None)


def points(deployment, earlier) -> list[NoReturn]:
    """Where there is no way back any more to `earlier`, the last that was verified there; None where nothing was.

    Marked hooks of the deployment and marked steps of its release's runbooks, crossed or ahead; and what others crossed since
    `earlier` was verified.
    """
    runs = deployment.latest_runs() if deployment.pk else []
    if runs:
        marked = [(run.name, run.state == RunState.SUCCEEDED, run.ended_at) for run in runs if run.point_of_no_return]
    else:
        marked = [(hook.name, False, None) for hook in deployment.hooks() if hook.point_of_no_return]
    found = {point.name: point for point in _crossed_before(deployment, earlier)}
    for name, is_over, at in marked:
        if is_over or name not in found:
            found[name] = NoReturn(name, CALL, at if is_over else None)
    return list(found.values()) + _points_of_runbook(deployment) + _done_for_others(deployment, earlier)


def _crossed_before(deployment, earlier) -> list[NoReturn]:
    """What other deployments crossed there since `earlier` was verified: none of them was taken back behind it. One query.

    The calls of a rollback do not count, though it may deploy by the same hooks: they bring the earlier candidate itself.
    """
    if earlier is None:
        return []
    runs = apps.get_model("deployments", "Run").objects.filter(
        deployment__environment=deployment.environment,
        deployment__kind=DeploymentKind.DEPLOY,
        point_of_no_return=True,
        state=RunState.SUCCEEDED,
        ended_at__gt=earlier.verified_at,
    )
    runs = runs.exclude(purpose=Purpose.VERIFY).exclude(deployment=deployment.pk).order_by("ended_at")
    return [NoReturn(name, CALL, at) for name, at in runs.values_list("name", "ended_at")]


def _points_of_runbook(deployment) -> list[NoReturn]:
    """A cut-over is about production: what its people did there is not undone by tools."""
    if not deployment.environment.is_production:
        return []
    return [
        NoReturn(step.name, STEP, step.ended_at if step.state == StepState.DONE else None)
        for runbook in _runbooks(deployment.release)
        for step in runbook.steps.all()
        if step.point_of_no_return and (runbook.state != RunbookState.ABORTED or step.state == StepState.DONE)
    ]


def _done_for_others(deployment, earlier) -> list[NoReturn]:
    """What people did in production for other releases since `earlier` was verified. One query."""
    if earlier is None or not deployment.environment.is_production:
        return []
    steps = apps.get_model("deployments", "RunbookStep").objects.filter(
        runbook__release__product=deployment.environment.product_id,
        point_of_no_return=True,
        state=StepState.DONE,
        ended_at__gt=earlier.verified_at,
    )
    steps = steps.exclude(runbook__release=deployment.release_id).order_by("ended_at")
    return [NoReturn(name, STEP, at) for name, at in steps.values_list("name", "ended_at")]


def points_in_production(release: Release) -> list[NoReturn]:
    """Each point once, however many production environments there are."""
    return list(dict.fromkeys(point for way in in_production(release) for point in way.no_return))


def _runbooks(release: Release) -> list:
    """Fetched once, however many environments ask."""
    prefetch_related_objects([release], "runbooks__steps")
    return list(release.runbooks.all())


# What was rehearsed


def digest(release: Release, environment: Environment) -> str:
    """SHA-256 over the rollback plan, the calls of a rollback there and those in production; secrets are no part of it.

    Who owns the plan and when it was rehearsed do not change the way. Production counts, since it is what a rehearsal vouches for.
    """
    plan = plan_of(release)
    places = [environment, *_production(release, environment)]
    content = {
        "plan": {name: getattr(plan, name) for name in PLANNED} if plan else None,
        "calls": {place.slug: [_settings(hook) for hook in calls(place)] for place in places},
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _production(release: Release, environment: Environment) -> list[Environment]:
    rows = release.product.environments.prefetch_related("hooks")
    return [e for e in rows if e.is_production and e.pk != environment.pk]


def _settings(hook) -> list:
    return [hook.name, hook.on, hook.driver, hook.config, hook.timeout_s, hook.on_failure, hook.point_of_no_return]


@dataclass(frozen=True)
class Rehearsal:
    """What the rehearsals of a release say of its current candidate. `made` is the newest good one, None without one."""

    made: object | None
    is_same: bool
    holds_until: datetime | None
    tried: object | None = None

    @property
    def skipped(self) -> str:
        """The step that somebody skipped in the last try, which so proved nothing; "" where none was."""
        return (self.tried.skipped_step or "") if self.tried and self.tried.has_ended else ""

    @property
    def is_fresh(self) -> bool:
        return bool(self.made and self.is_same and self.holds_until > timezone.now())


def rehearsal_of(release: Release) -> Rehearsal:
    """The newest rehearsal of the current candidate, a good one before one that failed, and whether it still holds.

    One in which a step was skipped is not good: production would take that step.
    """
    rows = release.deployments.filter(is_rehearsal=True, kind=DeploymentKind.ROLLBACK)
    rows = rows.annotate(skipped_step=Subquery(_skipped().filter(deployment=OuterRef("pk")).values("name")[:1]))
    rows = rows.select_related("environment__product", "candidate", "started_by", "rolls_back__candidate")
    tried = [row for row in rows.order_by("-pk") if release.candidate and _is_of(row, release.candidate)]
    good = [row for row in tried if row.state == DeploymentState.SUCCEEDED and row.verified_at and not row.skipped_step]
    if not good:
        return Rehearsal(None, False, None, tried[0] if tried else None)
    now = {place: digest(release, place) for place in {row.environment for row in good}}
    same = [row for row in good if row.way_back_digest == now[row.environment]]
    made = (same or good)[0]
    until = made.verified_at + timedelta(days=release.product.rehearsal_days)
    return Rehearsal(made, bool(same), until, tried[0])


def proves(rollback) -> bool:
    """Whether a rehearsal that succeeded took every step of the way."""
    return not _skipped().filter(deployment=rollback.pk).exists()


def _skipped():
    return apps.get_model("deployments", "Run").objects.filter(state=RunState.SKIPPED).order_by("position")


def _is_of(rehearsal, candidate) -> bool:
    return rehearsal.rolls_back.candidate.digest == candidate.digest


def is_demanded(release: Release) -> bool:
    return release.strategy in release.product.rehearsed_strategies


def place_to_rehearse(release: Release) -> Environment | None:
    """The last environment before production in which the current candidate is verified and runs; None without one."""
    if release.candidate_id is None:
        return None
    running = where.running(e for e in release.product.environments.all() if not e.is_production)
    there = [known.environment for known in running.values() if is_verified(release, known)]
    return max(there, key=lambda e: (e.position, e.pk), default=None)


def is_verified(release: Release, running: where.Running | None) -> bool:
    """Whether what runs in an environment is the release's current candidate, deployed by Slipway and not taken back since."""
    row = running and running.deployment
    if not row or release.candidate_id is None or row.candidate_id != release.candidate_id:
        return False
    return row.state == DeploymentState.SUCCEEDED and not row.is_rollback
