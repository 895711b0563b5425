"""Invitations and feeds, read back as a calendar program would; and who is told what of a meeting."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from accounts.actions import renew_feed_token
from approvals.actions.board import plan_meetings
from approvals.actions.meeting import cancel_meeting, close_meeting, defer_item, move_meeting, next_item, open_meeting
from approvals.invitation import feed, invitation
from core import outbox
from notifications.models import Notification
from tests.factories import boards, releases
from tests.factories.accounts import person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]


@pytest.fixture
def meeting(shop, chris, cora):
    board = boards.board(
        shop, name="CAB", slug="cab", member_roles=["role:cab-member"], chair=chris, link="https://meet.example/cab"
    )
    made = boards.meeting(board, starts_at=timezone.now().replace(microsecond=0) + timedelta(hours=2), place="Room 4")
    boards.asked(
        shop, made.starts_at + timedelta(hours=3), band="high", requester=person("rena", roles=["contributor"])
    )
    plan_meetings()
    made.refresh_from_db()
    return made


def events(content: bytes) -> tuple[Calendar, list]:
    calendar = Calendar.from_ical(content)
    return calendar, list(calendar.walk("VEVENT"))


def deliver_all() -> None:
    while found := outbox.due():
        for pk in found:
            outbox.deliver(pk)


# iCalendar


def test_an_invitation_is_read_back_with_its_time_people_and_agenda(meeting, chris, cora):
    calendar, (event,) = events(invitation(meeting, cora))
    assert (calendar["METHOD"], calendar["VERSION"]) == ("REQUEST", "2.0")
    assert event.decoded("dtstart") == meeting.starts_at
    assert event["DTSTART"].to_ical().endswith(b"Z")
    assert event.decoded("dtend") == meeting.ends_at
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (f"meeting-{meeting.pk}@slipway", 0, "CONFIRMED")
    assert (event["SUMMARY"], event["LOCATION"]) == ("CAB", "Room 4")
    assert event["ORGANIZER"].startswith("mailto:")
    invited = {str(a): a.params["ROLE"] for a in event["ATTENDEE"]}
    assert invited == {"mailto:chris@example.com": "CHAIR", "mailto:cora@example.com": "REQ-PARTICIPANT"}
    subject = meeting.items.get().request.subject
    assert f"1. {subject} (high risk, 10 min)" in event["DESCRIPTION"]
    assert event["URL"].endswith(meeting.get_absolute_url())
    assert event["DTSTAMP"]


def test_a_move_keeps_the_uid_and_raises_the_sequence_and_a_cancellation_says_so(meeting, chris):
    before = events(invitation(meeting, chris))[1][0]
    to = meeting.starts_at + timedelta(hours=1)
    moved = move_meeting(meeting.pk, actor=chris, starts_at=to, reason="The room is taken.")
    after = events(invitation(moved, chris))[1][0]
    assert (after["UID"], after["SEQUENCE"], after.decoded("dtstart")) == (before["UID"], 1, to)
    assert "The room is taken." in after["DESCRIPTION"]
    called_off = cancel_meeting(meeting.pk, actor=chris, reason="Holiday.")
    calendar, (event,) = events(invitation(called_off, chris))
    assert (calendar["METHOD"], event["STATUS"], event["SEQUENCE"], event["UID"]) == (
        "CANCEL", "CANCELLED", 2, before["UID"]
    )  # fmt: skip


def test_names_and_titles_with_signs_of_the_format_come_back_whole(meeting, chris, shop):
    odd = 'Board; of "signs", \\ and\nlines: BEGIN:VEVENT'
    meeting.board.name = odd
    meeting.board.save()
    person("quo", roles=["cab-member"], first_name='Q"uo;', last_name="T, Ng")
    _, found = events(invitation(meeting, chris))
    assert len(found) == 1
    assert str(found[0]["SUMMARY"]) == odd
    assert len(found[0]["ATTENDEE"]) == 3


def test_the_agenda_of_products_out_of_sight_stays_out_of_the_file(meeting):
    member = person("mark")
    meeting.board.members.add(member)
    _, (event,) = events(invitation(meeting, member))
    assert "Shop" not in event["DESCRIPTION"]
    assert "The agenda is empty so far." in event["DESCRIPTION"]


def test_the_file_is_fetched_by_who_sees_the_board(client, meeting, cora):
    path = reverse("approvals:meeting_invitation", args=[meeting.pk])
    client.force_login(cora)
    answer = client.get(path)
    assert answer.headers["Content-Type"] == "text/calendar; method=REQUEST; charset=utf-8"
    assert events(answer.content)[1]
    client.force_login(person("otto"))
    assert client.get(path).status_code == 404


def test_the_feed_holds_every_meeting_with_the_uids_of_its_invitations(client, meeting, chris, cora):
    second = meeting.board.meetings.scheduled().order_by("starts_at")[1]
    cancel_meeting(second.pk, actor=chris, reason="Holiday.")
    renew_feed_token(actor=cora)
    cora.refresh_from_db()
    answer = client.get(reverse("approvals:board_feed", args=["cab", cora.feed_token]))
    calendar, found = events(answer.content)
    assert calendar["METHOD"] == "PUBLISH"
    assert len(found) == meeting.board.meetings.count()
    states = {e["UID"]: e["STATUS"] for e in found}
    assert states[f"meeting-{second.pk}@slipway"] == "CANCELLED"
    assert states[f"meeting-{meeting.pk}@slipway"] == "CONFIRMED"
    assert client.get(reverse("approvals:board_feed", args=["cab", "guessed"])).status_code == 404
    stranger = person("bea", roles=["stakeholder"], on=releases.product())
    renew_feed_token(actor=stranger)
    stranger.refresh_from_db()
    assert client.get(reverse("approvals:board_feed", args=["cab", stranger.feed_token])).status_code == 404


def test_the_feed_costs_as_much_for_many_meetings_as_for_few(shop, cora):
    counts = []
    for number in (2, 12):
        board = boards.board(shop)
        for n in range(number):
            made = boards.meeting(board, starts_at=timezone.now() + timedelta(days=n + 1))
            boards.item(made, boards.asked(shop, made.starts_at))
        feed(board, cora)  # rights are remembered on the reader
        with CaptureQueriesContext(connection) as asked:
            content = feed(board, cora)
        assert content.count(b"BEGIN:VEVENT") == number
        counts.append(len(asked))
    assert counts[0] == counts[1], counts


# Who is told


def told(kind: str) -> list[str]:
    rows = Notification.objects.filter(kind=kind).order_by("recipient__username")
    return list(rows.values_list("recipient__username", flat=True))


def test_everybody_on_the_board_is_invited_by_mail_with_the_file(meeting, chris, cora):
    deliver_all()
    assert told("meeting") == ["chris", "chris", "cora", "cora"]  # this meeting, and that of the rule in this week
    attached = [m.attachments[0] for m in mail.outbox if m.to == ["cora@example.com"]]
    assert {a.filename for a in attached} == {"invitation.ics"}
    assert {a.mimetype for a in attached} == {"text/calendar; method=REQUEST; charset=utf-8"}
    starts = {
        events(a.content if isinstance(a.content, bytes) else a.content.encode())[1][0].decoded("dtstart")
        for a in attached
    }
    assert meeting.starts_at in starts


def test_a_move_and_a_cancellation_reach_the_calendars_of_all(meeting, chris, cora):
    deliver_all()
    mail.outbox.clear()
    move_meeting(meeting.pk, actor=chris, starts_at=meeting.starts_at + timedelta(hours=1), reason="Room taken.")
    deliver_all()
    assert sorted(m.to[0] for m in mail.outbox) == ["chris@example.com", "cora@example.com"]
    assert {m.subject.split(":")[0] for m in mail.outbox} == {"CAB was moved"}
    mail.outbox.clear()
    cancel_meeting(meeting.pk, actor=chris, reason="Holiday.")
    deliver_all()
    off = [m for m in mail.outbox if m.subject.startswith("CAB is called off")]
    assert sorted(m.to[0] for m in off) == ["chris@example.com", "cora@example.com"]
    assert {m.attachments[0].mimetype for m in off} == {"text/calendar; method=CANCEL; charset=utf-8"}
    assert all("Holiday." in m.body for m in off)


def test_a_meeting_that_was_not_announced_is_called_off_without_a_word(meeting, chris):
    far = meeting.board.meetings.scheduled().latest("starts_at")
    assert far.announced_at is None
    deliver_all()
    Notification.objects.all().delete()
    cancel_meeting(far.pk, actor=chris, reason="Holiday.")
    deliver_all()
    assert told("meeting") == []


def test_the_minutes_go_to_members_and_requesters_and_a_deferral_to_its_owner(meeting, chris, cora):
    deliver_all()
    open_meeting(meeting.pk, actor=chris)
    defer_item(next_item(meeting.pk, actor=chris).pk, actor=chris, reason="No figures.")
    close_meeting(meeting.pk, actor=chris)
    deliver_all()
    assert told("meeting-open") == ["cora", "rena"]
    assert told("minutes") == ["chris", "cora", "rena"]
    assert told("item-deferred") == ["rena"]
    body = Notification.objects.filter(kind="minutes").first().body
    assert body == "0 items decided, 1 deferred. The minutes are on the page."
    assert Notification.objects.get(kind="item-deferred").body == "No figures."


def test_a_member_without_a_role_is_invited_too(meeting):
    member = person("mark")
    meeting.board.members.add(member)
    deliver_all()
    assert "mark" in told("meeting")
