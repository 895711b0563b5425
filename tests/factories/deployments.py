"""Hooks, deployments and their runs."""

from datetime import timedelta
from itertools import count

from django.utils import timezone

from accounts.actions import system_user
from deployments.actions.steps import lay_out_run
from deployments.models import Check, Deployment, Hook, LogLine, Run, Sample, Sighting, Verification
from deployments.states import DeploymentState
from releases.models import Environment, Release
from tests.factories import releases
from tests.factories.releases import put_in_state

_numbers = count(1)


def hook(environment: Environment, *, driver: str = "command", **fields) -> Hook:
    """A hook of an environment; by default a command that the settings must allow (`echo`)."""
    fields.setdefault("name", f"Step {next(_numbers)}")
    fields.setdefault("config", {"program": "echo", "arguments": ["{version}"]} if driver == "command" else {})
    return Hook.objects.create(environment=environment, driver=driver, **fields)


def deployment(
    release: Release, environment: Environment, state: str = DeploymentState.PLANNED, **fields
) -> Deployment:
    """A deployment in any state, of the release's candidate; succeeded ones are verified."""
    now, system = timezone.now(), system_user()
    made = {"candidate": release.candidate, "created_by": system}
    if state not in ("planned", "awaiting_approval", "scheduled", "queued"):
        made |= {"started_at": now, "started_by": system}
    if state == DeploymentState.SUCCEEDED:
        made |= {"verified_at": now, "ended_at": now}
    row = Deployment.objects.create(release=release, environment=environment, **(made | fields))
    return put_in_state(row, state)


def run(of: Deployment, hook: Hook, state: str = "waiting", *, position: int = 1, attempt: int = 1, **fields) -> Run:
    """A run of a hook in any state, begun where the state says so."""
    row = lay_out_run(of, hook, position, attempt)
    now = timezone.now()
    if state not in ("waiting", "skipped"):
        fields = {"started_at": now, "deadline_at": now + timedelta(minutes=10)} | fields
    if fields:
        Run.objects.filter(pk=row.pk).update(**fields)
    return put_in_state(row, state)


def log(of: Run, *lines: str) -> None:
    LogLine.objects.bulk_create([LogLine(run=of, text=line) for line in lines])


def sample(of: Deployment, ok: bool = True, **fields) -> Sample:
    return Sample.objects.create(deployment=of, ok=ok, **({"since": of.verifying_since} | fields))


def verified(environment: Environment, version: str, **fields) -> Deployment:
    """What runs in an environment: a verified deployment of an earlier release of the product."""
    earlier = releases.release(environment.product, state="closed", version=version)
    return deployment(earlier, environment, DeploymentState.SUCCEEDED, **fields)


def quick(environment: Environment, **fields) -> Verification:
    """Verification that takes no time to be steady."""
    made = {"interval_s": 0, "steady_s": 0, "timeout_s": 5} | fields
    return Verification.objects.create(environment=environment, **made)


def check(environment: Environment, kind: str = "http", **fields) -> Check:
    """A check of an environment; by default one of a path below its address."""
    configs = {"http": {"address": "/ready", "status": 200}, "manual": {"question": "Sign in and pay one cent."}}
    made = {"name": f"Check {next(_numbers)}", "config": configs.get(kind, {})} | fields
    return Check.objects.create(environment=environment, kind=kind, **made)


def sighting(environment: Environment, version: str = "9.9.9", **fields) -> Sighting:
    """What was seen in an environment, now and by nobody in particular."""
    return Sighting.objects.create(
        environment=environment,
        version=version,
        **({"at": timezone.now(), "source": "api", "reported_by": system_user()} | fields),
    )
