"""A draft of release notes from the scope."""

from releases.commits import NoteEntry, release_notes
from releases.models import Change, Release
from releases.states import ChangeState


def draft(release: Release) -> str:
    """Markdown, one line per change, breaking ones first. Withdrawn and rejected changes are left out."""
    left_out = (ChangeState.WITHDRAWN, ChangeState.REJECTED)
    changes = release.changes.exclude(state__in=left_out).order_by("pk")
    day = release.window_starts_at.date() if release.window_starts_at else None
    return release_notes(release.version, day, [_entry(change) for change in changes]).strip()


def _entry(change: Change) -> NoteEntry:
    note = (change.description.strip() or change.title) if change.breaking else ""
    reference = f"#{change.pull_request}" if change.pull_request else change.key
    return NoteEntry(change.kind, change.title, breaking_note=note, reference=reference)
