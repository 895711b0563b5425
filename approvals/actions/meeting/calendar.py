"""Before a meeting: when it is held."""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from approvals import agenda
from approvals.actions.agenda import CALLED_OFF, fill_locked, plan_locked, put_off_rest, schedule, settle_periods
from approvals.actions.meeting.parts import locked_meeting, require_state
from approvals.actions.parts import needs_text
from approvals.board_states import MeetingState
from approvals.models import Board, Meeting
from core import moments, texts
from core.blockers import refuse
from core.events import record
from core.locking import locked


def add_meeting(board_id: int, *, actor: User, starts_at: datetime) -> Meeting:
    """Call a meeting that the rule does not give: what cannot wait. Raises Refused for a start that is past or taken."""
    with locked(Board.objects, board_id) as board:
        agenda.require_lead(actor, board)
        if not board.is_active:
            refuse("board-inactive", "This board does not meet any more.")
        _require_free(board, starts_at)
        meeting = schedule(board, starts_at, planned_for=None, actor=actor)
        plan_locked(board, timezone.now())
        meeting.refresh_from_db()
    return meeting


def move_meeting(
    meeting_id: int, *, actor: User, starts_at: datetime, reason: str, place: str | None = None
) -> Meeting:
    """Move a scheduled meeting, and perhaps to another place. What each meeting looks at follows.

    Raises Http404/PermissionDenied, or Refused: not scheduled any more, no reason, a start that is past or taken.
    """
    with locked_meeting(meeting_id) as meeting:
        agenda.require_lead(actor, meeting.board)
        require_state(meeting, MeetingState.SCHEDULED, "Only a scheduled meeting can be moved.")
        reason = needs_text(reason, "Say why it is moved: everybody invited reads it.", "reason")
        if starts_at != meeting.starts_at:
            _require_free(meeting.board, starts_at, but=meeting)
        was, length = meeting.starts_at, meeting.ends_at - meeting.starts_at
        meeting.starts_at, meeting.ends_at, meeting.reason = starts_at, starts_at + length, reason
        meeting.place = meeting.place if place is None else texts.fit(place, "place")[:200]
        meeting.sequence += 1
        meeting.save()
        record("meeting.moved", meeting, actor=actor, was=was, starts_at=starts_at, reason=reason)
        settle_periods(meeting.board)
        fill_locked(meeting.board)
        meeting.refresh_from_db()
    return meeting


def cancel_meeting(meeting_id: int, *, actor: User, reason: str) -> Meeting:
    """Call a scheduled meeting off. What was on it goes to the board's next one. Raises Refused without a reason."""
    with locked_meeting(meeting_id) as meeting:
        agenda.require_lead(actor, meeting.board)
        meeting.cancel(reason=reason)
        meeting.reason = reason.strip()
        meeting.save()
        put_off_rest(meeting, timezone.now(), CALLED_OFF, actor)
        record("meeting.cancelled", meeting, actor=actor, reason=meeting.reason)
        plan_locked(meeting.board, timezone.now())
    return meeting


def _require_free(board: Board, starts_at: datetime, but: Meeting | None = None) -> None:
    moments.fit(starts_at=starts_at)
    if starts_at <= timezone.now():
        refuse("start-past", "Choose a start that is still to come.", field="starts_at")
    if starts_at > timezone.now() + timedelta(days=366):
        refuse("start-far", "Choose a start within a year.", field="starts_at")
    taken = board.meetings.scheduled().filter(starts_at=starts_at).exclude(pk=but.pk if but else None)
    if taken.exists():
        refuse("start-taken", "The board meets then already.", field="starts_at")
