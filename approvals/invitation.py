"""Meetings as iCalendar (RFC 5545): an invitation to each (RFC 5546, REQUEST and CANCEL), and a feed of a board's meetings.

Instants are written in UTC, so that no program has to know the rules of a zone; each meeting is an event of its own, so that a
moved one needs no exception. The UID stays for good; SEQUENCE rises with each move, and with the cancellation.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr

from django.conf import settings
from django.utils import timezone
from icalendar import Calendar, Event, vCalAddress, vText

from accounts.models import User
from approvals import agenda, sheet
from approvals.board_states import ItemState, MeetingState
from approvals.models import AgendaItem, ApprovalRequest, Board, Meeting
from core import wording

BACK, AHEAD = timedelta(days=90), timedelta(days=400)
REFRESH = timedelta(hours=1)


def uid(meeting: Meeting) -> str:
    return f"meeting-{meeting.pk}@slipway"


def method_of(meeting: Meeting) -> str:
    return "CANCEL" if meeting.state == MeetingState.CANCELLED else "REQUEST"


def invitation(meeting: Meeting, reader: User) -> bytes:
    """The invitation to one meeting, with the agenda as the reader may see it; the cancellation once it is called off."""
    calendar = _calendar(method_of(meeting))
    items = list(_items([meeting], reader))
    calendar.add_component(_event(meeting, items, agenda.people_of(meeting.board), timezone.now()))
    return calendar.to_ical()


def feed(board: Board, reader: User) -> bytes:
    """The board's meetings from 90 days back to 400 ahead, those called off included. Six queries, whatever their number."""
    now = timezone.now()
    meetings = list(
        board.meetings.filter(starts_at__gte=now - BACK, starts_at__lt=now + AHEAD).order_by("starts_at", "pk")
    )
    for meeting in meetings:
        meeting.board = board
    calendar = _calendar("PUBLISH")
    calendar.add("x-wr-calname", board.name)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for event in events(meetings, reader, agenda.people_of(board)):
        calendar.add_component(event)
    return calendar.to_ical()


def events(meetings: Iterable[Meeting], reader: User, people: Iterable[User] = ()) -> list[Event]:
    """Meetings, given with their boards, as events: each with its agenda as the reader may see it, and with the people invited."""
    meetings, now = list(meetings), timezone.now()
    by_meeting: dict[int, list[AgendaItem]] = defaultdict(list)
    for item in _items(meetings, reader):
        by_meeting[item.meeting_id].append(item)
    return [_event(meeting, by_meeting[meeting.pk], people, now) for meeting in meetings]


def _calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//Slipway//Change advisory board//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    return calendar


def _items(meetings: list[Meeting], reader: User):
    seen = ApprovalRequest.objects.visible_to(reader).values("pk")
    return AgendaItem.objects.filter(meeting__in=meetings, request__in=seen).standing().with_subjects().order_by(
        "meeting_id", "position", "pk"
    )  # fmt: skip


def _event(meeting: Meeting, items: list[AgendaItem], people: Iterable[User], now: datetime) -> Event:
    event = Event()
    event.add("uid", uid(meeting))
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", now)
    event.add("dtstart", meeting.starts_at.astimezone(UTC))
    event.add("dtend", meeting.ends_at.astimezone(UTC))
    event.add("summary", meeting.board.name)
    event.add("status", "CANCELLED" if meeting.state == MeetingState.CANCELLED else "CONFIRMED")
    event.add("url", settings.BASE_URL + meeting.get_absolute_url())
    event.add("description", description(meeting, items))
    if meeting.place or meeting.link:
        event.add("location", meeting.place or meeting.link)
    event["organizer"] = _address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1], meeting.board.name)
    for person in people:
        if person.email:
            event.add("attendee", _attendee(person, meeting), encode=False)
    return event


def _address(email: str, name: str) -> vCalAddress:
    address = vCalAddress(f"mailto:{email}")
    address.params["CN"] = vText(name)
    return address


def _attendee(person: User, meeting: Meeting) -> vCalAddress:
    address = _address(person.email, person.name)
    address.params["ROLE"] = vText("CHAIR" if person.pk == meeting.board.chair_id else "REQ-PARTICIPANT")
    address.params["PARTSTAT"] = vText("NEEDS-ACTION")
    address.params["RSVP"] = vText("FALSE")
    return address


def description(meeting: Meeting, items: list[AgendaItem]) -> str:
    """What a calendar program shows: the agenda, one line for each item, and where to look."""
    lines = [meeting.reason] if meeting.reason else []
    standing = [i for i in items if i.state != ItemState.DROPPED]
    lines.append(
        f"{wording.plural(len(standing), 'item')} on the agenda:" if standing else "The agenda is empty so far."
    )
    lines += [f"{n}. {_line(item)}" for n, item in enumerate(standing, start=1)]
    if meeting.link:
        lines.append(f"Join: {meeting.link}")
    lines.append(f"Agenda: {settings.BASE_URL}{meeting.get_absolute_url()}")
    return "\n".join(lines)


def _line(item: AgendaItem) -> str:
    subject = item.request.subject
    return f"{subject} ({sheet.band_of(subject)} risk, {item.minutes} min)"
