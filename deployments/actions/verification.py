"""The verification of a deployment: look with nothing locked, then keep the sample and judge."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from core.events import record
from deployments import guards, probe
from deployments.actions import shipping, steps
from deployments.actions.steps import held
from deployments.models import Deployment, Sample, Verification
from deployments.states import DeploymentState

EVERY_S = 2
PROBE_TIMEOUT_S = 5
LEASE_S = 30
NO_ADDRESS = "The environment has no address to ask, so the word of the hooks stands."


def verify(deployment_id: int) -> bool:
    """Look once and judge. False when the deployment is not verifying, not due, or another worker is at it."""
    deployment = _claim(deployment_id)
    if deployment is None:
        return False
    seen = look(deployment)
    with held(deployment_id) as row:
        if row.state == DeploymentState.VERIFYING and row.verifying_since == deployment.verifying_since:
            Sample.objects.create(
                deployment=row,
                at=seen.at,
                ok=seen.ok,
                status=seen.status,
                elapsed_ms=seen.elapsed_ms,
                detail=seen.detail,
            )
            _judge(row, seen)
    return True


def _claim(deployment_id: int) -> Deployment | None:
    now = timezone.now()
    with transaction.atomic(durable=True):
        rows = Deployment.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        deployment = rows.filter(pk=deployment_id, state=DeploymentState.VERIFYING, due_at__lte=now).first()
        if deployment is not None:
            deployment.due_at = now + timedelta(seconds=LEASE_S)
            deployment.save(update_fields=["due_at"])
    return deployment


def look(deployment: Deployment) -> probe.Sample:
    """Ask the service for its health, and whether it is the version deployed. Never raises because of the service."""
    environment = deployment.environment
    if not environment.url:
        return probe.Sample(True, None, NO_ADDRESS, 0, timezone.now())
    how = guards.verification_of(environment)
    health = probe.probe(_below(environment.url, how.path), timeout_s=PROBE_TIMEOUT_S)
    if not health.ok or not how.version_path:
        return health
    return probe.probe(
        _below(environment.url, how.version_path),
        expect_version=deployment.candidate.version,
        timeout_s=PROBE_TIMEOUT_S,
    )


def _below(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{path.lstrip('/')}"


def _judge(deployment: Deployment, seen: probe.Sample) -> None:
    how = guards.verification_of(deployment.environment)
    if not guards.not_verified(deployment):
        _succeed(deployment)
    elif timezone.now() >= deployment.verifying_since + timedelta(seconds=how.timeout_s):
        reason = f"Not verified within {how.timeout_s} s. {seen.detail}"
        steps.fail(deployment, reason, actor=steps.the_system())
    else:
        deployment.due_at = timezone.now() + timedelta(seconds=EVERY_S)
        deployment.save(update_fields=["due_at"])


def _succeed(deployment: Deployment) -> None:
    system = steps.the_system()
    deployment.succeed()
    deployment.save()
    record("deployment.succeeded", deployment, actor=system, **steps.facts(deployment))
    if deployment.is_rollback:
        steps.finish_rollback(deployment, actor=system)
    else:
        shipping.proven(deployment, actor=system)


def set_verification(environment_id: int, *, actor, **fields) -> Verification:
    """Say how an environment is verified. `fields` are the model's. Raises Environment.DoesNotExist or PermissionDenied."""
    from accounts import policy
    from core.locking import locked
    from releases.models import Environment

    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, "releases.manage_environments", environment)
        verification = guards.verification_of(environment)
        before = {name: getattr(verification, name) for name in fields}
        for name, value in fields.items():
            setattr(verification, name, value)
        verification.save()
        changed = {name: [before[name], value] for name, value in fields.items() if before[name] != value}
        record("environment.verification_set", environment, actor=actor, changed=changed)
    return verification
