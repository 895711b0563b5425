"""What deployments do when something has happened elsewhere."""

from accounts.actions import system_user
from core.models import Event
from deployments.actions import promotion, runbook_step
from deployments.actions.deployment import supersede
from deployments.states import StepKind

ENDED = tuple(
    f"deployment.{end}"
    for end in ("succeeded", "failed", "aborted", "rolled_back", "rollback_failed", "expired", "superseded")
)


def supersede_waiting(event: Event, key: str, target: str) -> None:
    """A new candidate, or the end of a release, leaves no deployment of it waiting. Harmless to repeat."""
    supersede(int(event.stream.partition(":")[2]), actor=system_user())


def promote_further(event: Event, key: str, target: str) -> None:
    """What a verification, a new candidate or the end of a standstill opens is deployed to, where it is so by itself."""
    release = event.payload["release"] if event.name.startswith("deployment.") else _id(event)
    promotion.promote(release)


def look_at_pipeline(event: Event, key: str, target: str) -> None:
    """Phases or environments of a product changed, and with them what is open, and when the next phase opens."""
    promotion.wake(int(event.scope.partition(":")[2]))


def deploy_step(event: Event, key: str, target: str) -> None:
    """A step that is a deployment starts it by itself once it is handed over. Harmless to repeat."""
    if event.payload["kind"] == StepKind.DEPLOYMENT:
        runbook_step.deploy_ready(_id(event))


def settle_step(event: Event, key: str, target: str) -> None:
    """The deployment that a step of a runbook started has ended. Harmless to repeat."""
    runbook_step.settle_deployment(_id(event))


def _id(event: Event) -> int:
    return int(event.stream.partition(":")[2])
