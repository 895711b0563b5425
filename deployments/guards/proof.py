"""What proves that a deployment has succeeded."""

from django.utils import timezone

from core.blockers import Blocker
from deployments import probe
from deployments.states import RunState

PASSED = (RunState.SUCCEEDED, RunState.SKIPPED)


def runs_unfinished(deployment) -> list[Blocker]:
    """Each step's newest attempt must have succeeded, or been skipped with a reason; no step at all proves nothing."""
    runs = deployment.latest_runs()
    if not runs:
        return [Blocker("no-run", "No hook was called.")]
    return [
        Blocker(f"run-{run.state}:{run.position}", f"{run.name} is {run.get_state_display().lower()}.")
        for run in runs
        if run.state not in PASSED
    ]


def not_verified(deployment) -> list[Blocker]:
    """The probes since the verification began must have been good without a break for the steady time."""
    steady_s = verification_of(deployment.environment).steady_s
    if not deployment.environment.url:
        return [] if deployment.samples.filter(ok=True).exists() else [Blocker("not-verified", "Nobody looked yet.")]
    samples = [
        probe.Sample(sample.ok, sample.status, sample.detail, sample.elapsed_ms or 0, sample.at)
        for sample in deployment.samples.filter(at__gte=deployment.verifying_since)
    ]
    if probe.steady(samples, steady_s, timezone.now()):
        return []
    return [Blocker("not-verified", f"{deployment.environment} was not well for {steady_s} s on end yet.")]


def verification_of(environment):
    """The environment's verification settings, or the defaults."""
    known = type(environment)._meta.get_field("verification").related_model
    return getattr(environment, "verification", None) or known(environment=environment)
