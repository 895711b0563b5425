"""Doors of a meeting: before it, in it, after it. Each locks the board first, then the meeting, then the item."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import policy
from accounts.models import User
from approvals import agenda, minutes
from approvals.actions.agenda import (
    CALLED_OFF,
    NOT_REACHED,
    announce,
    defer_locked,
    fill_locked,
    finish_locked,
    plan_locked,
    put_in_order,
    put_off_rest,
    schedule,
    settle_periods,
)
from approvals.board_states import ItemState, MeetingState
from approvals.models import AgendaItem, ApprovalRequest, Attendance, Board, Meeting
from approvals.states import RequestState
from core import texts
from core.blockers import refuse
from core.events import record
from core.locking import locked

EARLY = timedelta(hours=24)


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
        item = _lock_items(meeting).get(pk=item_id)
        policy.require(actor, agenda.VIEW, item)
        yield item


def _lock_items(meeting: Meeting):
    rows = meeting.items.select_related("request__release__product", "request__change__product", "meeting__board")
    return rows.select_for_update(of=("self",), no_key=True)


# Before


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
        _require_state(meeting, MeetingState.SCHEDULED, "Only a scheduled meeting can be moved.")
        reason = _needs(reason, "Say why it is moved: everybody invited reads it.")
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
    item = _lock_items(meeting).filter(request=request).first()
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
        _require_under_way(item.meeting)
        item.drop(why=_needs(reason, "Say why it is taken off."))
        item.removed_by = actor
        item.save()
        record("item.dropped", item, actor=actor, reason=item.why)
    return item


# In session


def open_meeting(meeting_id: int, *, actor: User) -> Meeting:
    """Begin: the agenda stands as it is now, and everybody who sits on the board is on the list of attendance.

    Raises Http404/PermissionDenied, or Refused ("too-early" more than a day ahead).
    """
    with locked_meeting(meeting_id) as meeting:
        agenda.require_lead(actor, meeting.board)
        now = timezone.now()
        if meeting.state == MeetingState.SCHEDULED and meeting.starts_at > now + EARLY:
            refuse("too-early", "It can be opened from a day ahead. Move it if the board meets sooner.")
        fill_locked(meeting.board)
        meeting.open(by=actor, at=now)
        meeting.save()
        if meeting.announced_at is None:
            announce(meeting, now)
        invited = {p.pk: p for p in agenda.people_of(meeting.board)} | {actor.pk: actor}
        Attendance.objects.bulk_create(
            [Attendance(meeting=meeting, person=p, present=p == actor, noted_at=now) for p in invited.values()]
        )
        record("meeting.opened", meeting, actor=actor, items=meeting.items.standing().count())
        settle_periods(meeting.board)
    return meeting


def note_attendance(meeting_id: int, *, actor: User, present: Iterable[int]) -> Meeting:
    """Say who of the people on the list is there: exactly those with these ids. Others may note themselves with `arrive`."""
    with locked_meeting(meeting_id) as meeting:
        agenda.require_lead(actor, meeting.board)
        _require_state(meeting, MeetingState.IN_SESSION, "Attendance is noted while the meeting lasts.")
        wanted, rows = set(present), list(meeting.attendances.select_for_update(of=("self",)))
        changed = [row for row in rows if row.present != (row.person_id in wanted)]
        for row in changed:
            row.present, row.noted_at = not row.present, timezone.now()
            row.save()
        if changed:
            there = sum(row.present for row in rows)
            record("meeting.attendance_noted", meeting, actor=actor, present=there, of=len(rows))
    return meeting


def arrive(meeting_id: int, *, actor: User) -> Attendance:
    """Say of oneself that one is there: who votes from afar as well. Raises Refused for who is not on the list."""
    with locked_meeting(meeting_id) as meeting:
        if not agenda.sees(actor, meeting.board):
            raise Meeting.DoesNotExist
        _require_state(meeting, MeetingState.IN_SESSION, "Attendance is noted while the meeting lasts.")
        row = meeting.attendances.filter(person=actor).first()
        if row is None:
            refuse("not-invited", "You are not on the list of this meeting.")
        if not row.present:
            row.present, row.noted_at = True, timezone.now()
            row.save()
            record("meeting.attendance_noted", meeting, actor=actor, arrived=actor.pk)
    return row


def take_up(item_id: int, *, actor: User) -> AgendaItem:
    """Talk about this item now. What was talked about before it is finished."""
    with locked_item(item_id, actor) as item:
        _require_session(item.meeting)
        now = timezone.now()
        _finish_current(item.meeting, now, actor, but=item)
        item.take_up(at=now)
        item.save()
        record("item.taken_up", item, actor=actor)
    return item


def next_item(meeting_id: int, *, actor: User) -> AgendaItem | None:
    """Finish the item under discussion and take up the next open one; None when there is none left."""
    with locked_meeting(meeting_id) as meeting:
        agenda.require_lead(actor, meeting.board)
        _require_session(meeting)
        now = timezone.now()
        _finish_current(meeting, now, actor)
        seen = ApprovalRequest.objects.visible_to(actor).values("pk")
        waiting = _lock_items(meeting).filter(state=ItemState.OPEN, request__in=seen)
        item = waiting.order_by("position", "pk").first()
        if item:
            item.take_up(at=now)
            item.save()
            record("item.taken_up", item, actor=actor)
    return item


def _finish_current(meeting: Meeting, now: datetime, actor: User, but: AgendaItem | None = None) -> None:
    current = _lock_items(meeting).filter(state=ItemState.IN_DISCUSSION).first()
    if current and current != but:
        finish_locked(current, now, actor)


def finish_item(item_id: int, *, actor: User) -> AgendaItem:
    """End the talk about an item. It is decided when its request is, and put off to the next meeting otherwise."""
    with locked_item(item_id, actor) as item:
        _require_session(item.meeting)
        if item.state != ItemState.IN_DISCUSSION:
            refuse("not-in-discussion", "This item is not under discussion.")
        finish_locked(item, timezone.now(), actor)
    return item


def defer_item(item_id: int, *, actor: User, reason: str) -> AgendaItem:
    """Put an item off to the next meeting. Its votes stay, and it can still be decided in between.

    Raises Refused without a reason, and for a request that is decided.
    """
    with locked_item(item_id, actor) as item:
        _require_session(item.meeting)
        reason = _needs(reason, "Say why it is put off.")
        if item.request.state not in agenda.LIVE:
            refuse("decided", f"It is {item.request.get_state_display().lower()} already; finish it instead.")
        defer_locked(item, timezone.now(), reason, actor)
    return item


def note_item(item_id: int, *, actor: User, note: str) -> AgendaItem:
    """Write what the minutes shall say of an item. The last text stands."""
    with locked_item(item_id, actor) as item:
        _require_under_way(item.meeting)
        note = texts.fit(note, "note")
        if note != item.note:
            item.note = note
            item.save()
            record("item.noted", item, actor=actor, text=note)
    return item


def close_meeting(meeting_id: int, *, actor: User) -> Meeting:
    """End the meeting: what is open goes to the next one, and the minutes are written from what was recorded."""
    with locked_meeting(meeting_id) as meeting:
        agenda.require_lead(actor, meeting.board)
        _require_state(meeting, MeetingState.IN_SESSION, "Only a meeting in session can be closed.")
        now = timezone.now()
        _finish_current(meeting, now, actor)
        put_off_rest(meeting, now, NOT_REACHED, actor)
        meeting.close(at=now)
        _write_minutes(meeting)
        meeting.save()
        states = list(meeting.items.standing().values_list("state", flat=True))
        counts = {state: states.count(state) for state in (ItemState.DECIDED, ItemState.DEFERRED)}
        record(
            "meeting.closed",
            meeting,
            actor=actor,
            digest=meeting.minutes_digest,
            **{str(k): n for k, n in counts.items()},
        )
        plan_locked(meeting.board, now)
    return meeting


def _write_minutes(meeting: Meeting) -> None:
    rows = (
        meeting.items.standing()
        .with_subjects()
        .prefetch_related(
            "request__votes__person",
            "request__votes__seat",
            "request__questions__asked_by",
            "request__questions__answered_by",
        )
    )
    items = list(rows)
    for item in items:
        item.meeting = meeting
        item.record = minutes.record_of(item)
    AgendaItem.objects.bulk_update(items, ["record"])
    meeting.minutes_head = minutes.head_of(meeting)
    meeting.minutes_digest = minutes.digest_of(minutes.whole(meeting.minutes_head, [i.record for i in items]))


# Checks


def _needs(text: str, message: str) -> str:
    text = texts.fit(text, "reason")
    if not text:
        refuse("reason", message, field="reason")
    return text


def _require_state(meeting: Meeting, state: str, message: str) -> None:
    if meeting.state != state:
        refuse("state", f"{message} This one is {meeting.get_state_display().lower()}.")


def _require_session(meeting: Meeting) -> None:
    _require_state(meeting, MeetingState.IN_SESSION, "Items are taken up in a meeting that is in session.")


def _require_under_way(meeting: Meeting) -> None:
    if meeting.state not in (MeetingState.SCHEDULED, MeetingState.IN_SESSION):
        refuse("meeting-over", f"This meeting is {meeting.get_state_display().lower()}; its minutes stand.")


def _require_free(board: Board, starts_at: datetime, but: Meeting | None = None) -> None:
    if starts_at <= timezone.now():
        refuse("start-past", "Choose a start that is still to come.", field="starts_at")
    if starts_at > timezone.now() + timedelta(days=366):
        refuse("start-far", "Choose a start within a year.", field="starts_at")
    taken = board.meetings.scheduled().filter(starts_at=starts_at).exclude(pk=but.pk if but else None)
    if taken.exists():
        refuse("start-taken", "The board meets then already.", field="starts_at")
