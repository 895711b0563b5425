"""A run as its driver gets it: the driver, the call, and what was noted of it."""

from django.conf import settings
from django.urls import reverse

from deployments.drivers import DRIVERS, Call, Driver, HookRefused
from deployments.models import Run

LATE_SINCE, TOLD = "slipway_late_since", "slipway_told_to_stop"  # beside the driver's notes: seconds since 1970; bool


def driver_of(run: Run) -> Driver:
    """Raises HookRefused when there is no such driver (any more)."""
    try:
        return DRIVERS[run.driver]
    except KeyError:
        raise HookRefused(f"There is no driver {run.driver}.") from None


def call_of(run: Run) -> Call:
    """The call as it was laid out when the deployment started; only the secret is read anew."""
    return Call(
        key=run.key,
        config=run.config,
        inputs=inputs_of(run),
        timeout_s=run.timeout_s,
        secret=secret_of(run),
        repeated=run.in_doubt,
        callback_url=settings.BASE_URL + reverse("deployments:callback", args=[run.token]),
    )


def handle_of(run: Run) -> dict:
    """What its driver has noted of it, without what the engine notes beside."""
    return {name: value for name, value in run.handle.items() if name not in (LATE_SINCE, TOLD)}


def secret_of(run: Run) -> str:
    return run.hook.secret if run.hook else ""


def inputs_of(run: Run) -> dict:
    """What is deployed, for the tool; all of it JSON-able and the same at each repeat."""
    deployment = run.deployment
    candidate, previous = deployment.candidate, deployment.previous
    return {
        "action": run.purpose,
        "product": deployment.environment.product.slug,
        "environment": deployment.environment.slug,
        "deployment": deployment.pk,
        "release": candidate.release.version,
        "candidate": candidate.number,
        "version": candidate.version,
        "commit": candidate.commit,
        "artifacts": candidate.artifacts,
        "artifact_digest": candidate.artifacts[0]["digest"] if candidate.artifacts else "",
        "previous_version": previous.version if previous else "",
        "previous_commit": previous.commit if previous else "",
    }
