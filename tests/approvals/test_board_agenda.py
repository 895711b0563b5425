"""The agenda fills itself: what ships between this meeting and the next, and what was put off."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from approvals.actions import cast_vote, withdraw
from approvals.actions.board import fill_agendas, plan_meetings
from approvals.actions.meeting import (
    add_item,
    cancel_meeting,
    close_meeting,
    defer_item,
    drop_item,
    move_meeting,
    next_item,
    open_meeting,
)
from approvals.models import AgendaItem, ApprovalRequest
from core import outbox
from core.blockers import Refused
from core.models import Event
from releases.models import Release
from tests.approvals.conftest import shown
from tests.factories import approvals, boards, releases
from tests.factories.accounts import person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]


@pytest.fixture
def board(shop):
    """A board of one product with its meetings planned."""
    made = boards.board(shop)
    plan_meetings()
    return made


@pytest.fixture
def ahead(board):
    return list(board.meetings.scheduled().order_by("starts_at"))


def on(meeting) -> list:
    return [item.request for item in meeting.items.standing()]


def in_it(meeting, hours=2):
    return meeting.starts_at + timedelta(hours=hours)


# By itself


def test_a_request_whose_window_falls_into_the_period_is_on_that_agenda_alone(board, ahead, shop):
    request = boards.asked(shop, in_it(ahead[1]))
    plan_meetings()
    assert [on(m) for m in ahead[:3]] == [[], [request], []]
    item = ahead[1].items.get()
    assert (item.added_by, item.minutes, item.position, item.state) == (None, board.minutes_per_item, 1, "open")


def test_the_period_takes_its_first_instant_and_leaves_its_last_to_the_next_meeting(board, ahead, shop):
    at_start, at_end = boards.asked(shop, ahead[0].covers_from), boards.asked(shop, ahead[0].covers_until)
    plan_meetings()
    assert (on(ahead[0]), on(ahead[1])) == ([at_start], [at_end])


def test_a_window_before_the_first_meeting_is_on_no_agenda(board, ahead, shop):
    boards.asked(shop, ahead[0].starts_at - timedelta(minutes=1))
    plan_meetings()
    assert not AgendaItem.objects.exists()


def test_another_product_and_what_is_decided_stay_off(board, ahead, shop):
    boards.asked(releases.product(), in_it(ahead[0]))
    boards.asked(shop, in_it(ahead[0]), state="approved")
    boards.asked(shop, in_it(ahead[0]), state="suspended")
    plan_meetings()
    assert not AgendaItem.objects.exists()


def test_a_board_of_all_products_takes_each(shop):
    everything = boards.board()
    plan_meetings()
    first = everything.meetings.scheduled().earliest("starts_at")
    requests = {boards.asked(p, in_it(first)).pk for p in (shop, releases.product())}
    plan_meetings()
    assert {r.pk for r in on(first)} == requests


def test_a_change_goes_by_the_window_of_its_release_and_one_without_a_release_by_none(board, ahead, shop):
    window = {"window_starts_at": in_it(ahead[0]), "window_ends_at": in_it(ahead[0], 4)}
    release = releases.release(shop, "planned", **window)
    with_window = approvals.request(releases.change(shop, release, state="authorising"), {"cab-member": 1})
    approvals.request(releases.change(shop, state="authorising"), {"cab-member": 1})
    plan_meetings()
    assert on(ahead[0]) == [with_window]


def test_the_highest_risk_comes_first_and_then_what_is_due_first(board, ahead, shop):
    now = timezone.now()
    late = boards.asked(shop, in_it(ahead[0]), due_at=now + timedelta(days=9))
    soon = boards.asked(shop, in_it(ahead[0]), due_at=now + timedelta(days=2))
    risky = boards.asked(shop, in_it(ahead[0]), band="high", due_at=now + timedelta(days=30))
    plan_meetings()
    assert on(ahead[0]) == [risky, soon, late]
    assert list(ahead[0].items.values_list("position", flat=True)) == [1, 2, 3]


def test_what_is_decided_before_the_meeting_is_taken_off_and_kept_with_the_reason(board, ahead, shop):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    voter = person("cora", roles=["cab-member"])
    cast_vote(request.pk, actor=voter, verdict="approve", digest=shown(request))
    fill_agendas(shop.pk)
    item = ahead[0].items.get()
    assert (item.state, item.why) == ("dropped", "Approved before the meeting.")
    assert Event.objects.filter(name="item.dropped", stream=f"agendaitem:{item.pk}").count() == 1


def test_what_is_asked_again_before_the_meeting_comes_back(board, ahead, shop):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    ApprovalRequest.objects.filter(pk=request.pk).update(state="approved")
    plan_meetings()
    ApprovalRequest.objects.filter(pk=request.pk).update(state="pending")
    plan_meetings()
    assert [(i.state, i.why) for i in ahead[0].items.all()] == [("open", "")]


def test_a_request_on_hold_keeps_its_place(board, ahead, shop):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    ApprovalRequest.objects.filter(pk=request.pk).update(state="suspended")
    plan_meetings()
    assert [i.state for i in ahead[0].items.all()] == ["open"]


def test_a_moved_window_moves_the_item_to_the_other_meeting(board, ahead, shop):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    to = in_it(ahead[1])
    Release.objects.filter(pk=request.release_id).update(window_starts_at=to, window_ends_at=to + timedelta(hours=1))
    plan_meetings()
    assert (on(ahead[0]), on(ahead[1])) == ([], [request])
    assert ahead[0].items.get().why == "Its window is no longer in the time that this meeting looks at."


def test_a_moved_meeting_takes_other_items(board, ahead, shop, chris):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    move_meeting(ahead[0].pk, actor=chris, starts_at=in_it(ahead[0], 5), reason="The room is taken.")
    assert on(ahead[0]) == []
    move_meeting(ahead[0].pk, actor=chris, starts_at=in_it(ahead[0], 1), reason="It is free again.")
    assert on(ahead[0]) == [request]


def test_filling_again_changes_and_records_nothing(board, ahead, shop):
    boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    before = Event.objects.count()
    plan_meetings()
    fill_agendas(shop.pk)
    assert Event.objects.count() == before


def test_an_event_of_the_request_brings_the_agenda_up_to_date(board, ahead, shop):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    withdraw(request.pk, actor=person("mia", roles=["release-manager"]), reason="Not needed.")
    while found := outbox.due():
        for pk in found:
            outbox.deliver(pk)
    assert [i.why for i in ahead[0].items.all()] == ["Withdrawn before the meeting."]


# By hand


def test_who_leads_adds_a_request_without_a_window_and_it_stays(board, ahead, shop, chris):
    request = approvals.request(releases.change(shop, state="authorising"), {"cab-member": 1})
    item = add_item(ahead[0].pk, request.pk, actor=chris, planned_min=25)
    plan_meetings()
    item.refresh_from_db()
    assert (item.state, item.added_by, item.minutes) == ("open", chris, 25)


def test_the_requester_adds_their_own_request_and_nobody_elses(board, ahead, shop):
    rena = person("rena", roles=["contributor"])
    own = boards.asked(shop, in_it(ahead[2]), requester=rena)
    other = boards.asked(shop, in_it(ahead[2]))
    assert add_item(ahead[0].pk, own.pk, actor=rena).added_by == rena
    with pytest.raises(PermissionDenied):
        add_item(ahead[0].pk, other.pk, actor=rena)


def test_nothing_out_of_sight_of_another_product_or_twice_is_added(board, ahead, shop, chris):
    request = boards.asked(shop, in_it(ahead[0]))
    foreign = boards.asked(releases.product(), in_it(ahead[0]))
    decided = boards.asked(shop, in_it(ahead[0]), state="rejected")
    plan_meetings()
    with pytest.raises(ApprovalRequest.DoesNotExist):
        add_item(ahead[0].pk, foreign.pk, actor=chris)
    for found, code in ((request, "on-agenda"), (decided, "not-pending")):
        with pytest.raises(Refused) as refusal:
            add_item(ahead[0].pk, found.pk, actor=chris)
        assert [b.code for b in refusal.value.blockers] == [code]
    stranger = person("dora", roles=["change-manager"], on=releases.product())
    with pytest.raises(ahead[0].DoesNotExist):
        add_item(ahead[0].pk, request.pk, actor=stranger)


def test_an_item_taken_off_by_hand_does_not_come_back_by_itself_but_by_hand(board, ahead, shop, chris):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    drop_item(ahead[0].items.get().pk, actor=chris, reason="Decided by mail.")
    plan_meetings()
    assert [(i.state, i.why) for i in ahead[0].items.all()] == [("dropped", "Decided by mail.")]
    add_item(ahead[0].pk, request.pk, actor=chris)
    assert [i.state for i in ahead[0].items.all()] == ["open"]


# From meeting to meeting


def held(meeting, chris):
    """Open the meeting early, as from a day ahead one may."""
    type(meeting).objects.filter(pk=meeting.pk).update(
        starts_at=timezone.now() + timedelta(minutes=5), covers_from=timezone.now() + timedelta(minutes=5)
    )
    return open_meeting(meeting.pk, actor=chris)


def test_a_deferred_item_is_carried_to_the_next_meeting_and_says_from_where(board, ahead, shop, chris):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    held(ahead[0], chris)
    item = next_item(ahead[0].pk, actor=chris)
    defer_item(item.pk, actor=chris, reason="The rollback was not rehearsed.")
    close_meeting(ahead[0].pk, actor=chris)
    carried = ahead[1].items.get()
    assert (carried.request, carried.carried_from, carried.state) == (request, item, "open")


def test_what_the_meeting_did_not_reach_is_carried_and_what_was_decided_is_not(board, ahead, shop, chris):
    first, second = boards.asked(shop, in_it(ahead[0]), band="high"), boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    held(ahead[0], chris)
    next_item(ahead[0].pk, actor=chris)
    cast_vote(first.pk, actor=person("cora", roles=["cab-member"]), verdict="approve", digest=shown(first))
    close_meeting(ahead[0].pk, actor=chris)
    assert [(i.state, i.outcome, i.why) for i in ahead[0].items.all()] == [
        ("decided", "approved", ""),
        ("deferred", "pending", "The meeting ended before it."),
    ]
    assert on(ahead[1]) == [second]


def test_a_deferred_request_that_is_decided_meanwhile_is_not_carried(board, ahead, shop, chris):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    held(ahead[0], chris)
    item = next_item(ahead[0].pk, actor=chris)
    defer_item(item.pk, actor=chris, reason="Wait for figures.")
    cast_vote(request.pk, actor=person("cora", roles=["cab-member"]), verdict="approve", digest=shown(request))
    close_meeting(ahead[0].pk, actor=chris)
    assert on(ahead[1]) == []


def test_a_deferred_item_waits_on_the_next_agenda_alone_and_goes_on_when_put_off_again(board, ahead, shop, chris):
    boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    for number in (0, 1):
        held(ahead[number], chris)
        item = next_item(ahead[number].pk, actor=chris)
        defer_item(item.pk, actor=chris, reason="Not yet.")
        close_meeting(ahead[number].pk, actor=chris)
        assert [len(on(m)) for m in ahead[number + 1 : number + 3]] == [1, 0]
    assert ahead[2].items.get().carried_from.carried_from.meeting == ahead[0]


def test_a_carried_item_that_is_taken_off_by_hand_does_not_come_back(board, ahead, shop, chris):
    boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    held(ahead[0], chris)
    defer_item(next_item(ahead[0].pk, actor=chris).pk, actor=chris, reason="Not yet.")
    close_meeting(ahead[0].pk, actor=chris)
    drop_item(ahead[1].items.get().pk, actor=chris, reason="By mail.")
    plan_meetings()
    assert on(ahead[1]) == []


def test_what_was_on_a_cancelled_meeting_goes_to_the_next(board, ahead, shop, chris):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    cancel_meeting(ahead[0].pk, actor=chris, reason="Public holiday.")
    assert on(ahead[1]) == [request]
    assert ahead[0].items.get().why == "The meeting was called off."


def test_a_deferral_needs_a_reason_and_a_request_that_is_open(board, ahead, shop, chris):
    request = boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    held(ahead[0], chris)
    item = next_item(ahead[0].pk, actor=chris)
    with pytest.raises(Refused) as refusal:
        defer_item(item.pk, actor=chris, reason=" ")
    assert [b.code for b in refusal.value.blockers] == ["reason"]
    cast_vote(request.pk, actor=person("cora", roles=["cab-member"]), verdict="approve", digest=shown(request))
    with pytest.raises(Refused) as refusal:
        defer_item(item.pk, actor=chris, reason="Later.")
    assert [b.code for b in refusal.value.blockers] == ["decided"]


def test_only_who_leads_touches_the_agenda_and_who_sees_nothing_finds_nothing(board, ahead, shop):
    boards.asked(shop, in_it(ahead[0]))
    plan_meetings()
    item = ahead[0].items.get()
    with pytest.raises(PermissionDenied):
        drop_item(item.pk, actor=person("cora", roles=["cab-member"]), reason="No.")
    with pytest.raises(Http404):
        drop_item(item.pk, actor=person("otto"), reason="No.")
    chair = person("carla")
    board.chair = chair
    board.save()
    with pytest.raises(Http404):  # the chair leads, but does not see this product
        drop_item(item.pk, actor=chair, reason="No.")
