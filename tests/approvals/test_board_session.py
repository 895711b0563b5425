"""In session: the clock of each item, what comes of it, who was there, and the minutes."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from approvals import minutes
from approvals.actions import ask, cast_vote
from approvals.actions.meeting import (
    add_item,
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
from approvals.board_states import ItemState, MeetingState
from approvals.models import AgendaItem, Meeting
from core.blockers import Refused
from core.models import Event
from tests.approvals.conftest import shown
from tests.factories import boards, releases
from tests.factories.accounts import person
from tests.factories.releases import put_in_state

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]

MOVES = {
    "meeting": {
        "open": ({"scheduled"}, "in_session"),
        "close": ({"in_session"}, "closed"),
        "cancel": ({"scheduled"}, "cancelled"),
        "lapse": ({"scheduled"}, "cancelled"),
    },
    "agendaitem": {
        "take_up": ({"open", "deferred", "decided"}, "in_discussion"),
        "decide": ({"in_discussion"}, "decided"),
        "defer": ({"open", "in_discussion"}, "deferred"),
        "drop": ({"open"}, "dropped"),
        "put_back": ({"dropped"}, "open"),
    },
}
PAIRS = [
    (machine, state, step)
    for machine, states in (("meeting", MeetingState), ("agendaitem", ItemState))
    for state in states.values
    for step in MOVES[machine]
]


@pytest.fixture
def meeting(shop, clock):
    """A meeting of the shop's board in ten minutes, in London, with three items."""
    board = boards.board(shop, name="CAB", member_roles=["role:cab-member"])
    made = boards.meeting(board, starts_at=timezone.now() + timedelta(minutes=10), place="Room 4")
    for band in ("high", "medium", "low"):
        boards.asked(shop, made.starts_at + timedelta(hours=2), band=band)
    return made


@pytest.fixture
def clock(monkeypatch):
    """Time stands still and goes by when told to: `clock(minutes=5)`."""
    start, gone = timezone.now(), [timedelta(0)]
    monkeypatch.setattr("django.utils.timezone.now", lambda: start + gone[0])

    def wait(**span):
        gone[0] += timedelta(**span)

    return wait


def states(meeting) -> list[str]:
    return list(meeting.items.values_list("state", flat=True))


@pytest.mark.parametrize(("machine", "state", "step"), PAIRS)
def test_every_state_and_step_moves_as_the_table_says_or_refuses(machine, state, step, chris):
    now = timezone.now()
    given = {
        "open": {"by": chris, "at": now},
        "close": {"at": now},
        "cancel": {"reason": "Holiday."},
        "take_up": {"at": now},
        "decide": {"at": now, "outcome": "approved"},
        "defer": {"at": now, "outcome": "pending", "why": "Later."},
        "drop": {"why": "By mail."},
    }.get(step, {})
    meeting = boards.meeting()
    thing = meeting
    if machine == "agendaitem":
        request = boards.asked(releases.product(), meeting.starts_at)
        thing = boards.item(meeting, request, state)
    else:
        put_in_state(thing, state)
    sources, target = MOVES[machine][step]
    if state in sources:
        getattr(thing, step)(**given)
        thing.save()
        assert thing.state == target
    else:
        with pytest.raises(Refused) as refusal:
            getattr(thing, step)(**given)
        assert [b.code for b in refusal.value.blockers] == ["state"]
    assert Meeting.machine.steps.keys() | AgendaItem.machine.steps.keys() == set().union(*MOVES.values())


# Opening


def test_opening_fills_the_agenda_and_lists_who_sits_with_the_chair_present(meeting, chris, cora):
    opened = open_meeting(meeting.pk, actor=chris)
    assert (opened.state, opened.chaired_by) == ("in_session", chris)
    assert states(meeting) == ["open"] * 3
    assert [(a.person, a.present) for a in meeting.attendances.all()] == [(chris, True), (cora, False)]
    assert opened.announced_at


def test_a_meeting_is_opened_once_not_days_ahead_and_not_by_a_member(meeting, chris, cora):
    with pytest.raises(PermissionDenied):
        open_meeting(meeting.pk, actor=cora)
    early = boards.meeting(meeting.board, starts_at=timezone.now() + timedelta(days=3))
    with pytest.raises(Refused) as refusal:
        open_meeting(early.pk, actor=chris)
    assert [b.code for b in refusal.value.blockers] == ["too-early"]
    open_meeting(meeting.pk, actor=chris)
    with pytest.raises(Refused) as refusal:
        open_meeting(meeting.pk, actor=chris)
    assert [b.code for b in refusal.value.blockers] == ["state"]


def test_the_agenda_stands_once_the_meeting_is_open_and_still_takes_what_is_added_by_hand(meeting, chris, shop):
    open_meeting(meeting.pk, actor=chris)
    late = boards.asked(shop, meeting.starts_at + timedelta(hours=3), band="high")
    from approvals.actions.board import fill_agendas

    fill_agendas(shop.pk)
    assert len(states(meeting)) == 3
    item = add_item(meeting.pk, late.pk, actor=chris)
    assert item.position == 4


# Items


def test_next_takes_the_items_in_order_and_says_when_there_is_none_left(meeting, chris):
    open_meeting(meeting.pk, actor=chris)
    taken = [next_item(meeting.pk, actor=chris) for _ in range(4)]
    assert [t and t.position for t in taken] == [1, 2, 3, None]
    assert states(meeting) == ["deferred"] * 3  # nobody voted
    assert set(meeting.items.values_list("why", flat=True)) == {"Votes are still missing."}


def test_the_time_of_an_item_is_counted_by_the_server_over_all_its_turns(meeting, chris, clock):
    open_meeting(meeting.pk, actor=chris)
    first = next_item(meeting.pk, actor=chris)
    clock(minutes=4)
    second = next_item(meeting.pk, actor=chris)
    clock(minutes=1)
    take_up(first.pk, actor=chris)
    clock(minutes=3)
    assert AgendaItem.objects.get(pk=first.pk).spent(timezone.now()) // 60 == 7
    finish_item(first.pk, actor=chris)
    clock(minutes=30)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.seconds // 60, second.seconds // 60) == (7, 1)
    assert first.spent(timezone.now()) == first.seconds


def test_an_item_is_decided_by_the_votes_and_not_by_the_chair(meeting, chris, cora):
    open_meeting(meeting.pk, actor=chris)
    item = next_item(meeting.pk, actor=chris)
    request = item.request
    with pytest.raises(Refused):  # nobody asked for the chair's role
        cast_vote(request.pk, actor=chris, verdict="approve", digest=shown(request))
    cast_vote(request.pk, actor=cora, verdict="reject", digest=shown(request), comment="Too risky before the sale.")
    done = finish_item(item.pk, actor=chris)
    assert (done.state, done.outcome) == ("decided", "rejected")
    assert not Event.objects.filter(name="vote.cast", actor=chris).exists()


def test_one_item_at_a_time_and_only_in_session(meeting, chris):
    item = boards.item(meeting, boards.asked(releases.product(), meeting.starts_at))
    with pytest.raises(Refused) as refusal:
        take_up(item.pk, actor=chris)
    assert [b.code for b in refusal.value.blockers] == ["state"]
    with pytest.raises(Refused):
        next_item(meeting.pk, actor=chris)
    with pytest.raises(Refused):
        defer_item(item.pk, actor=chris, reason="Later.")


def test_what_is_not_under_discussion_cannot_be_finished(meeting, chris):
    open_meeting(meeting.pk, actor=chris)
    with pytest.raises(Refused) as refusal:
        finish_item(meeting.items.first().pk, actor=chris)
    assert [b.code for b in refusal.value.blockers] == ["not-in-discussion"]


# Attendance


def test_attendance_is_ticked_by_the_chair_and_by_oneself(meeting, chris, cora):
    dan = person("dan", roles=["cab-member"])
    open_meeting(meeting.pk, actor=chris)
    arrive(meeting.pk, actor=cora)
    note_attendance(meeting.pk, actor=chris, present=[chris.pk, cora.pk])
    assert Event.objects.filter(name="meeting.attendance_noted").count() == 1
    note_attendance(meeting.pk, actor=chris, present=[chris.pk, dan.pk, 987654])
    assert {a.person: a.present for a in meeting.attendances.all()} == {chris: True, cora: False, dan: True}


def test_who_is_not_on_the_list_does_not_arrive_and_nobody_ticks_for_others(meeting, chris, cora):
    open_meeting(meeting.pk, actor=chris)
    with pytest.raises(Refused) as refusal:
        arrive(meeting.pk, actor=person("rita", roles=["stakeholder"]))
    assert [b.code for b in refusal.value.blockers] == ["not-invited"]
    with pytest.raises(Meeting.DoesNotExist):
        arrive(meeting.pk, actor=person("otto"))
    with pytest.raises(PermissionDenied):
        note_attendance(meeting.pk, actor=cora, present=[cora.pk])


# Minutes


@pytest.fixture
def closed(meeting, chris, cora, clock):
    """The three items: approved after a question, put off with a reason, not reached."""
    person("dan", roles=["cab-member"])
    open_meeting(meeting.pk, actor=chris)
    arrive(meeting.pk, actor=cora)
    item = next_item(meeting.pk, actor=chris)
    ask(item.request_id, actor=cora, text="Was the rollback *rehearsed*?")
    note_item(item.pk, actor=chris, note="Watch the error rate.\n# And the queue.")
    cast_vote(
        item.request_id, actor=cora, verdict="approve", digest=shown(item.request), comment="Fine [with](http://x) me."
    )
    clock(minutes=14)
    second = next_item(meeting.pk, actor=chris)
    clock(minutes=2)
    defer_item(second.pk, actor=chris, reason="No figures yet.")
    clock(minutes=70)
    return close_meeting(meeting.pk, actor=chris)


def test_the_minutes_say_who_was_there_what_was_decided_by_whom_and_how_long_it_took(closed, chris):
    text, whole = minutes.text_for(closed, chris)
    assert whole
    first, second, third = [i.request.subject for i in closed.items.all()]
    for said in (
        "# Minutes: CAB",
        "It ran 16 min over.",
        "Place: Room 4",
        "Chair: Chris",
        "Present: Chris and Cora.",
        "Not present: Dan.",
        "3 items: 1 approved and 2 deferred.",
        f"## 1. {first}",
        "A release, high risk. **Approved.**",
        "14 min of 10 min, 4 min over.",
        "- Cora approved it in the meeting, ",
        "Fine \\[with\\](http://x) me.",
        "- Cora asked: Was the rollback \\*rehearsed\\*? Not answered yet.",
        "> Watch the error rate.\n> \\# And the queue.",
        f"## 2. {second}",
        "**Deferred to the next meeting.** No figures yet.",
        "2 min of 10 min.",
        f"## 3. {third}",
        "Not taken up; 10 min were planned.",
    ):
        assert said in text, said


def test_the_minutes_are_kept_with_their_digest_and_a_later_touch_shows(closed):
    assert minutes.is_intact(closed)
    assert Event.objects.get(name="meeting.closed").payload["digest"] == closed.minutes_digest
    AgendaItem.objects.filter(meeting=closed, position=1).update(record="## 1. Something else")
    assert not minutes.is_intact(closed)


def test_who_does_not_see_a_product_reads_only_that_there_were_items(closed, shop):
    bank = releases.product("Bank")
    closed.board.products.add(bank)
    reader = person("bea", roles=["stakeholder"], on=bank)
    text, whole = minutes.text_for(closed, reader)
    assert not whole
    assert "*3 items about products that you do not see.*" in text
    assert "Shop" not in text


def test_a_vote_from_before_the_meeting_is_told_as_such(meeting, chris, cora, clock):
    request = boards.asked(meeting.board.products.get(), meeting.starts_at + timedelta(hours=2), {"cab-member": 2})
    cast_vote(request.pk, actor=cora, verdict="approve", digest=shown(request))
    clock(minutes=5)
    open_meeting(meeting.pk, actor=chris)
    closed = close_meeting(meeting.pk, actor=chris)
    assert "- Cora approved it before it, " in minutes.text_for(closed, chris)[0]


def test_closing_finishes_the_item_under_discussion_and_nothing_moves_afterwards(meeting, chris, cora):
    open_meeting(meeting.pk, actor=chris)
    item = next_item(meeting.pk, actor=chris)
    cast_vote(item.request_id, actor=cora, verdict="approve", digest=shown(item.request))
    closed = close_meeting(meeting.pk, actor=chris)
    assert states(closed) == ["decided", "deferred", "deferred"]
    for door in (
        lambda: close_meeting(meeting.pk, actor=chris),
        lambda: next_item(meeting.pk, actor=chris),
        lambda: take_up(item.pk, actor=chris),
        lambda: note_item(item.pk, actor=chris, note="Late."),
        lambda: note_attendance(meeting.pk, actor=chris, present=[]),
    ):
        with pytest.raises(Refused):
            door()


def test_an_empty_meeting_says_so(chris):
    meeting = boards.meeting(starts_at=timezone.now() + timedelta(minutes=1))
    open_meeting(meeting.pk, actor=chris)
    closed = close_meeting(meeting.pk, actor=chris)
    assert "Nothing was on the agenda." in minutes.text_for(closed, chris)[0]
    assert minutes.is_intact(closed)
