"""What the doors of meetings share: locks taken in one order, and what must be so."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts import policy
from accounts.models import User
from approvals import agenda
from approvals.board_states import MeetingState
from approvals.models import AgendaItem, Board, Meeting
from core.blockers import refuse
from core.locking import locked


@contextmanager
def locked_meeting(meeting_id: int) -> Iterator[Meeting]:
    """Open the door's transaction: lock the board, then the meeting. Raises Meeting.DoesNotExist."""
    board_id = Meeting.objects.values_list("board_id", flat=True).get(pk=meeting_id)
    with locked(Board.objects.select_related("chair"), board_id) as board:
        meeting = Meeting.objects.select_for_update(of=("self",), no_key=True).get(pk=meeting_id)
        meeting.board = board
        yield meeting


@contextmanager
def locked_item(item_id: int, actor: User) -> Iterator[AgendaItem]:
    """The same for an item that the actor sees and whose meeting they lead. Raises AgendaItem.DoesNotExist."""
    meeting_id = AgendaItem.objects.values_list("meeting_id", flat=True).get(pk=item_id)
    with locked_meeting(meeting_id) as meeting:
        agenda.require_lead(actor, meeting.board)
        item = lock_items(meeting).get(pk=item_id)
        policy.require(actor, agenda.VIEW, item)
        yield item


def lock_items(meeting: Meeting):
    rows = meeting.items.select_related("request__release__product", "request__change__product", "meeting__board")
    return rows.select_for_update(of=("self",), no_key=True)


def require_state(meeting: Meeting, state: str, message: str) -> None:
    if meeting.state != state:
        refuse("state", f"{message} This one is {meeting.get_state_display().lower()}.")


def require_session(meeting: Meeting) -> None:
    require_state(meeting, MeetingState.IN_SESSION, "Items are taken up in a meeting that is in session.")


def require_under_way(meeting: Meeting) -> None:
    if meeting.state not in (MeetingState.SCHEDULED, MeetingState.IN_SESSION):
        refuse("meeting-over", f"This meeting is {meeting.get_state_display().lower()}; its minutes stand.")
