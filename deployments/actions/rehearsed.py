"""What follows a rehearsal that succeeded, in the same transaction. Release and environment are locked."""

from django.utils import timezone

from deployments import way_back
from deployments.models import Deployment
from releases.steps import note_rehearsal


def passed(rollback: Deployment, undone: Deployment) -> Deployment | None:
    """Note it on the rollback plan, and schedule the candidate into the environment again, at once.

    It is not noted where a step was skipped. None when a newer candidate is current by now: that one goes there in its own time.
    """
    release = undone.release
    if way_back.proves(rollback):
        note_rehearsal(release, rollback.verified_at, rollback.created_by)
    if release.candidate_id != undone.candidate_id:
        return None
    now = timezone.now()
    again = Deployment.objects.create(
        release=release,
        candidate=undone.candidate,
        environment=undone.environment,
        created_by=rollback.created_by,
        scheduled_for=now,
        reason=f"Put back after the rehearsal of its way back, #{rollback.pk}.",
    )
    again.schedule()
    again.due_at = now
    again.save()
    return again
