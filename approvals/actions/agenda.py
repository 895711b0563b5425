"""Steps that the doors of boards and meetings share. They take locked rows and open no transaction of their own."""

from datetime import datetime, timedelta

from accounts.actions import system_user
from accounts.models import User
from approvals import agenda
from approvals.board_states import ItemState
from approvals.models import AgendaItem, ApprovalRequest, Board, Meeting
from approvals.states import RequestState
from core.events import record

PLAN_AHEAD = timedelta(days=35)
AT_LEAST = 2  # meetings that are always planned
ANNOUNCE_BEFORE = timedelta(days=7)
LAPSE_AFTER = timedelta(hours=12)
NOT_REACHED = "The meeting ended before it."
CALLED_OFF = "The meeting was called off."


# Meetings


def plan_locked(board: Board, now: datetime) -> list[Meeting]:
    """Make the meetings that the rule gives and that are not there yet; then bring periods and agendas up to date."""
    made = [_schedule(board, at) for at in _missing(board, now)] if board.is_active else []
    let_lapse(board, now)
    settle_periods(board)
    fill_locked(board)
    for meeting in board.meetings.to_announce(ANNOUNCE_BEFORE).select_for_update(of=("self",)):
        announce(meeting, now)
    return made


def _missing(board: Board, now: datetime) -> list[datetime]:
    wanted = []
    for at in board.times.since(now):
        if at > now + PLAN_AHEAD and len(wanted) >= AT_LEAST:
            break
        wanted.append(at)
    known = set(board.meetings.filter(planned_for__gte=now).values_list("planned_for", flat=True))
    return [at for at in wanted if at not in known]


def _schedule(board: Board, at: datetime) -> Meeting:
    return schedule(board, at, planned_for=at, actor=system_user())


def schedule(board: Board, at: datetime, *, planned_for: datetime | None, actor: User) -> Meeting:
    ends_at = at + timedelta(minutes=board.minutes_long)
    meeting = Meeting.objects.create(
        board=board,
        planned_for=planned_for,
        starts_at=at,
        ends_at=ends_at,
        covers_from=at,
        covers_until=ends_at,  # until `settle_periods` knows what comes next
        place=board.place,
        link=board.link,
    )
    record("meeting.scheduled", meeting, actor=actor, starts_at=at, ends_at=ends_at)
    return meeting


def announce(meeting: Meeting, now: datetime) -> None:
    """Send the invitations, once."""
    meeting.announced_at = now
    meeting.save()
    items = meeting.items.standing().count()
    record("meeting.announced", meeting, actor=system_user(), starts_at=meeting.starts_at, items=items)


def let_lapse(board: Board, now: datetime) -> None:
    """Meetings that nobody opened are called off; what was on them goes to the next one."""
    late = board.meetings.scheduled().filter(ends_at__lt=now - LAPSE_AFTER)
    for meeting in late.select_for_update(of=("self",)):
        meeting.lapse()
        meeting.save()
        put_off_rest(meeting, now, CALLED_OFF, system_user())
        record("meeting.cancelled", meeting, actor=system_user(), reason=meeting.reason)


def settle_periods(board: Board) -> None:
    """Let each scheduled meeting look at what ships until the one after it."""
    ahead = list(board.meetings.scheduled().order_by("starts_at", "pk").select_for_update(of=("self",)))
    for meeting, after in zip(ahead, [*ahead, None][1:], strict=True):
        until = after.starts_at if after else _start_after(board, meeting)
        if (meeting.covers_from, meeting.covers_until) != (meeting.starts_at, until):
            meeting.covers_from, meeting.covers_until = meeting.starts_at, until
            meeting.save()


def _start_after(board: Board, meeting: Meeting) -> datetime:
    """When the board would meet after its last planned meeting; four weeks on where its rule ends."""
    later = (at for at in board.times.since(meeting.starts_at + timedelta(minutes=1)) if at != meeting.planned_for)
    return next(later, meeting.starts_at + timedelta(weeks=4)) if board.is_active else meeting.ends_at


# Agendas


def fill_locked(board: Board) -> None:
    """Bring the agendas of all scheduled meetings in step with what waits."""
    ahead = list(board.meetings.scheduled().order_by("starts_at", "pk"))
    items = _items_of(ahead)
    due = agenda.in_periods(board, ahead)
    for number, meeting in enumerate(ahead):
        meeting.board = board
        _fill(meeting, items[meeting.pk], due[meeting.pk], agenda.left_over(board) if number == 0 else {})


def _items_of(meetings: list[Meeting]) -> dict[int, list[AgendaItem]]:
    """{meeting id: its items, locked} in one query for all meetings."""
    by_meeting = {meeting.pk: [] for meeting in meetings}
    rows = AgendaItem.objects.filter(meeting__in=by_meeting).select_related("request")
    for item in rows.select_for_update(of=("self",)):
        by_meeting[item.meeting_id].append(item)
    return by_meeting


def _fill(meeting: Meeting, items: list[AgendaItem], in_period: set[int], left_over: dict[int, AgendaItem]) -> None:
    """Add what is to be looked at, drop what is not any more with the reason, put the rest in order.

    `in_period` are the ids of the pending requests whose window the meeting looks at.
    """
    added = [_add(meeting, pk, left_over.get(pk)) for pk in (in_period | left_over.keys()) - _known(items)]
    changed = [*added, *(item for item in items if _keep_in_step(item, in_period, left_over))]
    if changed:
        put_in_order(meeting)
        counts = {state: sum(item.state == state for item in changed) for state in (ItemState.OPEN, ItemState.DROPPED)}
        added_, dropped = counts[ItemState.OPEN], counts[ItemState.DROPPED]
        record("meeting.agenda_filled", meeting, actor=system_user(), added=added_, dropped=dropped)


def _known(items: list[AgendaItem]) -> set[int]:
    return {item.request_id for item in items}


def _add(meeting: Meeting, request_id: int, carried_from: AgendaItem | None) -> AgendaItem:
    minutes = meeting.board.minutes_per_item
    return AgendaItem.objects.create(meeting=meeting, request_id=request_id, minutes=minutes, carried_from=carried_from)


def _keep_in_step(item: AgendaItem, in_period: set[int], left_over: dict[int, AgendaItem]) -> bool:
    """Drop an open item that has become pointless, put a dropped one back that is due again. Whether it moved."""
    live = item.request.state in agenda.LIVE
    due = item.request_id in in_period or item.request_id in left_over
    if item.state == ItemState.OPEN and not live:
        _drop(item, f"{item.request.get_state_display()} before the meeting.")
    elif item.state == ItemState.OPEN and item.by_itself and not due and item.request.state == RequestState.PENDING:
        _drop(item, "Its window is no longer in the time that this meeting looks at.")
    elif item.state == ItemState.DROPPED and item.removed_by_id is None and live and (due or not item.by_itself):
        item.put_back()
        item.save()
    else:
        return False
    return True


def _drop(item: AgendaItem, why: str) -> None:
    item.drop(why=why)
    item.save()
    record("item.dropped", item, actor=system_user(), reason=why)


def put_in_order(meeting: Meeting) -> None:
    """Number the items: by risk, then by what is due first; what was dropped comes last."""
    items = list(meeting.items.with_subjects())
    items.sort(key=lambda i: (i.state == ItemState.DROPPED, agenda.rank(i.request)))
    moved = []
    for position, item in enumerate(items, start=1):
        if item.position != position:
            item.position = position
            moved.append(item)
    AgendaItem.objects.bulk_update(moved, ["position"])


def put_off_rest(meeting: Meeting, now: datetime, why: str, actor: User) -> None:
    """Defer what is still open; the next meeting takes it while it is pending."""
    for item in meeting.items.filter(state=ItemState.OPEN).select_related("request").select_for_update(of=("self",)):
        defer_locked(item, now, why, actor)


def defer_locked(item: AgendaItem, now: datetime, why: str, actor: User) -> None:
    item.defer(at=now, outcome=item.request.state, why=why)
    item.save()
    record("item.deferred", item, actor=actor, reason=why, seconds=item.seconds)


def finish_locked(item: AgendaItem, now: datetime, actor: User) -> None:
    """End the talk about an item: decided when its request is, put off when votes are still missing."""
    request = ApprovalRequest.objects.select_for_update(of=("self",), no_key=True).get(pk=item.request_id)
    if request.state in agenda.LIVE:
        defer_locked(item, now, "Votes are still missing.", actor)
        return
    item.decide(at=now, outcome=request.state)
    item.save()
    record("item.decided", item, actor=actor, outcome=str(request.state), seconds=item.seconds)
