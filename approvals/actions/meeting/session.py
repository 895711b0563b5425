"""In session: who is there, one item after the other, and the minutes."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from approvals import agenda, minutes
from approvals.actions.agenda import (
    NOT_REACHED,
    announce,
    defer_locked,
    fill_locked,
    finish_locked,
    plan_locked,
    put_off_rest,
    settle_periods,
)
from approvals.actions.meeting.parts import (
    lock_items,
    locked_item,
    locked_meeting,
    require_session,
    require_state,
    require_under_way,
)
from approvals.actions.parts import needs_text
from approvals.board_states import ItemState, MeetingState
from approvals.models import AgendaItem, ApprovalRequest, Attendance, Meeting
from core import texts
from core.blockers import refuse
from core.events import record

EARLY = timedelta(hours=24)


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
        require_state(meeting, MeetingState.IN_SESSION, "Attendance is noted while the meeting lasts.")
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
        require_state(meeting, MeetingState.IN_SESSION, "Attendance is noted while the meeting lasts.")
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
        require_session(item.meeting)
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
        require_session(meeting)
        now = timezone.now()
        _finish_current(meeting, now, actor)
        seen = ApprovalRequest.objects.visible_to(actor).values("pk")
        waiting = lock_items(meeting).filter(state=ItemState.OPEN, request__in=seen)
        item = waiting.order_by("position", "pk").first()
        if item:
            item.take_up(at=now)
            item.save()
            record("item.taken_up", item, actor=actor)
    return item


def _finish_current(meeting: Meeting, now: datetime, actor: User, but: AgendaItem | None = None) -> None:
    current = lock_items(meeting).filter(state=ItemState.IN_DISCUSSION).first()
    if current and current != but:
        finish_locked(current, now, actor)


def finish_item(item_id: int, *, actor: User) -> AgendaItem:
    """End the talk about an item. It is decided when its request is, and put off to the next meeting otherwise."""
    with locked_item(item_id, actor) as item:
        require_session(item.meeting)
        if item.state != ItemState.IN_DISCUSSION:
            refuse("not-in-discussion", "This item is not under discussion.")
        finish_locked(item, timezone.now(), actor)
    return item


def defer_item(item_id: int, *, actor: User, reason: str) -> AgendaItem:
    """Put an item off to the next meeting. Its votes stay, and it can still be decided in between.

    Raises Refused without a reason, and for a request that is decided.
    """
    with locked_item(item_id, actor) as item:
        require_session(item.meeting)
        reason = needs_text(reason, "Say why it is put off.", "reason")
        if item.request.state not in agenda.LIVE:
            refuse("decided", f"It is {item.request.get_state_display().lower()} already; finish it instead.")
        defer_locked(item, timezone.now(), reason, actor)
    return item


def note_item(item_id: int, *, actor: User, note: str) -> AgendaItem:
    """Write what the minutes shall say of an item. The last text stands."""
    with locked_item(item_id, actor) as item:
        require_under_way(item.meeting)
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
        require_state(meeting, MeetingState.IN_SESSION, "Only a meeting in session can be closed.")
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
