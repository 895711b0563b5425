"""What deployments do when something has happened elsewhere."""

from accounts.actions import system_user
from core.models import Event
from deployments.actions.deployment import supersede


def supersede_waiting(event: Event, key: str, target: str) -> None:
    """A new candidate, or the end of a release, leaves no deployment of it waiting. Harmless to repeat."""
    supersede(int(event.stream.partition(":")[2]), actor=system_user())
