"""Reactions and beats of reviews."""

from celery import shared_task

from core.models import Event
from releases.models import Release
from releases.states import ReleaseState
from reviews import actions


def open_review(event: Event, key: str, target: str) -> None:
    """A release shipped or was rolled back: open its review."""
    actions.open_review(int(event.stream.split(":")[1]))


def collect(event: Event, key: str, target: str) -> None:
    actions.collect(event.payload["review"])


@shared_task
def sweep() -> None:
    """Remind of reviews that are due, and open those that a lost reaction left out."""
    for release_id in Release.objects.filter(state__in=[ReleaseState.RELEASED, ReleaseState.ROLLED_BACK]).values_list(
        "pk", flat=True
    ):
        actions.open_review(release_id)
    for review_id in actions.due_for_reminder():
        actions.remind(review_id)
