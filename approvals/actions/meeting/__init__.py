"""Doors of a meeting: before it, in it, after it. Each locks the board first, then the meeting, then the item."""

from approvals.actions.meeting.calendar import add_meeting, cancel_meeting, move_meeting
from approvals.actions.meeting.items import add_item, drop_item
from approvals.actions.meeting.session import (
    arrive,
    close_meeting,
    defer_item,
    finish_item,
    next_item,
    note_attendance,
    note_item,
    open_meeting,
    take_up,
)

__all__ = [
    "add_item",
    "add_meeting",
    "arrive",
    "cancel_meeting",
    "close_meeting",
    "defer_item",
    "drop_item",
    "finish_item",
    "move_meeting",
    "next_item",
    "note_attendance",
    "note_item",
    "open_meeting",
    "take_up",
]
