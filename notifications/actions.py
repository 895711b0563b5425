"""Doors of notifications: tell, mail, mark read, remind."""

from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import hours
from accounts.actions import system_user
from accounts.models import User
from approvals.guards import signoffs_missing
from core import outbox
from core.events import record, stream_of
from core.locking import locked
from core.models import Event
from notifications.kinds import KINDS, Kind
from notifications.models import Notification, Subscription
from releases.models import Release
from releases.states import ReleaseState

MAIL = "notifications.mail"
LATER = "notifications.tell_later"
REMIND_TESTS_AFTER = timedelta(hours=24)
WARN_WINDOW_BEFORE = timedelta(hours=24)


@transaction.atomic
def tell(event: Event) -> list[Notification]:
    """Write a notification for each person whom the event concerns, once per person and kind, and queue the mails.

    The person who did it is not told, unless the outcome is news to them too. Who may not see the thing is not told.
    """
    made = [n for kind in KINDS.values() if event.name in kind.events for n in _tell_kind(kind, event)]
    outbox.fan_out(event, MAIL, [f"user:{n.recipient_id}" for n in made if n.wants_mail])
    return made


def _tell_kind(kind: Kind, event: Event) -> list[Notification]:
    about = kind.read(event)
    if about is None:
        return []
    people = _concerned(kind, about, event)
    if event.name in kind.in_hours:
        people = _at_work(kind, about, event, people)
    return _write(kind, about, event, people)


def _concerned(kind: Kind, about, event: Event) -> set[User]:
    people = {u for u in kind.who(about, event) if kind.even_to_actor or u.pk != event.actor_id}
    return {u for u in people if kind.sees(u, about)}


def _at_work(kind: Kind, about, event: Event, people: set[User]) -> set[User]:
    """Those who are told now; for the others the delivery is kept until they are at work.

    Whom it would reach too late is left out, unless it would reach nobody in time: then everybody is told at once.
    """
    now, end = timezone.now(), kind.until(about, event)
    calendars = hours.calendars(u.pk for u in people)
    at = {u.pk: calendars[u.pk].next_working(now) for u in people}
    in_time = {pk: start for pk, start in at.items() if start and (end is None or start < end)}
    if not in_time:
        return people
    outbox.fan_out(event, LATER, {f"user:{pk}": start for pk, start in in_time.items() if start > now})
    return {u for u in people if u.pk in in_time and in_time[u.pk] <= now}


@transaction.atomic
def tell_later(event: Event, user_id: int) -> list[Notification]:
    """Tell one person, now at work, what still concerns them of an event; nothing where it no longer does."""
    made = []
    for kind in KINDS.values():
        about = kind.read(event) if event.name in kind.in_hours else None
        if about is not None:
            made += _write(kind, about, event, {u for u in _concerned(kind, about, event) if u.pk == user_id})
    outbox.fan_out(event, MAIL, [f"user:{n.recipient_id}" for n in made if n.wants_mail])
    return made


def _write(kind: Kind, about, event: Event, people: set[User]) -> list[Notification]:
    """One row for each person who wishes to know; who was told before is not told again."""
    if not people:
        return []
    wishes = {s.user_id: s for s in Subscription.objects.filter(kind=kind.slug, user__in=people)}
    words = {"title": kind.title(about, event)[:200], "body": kind.body(about, event), "url": kind.url(about, event)}
    told = []
    for user in sorted(people, key=lambda u: u.pk):
        wish = wishes.get(user.pk)
        if wish and not (wish.bell or wish.mail):
            continue
        read_at = timezone.now() if wish and not wish.bell else None
        made = Notification(recipient=user, event=event, kind=kind.slug, read_at=read_at, **words)
        made.wants_mail = bool(user.email) and (wish is None or wish.mail)
        told.append(made)
    # who was told before keeps their row: the conflict is named so that its key comes back
    once = ("recipient", "event", "kind")
    Notification.objects.bulk_create(told, update_conflicts=True, unique_fields=once, update_fields=["kind"])
    return told


def mail(event: Event, user_id: int) -> int:
    """Send a person what the event told them, and mark it as mailed. Returns how many were sent.

    A worker that dies between sending and marking sends again; the Message-ID is the same then, so mail programs show one.
    Raises OSError or SMTPException when the server does not take it: the outbox tries again.
    """
    sent = 0
    for notification in Notification.objects.filter(
        event=event, recipient=user_id, mailed_at__isnull=True
    ).select_related("recipient", "event"):
        if not notification.recipient.is_active or not notification.recipient.email:
            continue
        _message(notification).send()
        Notification.objects.filter(pk=notification.pk).update(mailed_at=timezone.now())
        sent += 1
    return sent


def _message(notification: Notification) -> EmailMessage:
    link = settings.BASE_URL + notification.url
    text = "\n\n".join(
        part for part in [notification.title, notification.body, link, _FOOT.format(settings.BASE_URL)] if part
    )
    message = EmailMessage(
        subject=" ".join(notification.title.split()), body=text, to=[notification.recipient.email],
        headers={"Message-ID": f"<notification-{notification.pk}@slipway>", "Auto-Submitted": "auto-generated"},
    )  # fmt: skip
    _attach(message, notification)
    return message


def _attach(message: EmailMessage, notification: Notification) -> None:
    """The file that the kind brings along, as it is now: an invitation that is sent late is not out of date."""
    kind = KINDS.get(notification.kind)
    about = kind.read(notification.event) if kind and kind.attach else None
    if about is not None:
        message.attach(*kind.attach(about, notification.recipient))


_FOOT = "The link opens the page; nothing is decided by following it. What you are mailed: {}/settings/notifications/"


def mark_read(ids: list[int] | None, *, actor: User) -> int:
    """Mark the actor's own notifications as read: those with these ids, or all for None. Returns how many."""
    mine = Notification.objects.filter(recipient=actor, read_at__isnull=True)
    return (mine if ids is None else mine.filter(pk__in=ids)).update(read_at=timezone.now())


def set_subscription(kind: str, *, actor: User, bell: bool, mail: bool) -> Subscription:
    """Choose for oneself how one kind arrives. Raises KeyError for an unknown kind."""
    KINDS[kind]
    return Subscription.objects.update_or_create(user=actor, kind=kind, defaults={"bell": bell, "mail": mail})[0]


def warn_of_window(release_id: int) -> bool:
    """Record once per window that it opens soon."""
    with locked(Release.objects, release_id) as release:
        start = release.window_starts_at.isoformat()
        known = Event.objects.filter(
            stream=f"release:{release_id}", name="release.window_opening", payload__window=start
        )
        if known.exists():
            return False
        record("release.window_opening", release, actor=system_user(), window=start)
    return True


def remind_of_signoffs(release_id: int) -> bool:
    """Record once per candidate that its test sign-offs are still missing. False when they are not, or it was recorded."""
    with locked(Release.objects.select_related("product", "candidate"), release_id) as release:
        missing = signoffs_missing(release)
        if release.state != ReleaseState.TESTING or not missing:
            return False
        candidate = release.candidate_id
        known = Event.objects.filter(
            stream=stream_of(release), name="release.signoffs_reminded", payload__candidate=candidate
        )
        if known.exists():
            return False
        reason = " ".join(blocker.message for blocker in missing)
        record("release.signoffs_reminded", release, actor=system_user(), candidate=candidate, reason=reason)
    return True


def _tests_that_wait(now) -> list[int]:
    """Ids of releases that have been in testing for a day, or whose window opens within one."""
    testing = Release.objects.filter(state=ReleaseState.TESTING, candidate__isnull=False)
    late = Q(state_since__lte=now - REMIND_TESTS_AFTER) | Q(window_starts_at__lte=now + WARN_WINDOW_BEFORE)
    return list(testing.filter(late).values_list("pk", flat=True))


def remind_due() -> int:
    """Record every reminder of tests and warning of windows that is due now. Returns how many were new."""
    now = timezone.now()
    coming = [
        ReleaseState.PLANNED,
        ReleaseState.BUILDING,
        ReleaseState.TESTING,
        ReleaseState.APPROVING,
        ReleaseState.READY,
    ]
    windows = Release.objects.filter(
        state__in=coming, window_starts_at__gt=now, window_starts_at__lte=now + WARN_WINDOW_BEFORE
    )
    return sum(
        [
            *(remind_of_signoffs(pk) for pk in _tests_that_wait(now)),
            *(warn_of_window(pk) for pk in windows.values_list("pk", flat=True)),
        ]
    )
