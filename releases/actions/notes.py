"""Doors of the release notes."""

from django.utils import timezone

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from releases.models import Release
from releases.states import FINISHED


def save_notes(release_id: int, *, actor: User, text: str) -> Release:
    """Write the release notes (Markdown). An edit takes their review back. Nothing is recorded when nothing differs."""
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.contribute", release)
        if release.state in FINISHED:
            refuse("finished", f"{release} is {release.get_state_display().lower()}; its notes stay as they are.")
        text = text.replace("\r\n", "\n").strip()
        if text != release.notes:
            release.notes, release.notes_reviewed_at, release.notes_reviewed_by = text, None, None
            release.save()
            record("release.notes_changed", release, actor=actor, characters=len(text))
    return release


def review_notes(release_id: int, *, actor: User) -> Release:
    """Mark the release notes as reviewed. Raises Refused when there are none."""
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.manage_release", release)
        policy.require_person(actor)
        if not release.notes:
            refuse("notes-missing", "There are no release notes to review. Draft them first.", field="text")
        release.notes_reviewed_at, release.notes_reviewed_by = timezone.now(), actor
        release.save()
        record("release.notes_reviewed", release, actor=actor)
    return release
