"""What is on the agenda by hand: put there, or taken off."""

from accounts.models import User
from approvals import agenda
from approvals.actions.agenda import fill_locked, put_in_order
from approvals.actions.meeting.parts import lock_items, locked_item, locked_meeting, require_under_way
from approvals.actions.parts import needs_text
from approvals.board_states import ItemState, MeetingState
from approvals.models import AgendaItem, ApprovalRequest, Meeting
from approvals.states import RequestState
from core import texts
from core.blockers import refuse
from core.events import record


def add_item(
    meeting_id: int, request_id: int, *, actor: User, planned_min: int | None = None, note: str = ""
) -> AgendaItem:
    """Put a pending request on an agenda by hand: its requester may, and who leads the meeting.

    Raises ApprovalRequest.DoesNotExist for one out of the actor's sight, Http404/PermissionDenied, or Refused.
    """
    with locked_meeting(meeting_id) as meeting:
        if not agenda.sees(actor, meeting.board):
            raise Meeting.DoesNotExist
        request = agenda.of_products(meeting.board).visible_to(actor).get(pk=request_id)
        if request.requester_id != actor.pk:
            agenda.require_lead(actor, meeting.board)
        if meeting.state not in (MeetingState.SCHEDULED, MeetingState.IN_SESSION):
            refuse("meeting-over", f"This meeting is {meeting.get_state_display().lower()}; choose the next one.")
        if request.state != RequestState.PENDING:
            refuse("not-pending", f"This request is {request.get_state_display().lower()}; nothing is to be decided.")
        item = _put_on(meeting, request, actor, planned_min or meeting.board.minutes_per_item)
        item.note = texts.fit(note, "note") or item.note
        item.save()
        record("item.added", item, actor=actor)
        if meeting.state == MeetingState.SCHEDULED:
            fill_locked(meeting.board)
            put_in_order(meeting)
        item.refresh_from_db()
    return item


def _put_on(meeting: Meeting, request: ApprovalRequest, actor: User, planned_min: int) -> AgendaItem:
    if not 1 <= planned_min <= 24 * 60:
        refuse("minutes-invalid", "From 1 to 1,440 minutes.", field="minutes")
    item = lock_items(meeting).filter(request=request).first()
    if item is None:
        last = meeting.items.count() + 1
        return AgendaItem(meeting=meeting, request=request, minutes=planned_min, added_by=actor, position=last)
    if item.state != ItemState.DROPPED:
        refuse("on-agenda", "It is on this agenda already.", url=item.get_absolute_url(), fix="Open it")
    item.put_back()
    item.added_by = item.added_by or actor
    return item


def drop_item(item_id: int, *, actor: User, reason: str) -> AgendaItem:
    """Take an item off the agenda; it does not come back by itself. Raises Refused without a reason."""
    with locked_item(item_id, actor) as item:
        require_under_way(item.meeting)
        item.drop(why=needs_text(reason, "Say why it is taken off.", "reason"))
        item.removed_by = actor
        item.save()
        record("item.dropped", item, actor=actor, reason=item.why)
    return item
