"""What phases that are deployed to by themselves come to: a deployment to each of their environments, once per candidate.

The verified deployments of a candidate that soaks are due when the next phase opens, so the engine's tick finds them; no message
waits anywhere for that long. Every transaction here locks one release and at most one environment, and looks again inside.
"""

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from accounts import policy
from accounts.models import User
from core.blockers import Refused
from core.locking import locked
from deployments import pipeline
from deployments.actions import waiting
from deployments.actions.deployment import plan
from deployments.actions.steps import entered
from deployments.models import Deployment
from deployments.states import DeploymentKind, DeploymentState
from releases.models import Release
from releases.states import ReleaseState

LEASE_S = 60
OVER = (
    ReleaseState.RELEASED,
    ReleaseState.REVIEW,
    ReleaseState.CLOSED,
    ReleaseState.CANCELLED,
    ReleaseState.ROLLED_BACK,
)


def promote_from(deployment_id: int) -> list[Deployment]:
    """A verified deployment is due: whatever its verification has opened by now. Harmless to repeat.

    A claim of LEASE_S seconds keeps a failure from being repeated each second.
    """
    with transaction.atomic(durable=True):
        rows = Deployment.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        row = rows.due().filter(pk=deployment_id, state=DeploymentState.SUCCEEDED).first()
        if row is None:
            return []
        row.due_at = timezone.now() + timedelta(seconds=LEASE_S)
        row.save(update_fields=["due_at"])
    return promote(row.release_id)


def promote(release_id: int) -> list[Deployment]:
    """Make and start what the open automatic phases of a release's current candidate still lack. Returns what was made.

    Where a gate is closed the deployment waits for a person; where whoever automated the phase may not any more, none is made.
    Raises Release.DoesNotExist.
    """
    release = Release.objects.select_related("product", "candidate").get(pk=release_id)
    made = [_promote_to(release_id, environment) for environment in _lacking(release)]
    _aim(release_id)
    return [deployment for deployment in made if deployment]


def _lacking(release: Release) -> list[int]:
    """Ids of the environments of open automatic phases to which the current candidate was never sent, in order."""
    if release.candidate is None or release.state in OVER:
        return []
    seen = pipeline.of(release)
    ready = [phase for phase in seen.phases if phase.group.is_automatic and seen.is_open(phase)]
    sent = release.candidate.deployments.filter(kind=DeploymentKind.DEPLOY).values_list("environment_id", flat=True)
    ids = [standing.environment.pk for phase in ready for standing in phase.standings]
    return [pk for pk in ids if pk not in set(sent)]


def _promote_to(release_id: int, environment_id: int) -> Deployment | None:
    """One deployment, in the name of who automated its phase. None where somebody was faster or that person may not any more."""
    with entered(release_id, environment_id) as (release, environment):
        if environment_id not in _lacking(release):
            return None
        seen = pipeline.of(release)
        phase = seen.of(environment)
        person = phase.group.phase.automated_by
        if not may_promote(person, release):
            return None
        deployment = _planned(release, environment, person, seen.opened_by(phase))
        if deployment.state == DeploymentState.PLANNED:
            waiting.try_to_start(deployment)
        return deployment


def may_promote(person: User, release: Release) -> bool:
    try:
        for right in (waiting.AUTOMATE, waiting.DEPLOY):
            policy.require(person, right, release)
    except (PermissionDenied, Http404):
        return False
    return True


def _planned(release: Release, environment, person: User, opened_by: Deployment | None) -> Deployment:
    """Planned for now; for production before its window, for the window's beginning."""
    opens = release.window_starts_at if environment.is_production else None
    if opens and opens > timezone.now():
        try:
            with transaction.atomic():
                return plan(release, environment, actor=person, scheduled_for=opens, promoted_from=opened_by)
        except Refused:
            pass  # what stands in the way of that instant, the gates say to whoever looks
    return plan(release, environment, actor=person, promoted_from=opened_by)


def _aim(release_id: int) -> None:
    """Let the engine come back when the next phase opens by the passing of time, and leave alone what is settled."""
    with locked(Release.objects.select_related("product"), release_id) as release:
        verified = Deployment.objects.filter(release=release, state=DeploymentState.SUCCEEDED)
        opens = pipeline.of(release).next_opening_at if release.candidate_id and release.state not in OVER else None
        newest = verified.filter(candidate=release.candidate_id).order_by("-verified_at").first() if opens else None
        verified.filter(due_at__isnull=False).exclude(pk=newest and newest.pk).update(due_at=None)
        if newest:
            Deployment.objects.filter(pk=newest.pk).update(due_at=opens)


def wake(product_id: int) -> list[Deployment]:
    """The pipeline of a product changed, and with it what is open and when: look at each release under way. Returns what was made.

    A release that comes to nothing is aimed anew. Harmless to repeat.
    """
    going = Release.objects.filter(product=product_id, candidate__isnull=False).exclude(state__in=OVER)
    return [made for pk in going.order_by("pk").values_list("pk", flat=True) for made in promote(pk)]
