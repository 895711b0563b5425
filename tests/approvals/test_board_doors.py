"""Boards and their meetings: set up, planned ahead, moved and called off."""

from datetime import date, datetime, time, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from approvals.actions.board import add_board, change_board, plan_meetings
from approvals.actions.meeting import add_meeting, cancel_meeting, move_meeting
from approvals.models import AgendaItem, Board, Meeting
from approvals.tasks import lapse_due
from core.blockers import Refused
from core.models import Event
from tests.factories import boards, releases
from tests.factories.accounts import person, team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]

WEEKLY = {
    "name": "Change advisory board",
    "zone": "Europe/Berlin",
    "recurrence": "FREQ=WEEKLY;BYDAY=TU",
    "first_on": date(2026, 1, 6),
    "clock": time(10),
}


def codes(refusal) -> list[str]:
    return [b.code for b in refusal.value.blockers]


def names() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("name", flat=True))


# Setting up


def test_a_new_board_has_its_meetings_of_the_next_five_weeks_at_its_local_hour(chris):
    board = add_board(actor=chris, **WEEKLY)
    meetings = list(board.meetings.order_by("starts_at"))
    assert len(meetings) == 5
    from zoneinfo import ZoneInfo

    local = [m.starts_at.astimezone(ZoneInfo("Europe/Berlin")) for m in meetings]
    assert {(at.strftime("%a"), at.hour, at.minute) for at in local} == {("Tue", 10, 0)}
    assert [m.covers_from for m in meetings] == [m.starts_at for m in meetings]
    assert [m.covers_until for m in meetings[:-1]] == [m.starts_at for m in meetings[1:]]
    assert meetings[-1].covers_until == meetings[-1].starts_at + timedelta(days=7) or local[-1].dst() != local[0].dst()
    assert names()[0] == "board.added"
    assert names().count("meeting.scheduled") == 5


def test_a_monthly_board_has_its_next_two_meetings_however_far(chris):
    board = add_board(actor=chris, **(WEEKLY | {"recurrence": "FREQ=MONTHLY;INTERVAL=3;BYDAY=1MO"}))
    assert board.meetings.count() == 2


def test_only_who_may_authorise_changes_of_all_its_products_sets_a_board_up(chris):
    shop, bank = releases.product(), releases.product()
    dora = person("dora", roles=["change-manager"], on=shop)
    manager = person("mia", roles=["release-manager"])
    bot = person("bot", roles=["change-manager"], is_service=True)
    assert add_board(actor=dora, products=[shop], **WEEKLY).rights_scope == shop
    with pytest.raises(Http404):
        add_board(actor=dora, products=[shop, bank], **(WEEKLY | {"name": "Both"}))
    for other in (dora, manager, bot):
        with pytest.raises(PermissionDenied):
            add_board(actor=other, **(WEEKLY | {"name": "All"}))
    assert Board.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"recurrence": "FREQ=HOURLY"}, "recurrence-invalid"),
        ({"recurrence": "FREQ=WEEKLY;UNTIL=20200101T000000Z"}, "recurrence-empty"),
        ({"zone": "Mars/Olympus"}, "zone-invalid"),
        ({"minutes_long": 0}, "minutes_long-invalid"),
        ({"minutes_per_item": 2000}, "minutes_per_item-invalid"),
        ({"member_roles": ["role:nobody"]}, "member_roles-invalid"),
        ({"member_roles": ["cab-member"]}, "member_roles-invalid"),
        ({"member_roles": ["team:gone"]}, "member_roles-invalid"),
        ({"first_on": date(1900, 1, 1)}, "out-of-time"),
        ({"name": ""}, "name-invalid"),
        ({"link": "javascript:alert(1)"}, "link-invalid"),
    ],
)
def test_a_board_that_does_not_hold_together_is_refused_at_the_field(chris, wrong, code):
    with pytest.raises(Refused) as refusal:
        add_board(actor=chris, **(WEEKLY | wrong))
    assert code in codes(refusal)
    assert not Board.objects.exists()
    assert names() == []


def test_two_boards_of_one_name_are_refused_and_an_address_of_another_page_is_not_taken(chris):
    add_board(actor=chris, **(WEEKLY | {"name": "New"}))
    assert Board.objects.get().slug == "new-board"
    with pytest.raises(Refused) as refusal:
        add_board(actor=chris, **(WEEKLY | {"name": "New"}))
    assert codes(refusal) == ["name-taken"]


def test_a_change_without_a_difference_records_nothing(chris):
    board = add_board(actor=chris, **WEEKLY)
    before = len(names())
    change_board(board.pk, actor=chris, **WEEKLY, products=[], members=[])
    assert len(names()) == before


def test_another_hour_calls_the_planned_meetings_off_and_plans_others(chris):
    board = add_board(actor=chris, **WEEKLY)
    change_board(board.pk, actor=chris, clock=time(14))
    states = list(board.meetings.values_list("state", flat=True))
    assert (states.count("cancelled"), states.count("scheduled")) == (5, 5)
    assert set(board.meetings.filter(state="cancelled").values_list("reason", "planned_for")) == {
        ("The board meets at other times now.", None)
    }


def test_a_change_back_to_the_old_hour_plans_the_old_hours_again(chris):
    board = add_board(actor=chris, **WEEKLY)
    old = set(board.meetings.values_list("starts_at", flat=True))
    change_board(board.pk, actor=chris, clock=time(14))
    change_board(board.pk, actor=chris, clock=time(10))
    assert set(board.meetings.scheduled().values_list("starts_at", flat=True)) == old


def test_a_new_length_and_place_reach_the_planned_meetings_with_a_new_revision(chris):
    board = add_board(actor=chris, **WEEKLY)
    change_board(board.pk, actor=chris, minutes_long=90, place="Room 4")
    assert {(m.ends_at - m.starts_at, m.place, m.sequence) for m in board.meetings.all()} == {
        (timedelta(minutes=90), "Room 4", 1)
    }


def test_a_board_that_is_switched_off_calls_its_meetings_off(chris):
    board = add_board(actor=chris, **WEEKLY)
    change_board(board.pk, actor=chris, is_active=False)
    assert set(board.meetings.values_list("state", flat=True)) == {"cancelled"}
    assert plan_meetings() == 0


def test_a_board_out_of_sight_is_not_found_and_one_in_sight_is_refused(chris):
    shop = releases.product()
    board = add_board(actor=chris, products=[shop], **WEEKLY)
    with pytest.raises(Board.DoesNotExist):
        change_board(board.pk, actor=person("otto"), name="Mine")
    with pytest.raises(PermissionDenied):
        change_board(board.pk, actor=person("rita", roles=["stakeholder"]), name="Mine")


def test_the_products_of_a_board_are_widened_only_by_who_may_authorise_there(chris):
    shop, bank = releases.product(), releases.product()
    dora = person("dora", roles=["change-manager"], on=shop)
    board = add_board(actor=dora, products=[shop], **WEEKLY)
    with pytest.raises(Http404):
        change_board(board.pk, actor=dora, products=[shop, bank])
    assert list(board.products.all()) == [shop]


# Who sits


def test_chair_members_role_holders_and_teams_sit_on_a_board_once_each():
    shop, bank = releases.product(), releases.product()
    chair, member = person("carla"), person("mark")
    here = person("hanna", roles=["cab-member"], on=shop)
    all_over = person("alma", roles=["cab-member"])
    person("elsa", roles=["cab-member"], on=bank)
    gone = person("gone", roles=["cab-member"], is_active=False)
    bot = person("bot", roles=["cab-member"], is_service=True)
    mate = person("tom")
    team("Platform", [mate, member], slug="platform")
    board = boards.board(
        shop, members=[member, chair, gone, bot], chair=chair, member_roles=["role:cab-member", "team:platform"]
    )
    from approvals.agenda import people_of

    assert people_of(board) == [all_over, chair, here, member, mate]


# Planning


def test_planning_again_adds_nothing(chris):
    add_board(actor=chris, **WEEKLY)
    before = (Meeting.objects.count(), names())
    assert plan_meetings() == 0
    assert (Meeting.objects.count(), names()) == before


def test_invitations_go_out_a_week_ahead_and_once(chris):
    add_board(actor=chris, **WEEKLY)
    plan_meetings()
    announced = list(Meeting.objects.filter(announced_at__isnull=False))
    assert len(announced) == 1
    assert announced[0].starts_at <= timezone.now() + timedelta(days=7)
    assert names().count("meeting.announced") == 1


def test_the_clock_plans_meetings_by_itself():
    board = boards.board(releases.product())
    lapse_due()
    assert board.meetings.scheduled().count() >= 2


def test_a_meeting_that_nobody_opened_lapses_and_its_items_go_to_the_next():
    shop = releases.product()
    board = boards.board(shop)
    past = boards.meeting(board, starts_at=timezone.now() - timedelta(hours=20))
    item = boards.item(past, boards.asked(shop, timezone.now() + timedelta(days=1)))
    plan_meetings()
    past.refresh_from_db()
    item.refresh_from_db()
    assert (past.state, past.reason, item.state) == ("cancelled", "It was not held.", "deferred")
    following = board.meetings.scheduled().earliest("starts_at")
    assert [i.carried_from for i in following.items.all()] == [item]


# Moving and calling off


def planned(chris) -> list[Meeting]:
    board = add_board(actor=chris, **WEEKLY)
    return list(board.meetings.order_by("starts_at"))


def test_a_moved_meeting_takes_its_period_along_and_raises_the_revision(chris):
    first, second, *_ = planned(chris)
    to = first.starts_at + timedelta(hours=5)
    moved = move_meeting(first.pk, actor=chris, starts_at=to, reason="The room is taken.", place="Room 2")
    assert (moved.starts_at, moved.ends_at, moved.sequence) == (to, to + timedelta(hours=1), 1)
    assert (moved.covers_from, moved.covers_until, moved.place) == (to, second.starts_at, "Room 2")
    assert plan_meetings() == 0  # its place in the rule is taken


def test_a_meeting_moved_behind_the_next_one_looks_at_what_comes_after_it(chris):
    first, second, third, *_ = planned(chris)
    to = second.starts_at + timedelta(days=1)
    move_meeting(first.pk, actor=chris, starts_at=to, reason="Holidays.")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (second.covers_until, first.covers_from, first.covers_until) == (to, to, third.starts_at)


def test_a_move_without_a_reason_into_the_past_or_onto_another_meeting_is_refused(chris):
    first, second, *_ = planned(chris)
    now = timezone.now()
    for starts_at, reason, code in (
        (first.starts_at + timedelta(hours=1), "  ", "reason"),
        (now - timedelta(hours=1), "Late.", "start-past"),
        (now + timedelta(days=800), "Late.", "start-far"),
        (second.starts_at, "Late.", "start-taken"),
    ):
        with pytest.raises(Refused) as refusal:
            move_meeting(first.pk, actor=chris, starts_at=starts_at, reason=reason)
        assert codes(refusal) == [code]
    first.refresh_from_db()
    assert first.sequence == 0


def test_a_cancelled_meeting_leaves_its_time_to_the_one_before_and_is_not_planned_again(chris):
    first, second, third, *_ = planned(chris)
    cancel_meeting(second.pk, actor=chris, reason="Public holiday.")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (second.state, second.reason, second.sequence) == ("cancelled", "Public holiday.", 1)
    assert first.covers_until == third.starts_at
    assert plan_meetings() == 0
    with pytest.raises(Refused) as refusal:
        cancel_meeting(second.pk, actor=chris, reason="Again.")
    assert codes(refusal) == ["state"]


def test_a_meeting_is_not_called_off_without_a_reason_nor_by_a_reader(chris):
    first, *_ = planned(chris)
    with pytest.raises(Refused) as refusal:
        cancel_meeting(first.pk, actor=chris, reason=" ")
    assert codes(refusal) == ["reason"]
    for who in (person("rita", roles=["stakeholder"]), person("cora", roles=["cab-member"])):
        with pytest.raises(PermissionDenied):
            cancel_meeting(first.pk, actor=who, reason="No.")
    with pytest.raises(Http404):
        cancel_meeting(first.pk, actor=person("otto"), reason="No.")


def test_the_chair_leads_without_the_right_to_authorise():
    carla = person("carla", roles=["stakeholder"])
    meeting = boards.meeting(boards.board(chair=carla))
    cancel_meeting(meeting.pk, actor=carla, reason="Ill.")
    meeting.refresh_from_db()
    assert meeting.state == "cancelled"


def test_a_meeting_that_cannot_wait_is_called_beside_the_rule(chris):
    first, *_ = planned(chris)
    soon: datetime = timezone.now() + timedelta(hours=3)
    extra = add_meeting(first.board_id, actor=chris, starts_at=soon)
    assert (extra.starts_at, extra.planned_for) == (soon, None)
    assert extra.covers_until == min(
        m.starts_at for m in Meeting.objects.scheduled().exclude(pk=extra.pk) if m.starts_at > soon
    )
    assert extra.announced_at
    assert not AgendaItem.objects.exists()
