"""What proves that a deployment has succeeded."""

from datetime import timedelta

from django.db.models import Exists, OuterRef

from core.blockers import Blocker
from deployments import clock
from deployments.states import Purpose, RunState
from deployments.steadiness import Look, look_of, well_for

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
    """Every sample of this verification must have been well without a break for the steady time.

    Where there is nothing to ask (no address, no check, no hook of the verification) one sample that says so is enough.
    """
    how = verification_of(deployment.environment)
    looks = looks_at(deployment)
    if not is_asked(deployment.environment):
        return [] if any(look.ok for look in looks) else [Blocker("not-verified", "Nobody looked yet.")]
    well = well_for(looks, how.interval_s, clock.now())
    if well is not None and well >= timedelta(seconds=how.steady_s):
        return []
    return [Blocker("not-verified", f"{deployment.environment} was not well for {how.steady_s} s on end yet.")]


def looks_at(deployment) -> list[Look]:
    """The closed samples of the verification that runs now, in the order in which they were opened."""
    rows = deployment.samples.filter(since=deployment.verifying_since, is_open=False).order_by("pk")
    rows = rows.annotate(called_hooks=Exists(deployment.runs.filter(sample=OuterRef("pk"))))
    return [
        look_of(ok, at, closed_at, called_hooks=called_hooks)
        for ok, at, closed_at, called_hooks in rows.values_list("ok", "at", "closed_at", "called_hooks")
    ]


def is_asked(environment) -> bool:
    """Whether there is anything to ask: else the word of the hooks stands."""
    if environment.url or any(check.is_active for check in environment.checks.all()):
        return True
    return any(hook.is_active and hook.on == Purpose.VERIFY for hook in environment.hooks.all())


def verification_of(environment):
    """The environment's verification settings, or the defaults."""
    known = type(environment)._meta.get_field("verification").related_model
    return getattr(environment, "verification", None) or known(environment=environment)
