"""Two beats, two chairs, two clicks: real threads, real locks."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from approvals.actions.board import fill_agendas, plan_meetings
from approvals.actions.meeting import next_item, open_meeting
from approvals.models import AgendaItem, Meeting
from core.events import verify
from core.models import Event
from tests.approvals.test_concurrency import at_once
from tests.factories import boards, releases
from tests.factories.accounts import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_broker")]


def test_eight_beats_at_once_make_each_meeting_and_each_item_once():
    with transaction.atomic():
        shop = releases.product()
        board = boards.board(shop)
        soon = board.times.next(timezone.now(), 1)[0]
        for n in range(3):
            boards.asked(shop, soon + timedelta(hours=n))
    at_once(*[plan_meetings] * 4, *[lambda: fill_agendas(shop.pk)] * 4)
    plan_meetings()
    starts = list(Meeting.objects.values_list("planned_for", flat=True))
    assert len(starts) == len(set(starts)) == 5
    assert AgendaItem.objects.count() == 3
    names = list(Event.objects.values_list("name", flat=True))
    assert names.count("meeting.scheduled") == 5
    assert names.count("meeting.announced") == Meeting.objects.filter(announced_at__isnull=False).count()
    assert list(verify()) == []


def test_two_chairs_who_open_at_once_open_once_and_ten_clicks_take_each_item_once():
    with transaction.atomic():
        chris, dora = person(roles=["change-manager"]), person(roles=["change-manager"])
        shop = releases.product()
        meeting = boards.meeting(boards.board(shop), starts_at=timezone.now() + timedelta(minutes=5))
        for n in range(4):
            boards.asked(shop, meeting.starts_at + timedelta(hours=n))
    answers = at_once(*[lambda who=who: open_meeting(meeting.pk, actor=who).pk for who in (chris, dora)])
    assert sorted(map(str, answers)) == sorted([str(meeting.pk), "['state']"])
    taken = at_once(*[lambda: next_item(meeting.pk, actor=chris)] * 6)
    assert sorted(item.position for item in taken if item) == [1, 2, 3, 4]
    assert taken.count(None) == 2
    assert list(verify()) == []
