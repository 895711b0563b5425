"""The calendar as an iCalendar feed (RFC 5545): windows, planned deployments, freezes and meetings in one person's sight."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone
from icalendar import Calendar, Event

from approvals import invitation
from approvals.models import Meeting
from deployments.models import Deployment
from deployments.states import WAITING
from portal.links import address
from portal.month import windows
from portal.strip import freezes_seen
from releases import occurrences
from releases.models import Release
from releases.occurrences import Occurrence
from releases.states import IN_MOTION, ReleaseState

BACK, AHEAD = timedelta(days=90), timedelta(days=400)
REFRESH = timedelta(hours=1)


def calendar_of(user) -> bytes:
    """The feed of one person, from 90 days back to 400 ahead. UIDs stay the same when a window moves."""
    now = timezone.now()
    start, end = now - BACK, now + AHEAD
    feed = Calendar()
    feed.add("prodid", "-//Slipway//Release calendar//EN")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", f"Slipway {settings.ORGANISATION}")
    feed.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for release in windows(user, start, end):
        feed.add_component(_window(release, now))
    for deployment in _planned(user, start, end):
        feed.add_component(_deployment(deployment, now))
    for found in occurrences.of(freezes_seen(user).that_may_touch(start, end), start, end):
        feed.add_component(_freeze(found, now))
    for event in invitation.events(_meetings(user, start, end), user):
        event.add("categories", ["Meeting"])
        feed.add_component(event)
    return feed.to_ical()


def uid(kind: str, pk: int | str) -> str:
    return f"{kind}-{pk}@slipway"


def _planned(user, start: datetime, end: datetime):
    return (
        Deployment.objects.visible_to(user).filter(scheduled_for__gte=start, scheduled_for__lt=end, state__in=WAITING)
        .select_related("release__product", "environment", "candidate").order_by("scheduled_for", "pk")
    )  # fmt: skip


def _meetings(user, start: datetime, end: datetime):
    """Those called off included, so that a calendar strikes them out."""
    seen = Meeting.objects.visible_to(user).filter(starts_at__gte=start, starts_at__lt=end)
    return seen.select_related("board").order_by("starts_at", "pk")


def _event(kind: str, pk: int, stamp: datetime, start: datetime, end: datetime, summary: str, url: str) -> Event:
    event = Event()
    event.add("uid", uid(kind, pk))
    event.add("dtstamp", stamp)
    event.add("dtstart", start.astimezone(UTC))
    event.add("dtend", end.astimezone(UTC))
    event.add("summary", summary)
    if url:
        event.add("url", settings.BASE_URL + url)
    return event


def _window(release: Release, now: datetime) -> Event:
    event = _event(
        "window",
        release.pk,
        now,
        release.window_starts_at,
        release.window_ends_at,
        str(release),
        release.get_absolute_url(),
    )
    event.add("description", f"{release.get_state_display()}. {release.title}".strip())
    firm = release.state not in IN_MOTION or release.state in (ReleaseState.READY, ReleaseState.DEPLOYING)
    event.add("status", "CONFIRMED" if firm else "TENTATIVE")
    event.add("categories", ["Release"])
    return event


def _deployment(deployment: Deployment, now: datetime) -> Event:
    start = deployment.scheduled_for
    summary = f"Deploy {deployment.release} to {deployment.environment.name}"
    url = address("deployments:deployment", deployment.pk)
    event = _event("deployment", deployment.pk, now, start, start + timedelta(hours=1), summary, url)
    event.add("categories", ["Deployment"])
    return event


def _freeze(found: Occurrence, now: datetime) -> Event:
    """One occurrence. Each is an event of its own: an RRULE keeps the length of the first one (RFC 5545, section 3.8.5.3), so on
    a day on which the clocks change a calendar would end it an hour off its wall time.
    """
    freeze, url = found.freeze, address("portal:calendar")
    event = _event("freeze", freeze.pk, now, found.starts_at, found.ends_at, freeze.name, url)
    if freeze.rule:
        event["uid"] = uid("freeze", f"{freeze.pk}-{found.starts_at.astimezone(UTC):%Y%m%dT%H%M}")
    event.add("description", freeze.reason)
    event.add("transp", "TRANSPARENT")
    event.add("categories", ["Freeze"])
    return event
