"""Doors of working hours and absences: one's own, those of a team one leads, or of anybody for those who keep people."""

from collections.abc import Collection
from datetime import datetime, time, timedelta

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import free_days, policy
from accounts.actions.administration import MANAGE
from accounts.models import Absence, User, WorkingHours
from core import moments, texts
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from core.locking import locked
from core.wording import listed, span

LONGEST = timedelta(days=366)
FARTHEST = timedelta(days=2 * 366)
NOTE_LENGTH = Absence._meta.get_field("note").max_length


def kept_by(actor: User) -> QuerySet[User]:
    """The people whose hours and absences `actor` keeps: themselves, the members of teams they lead, or everybody's."""
    if not actor.is_active:
        return User.objects.none()
    people = User.objects.filter(is_service=False)
    if policy.may(actor, MANAGE):
        return people
    led = User.teams.through.objects.filter(team__lead=actor)
    return people.filter(Q(pk=actor.pk) | Q(pk__in=led.values("user")))


def may_keep_hours(actor: User, user: User) -> bool:
    return kept_by(actor).filter(pk=user.pk).exists()


def set_working_hours(
    user_id: int,
    *,
    actor: User,
    weekdays: Collection[int],
    starts: time,
    ends: time,
    country: str = "",
    subdivision: str = "",
) -> WorkingHours:
    """Say when a person works, in their own time zone: ISO weekday numbers, times to the minute, whose holidays are free.

    Where `ends` is before `starts`, a shift runs into the next day. Raises User.DoesNotExist, PermissionDenied, or Refused at the
    field. Records nothing when nothing differs.
    """
    fields = {
        "weekdays": sorted(set(weekdays)),
        "starts": starts,
        "ends": ends,
        "country": country,
        "subdivision": subdivision,
    }
    with locked(User.objects, user_id) as user:
        _require(actor, user)
        refuse_if(wrong_hours(**fields))
        row = WorkingHours.objects.filter(user=user).first() or WorkingHours(user=user)
        changed = {name: [getattr(row, name), now] for name, now in fields.items() if getattr(row, name) != now}
        if row.pk and not changed:
            return row
        for name, now in fields.items():
            setattr(row, name, now)
        row.save()
        record("person.hours_set", user, actor=actor, changed=changed)
    return row


def wrong_hours(weekdays: list[int], starts: time, ends: time, country: str, subdivision: str) -> list[Blocker]:
    found = []
    if not weekdays:
        found.append(Blocker("no-weekdays", "Choose at least one day of the week.", field="weekdays"))
    if not all(type(day) is int and 1 <= day <= 7 for day in weekdays):
        found.append(Blocker("weekdays-unknown", "Days are numbered 1 (Monday) to 7 (Sunday).", field="weekdays"))
    if starts == ends:
        found.append(Blocker("hours-empty", "Choose an end other than the start.", field="ends"))
    if any(at.second or at.microsecond or at.tzinfo for at in (starts, ends)):
        found.append(Blocker("hours-odd", "Give hours and minutes, without a zone.", field="starts"))
    if country and not free_days.known(country):
        found.append(Blocker("country-unknown", f"No holidays are known for the country {country}.", field="country"))
    elif subdivision and not free_days.known(country, subdivision):
        where = f"{free_days.countries()[country]} has no part {subdivision}" if country else "Choose the country first"
        found.append(Blocker("subdivision-unknown", f"{where}.", field="subdivision"))
    return found


def add_absence(user_id: int, *, actor: User, starts_at: datetime, ends_at: datetime, note: str = "") -> Absence:
    """Say that a person is away from one instant to another, at most a year; one that has begun already counts from its start.

    Raises User.DoesNotExist, PermissionDenied, or Refused at the field: an end that is not after the start or has passed, more
    than a year, a start more than two years ahead, another absence at that time.
    """
    with locked(User.objects, user_id) as user:
        _require(actor, user)
        moments.fit(starts_at=starts_at, ends_at=ends_at)
        refuse_if(_wrong_absence(user, starts_at, ends_at))
        note = texts.fit(note, "note")
        if len(note) > NOTE_LENGTH:
            refuse("too-long", f"Keep the note to {NOTE_LENGTH} characters.", field="note")
        absence = Absence.objects.create(user=user, starts_at=starts_at, ends_at=ends_at, note=note, added_by=actor)
        record("absence.added", user, actor=actor, absence=absence.pk, starts_at=starts_at, ends_at=ends_at)
    return absence


def _wrong_absence(user: User, starts_at: datetime, ends_at: datetime) -> list[Blocker]:
    if ends_at <= starts_at:
        return [Blocker("absence-order", "Choose an end after the start.", field="ends_at")]
    if ends_at <= timezone.now():
        return [
            Blocker("absence-over", "This time has passed. Only what is still ahead can be planned.", field="ends_at")
        ]
    if starts_at > timezone.now() + FARTHEST:
        return [Blocker("absence-far", "Absences are planned two years ahead at most.", field="starts_at")]
    if ends_at - starts_at > LONGEST:
        return [Blocker("absence-too-long", "An absence lasts a year at most. Choose an earlier end.", field="ends_at")]
    other = user.absences.standing().touching(starts_at, ends_at).first()
    if other is None:
        return []
    text = f"{user.name} is away already, {span(other.starts_at, other.ends_at)}. Cancel that absence first."
    return [Blocker("absence-overlaps", text, field="starts_at")]


def cancel_absence(absence_id: int, *, actor: User) -> Absence:
    """Cancel an absence that is still to come; end one that is running now, for the time they were away stays true.

    Harmless to repeat. Raises Absence.DoesNotExist, PermissionDenied, or Refused when it is over.
    """
    user_id = Absence.objects.values_list("user_id", flat=True).get(pk=absence_id)
    with locked(User.objects, user_id) as user:
        _require(actor, user)
        absence, now = Absence.objects.get(pk=absence_id), timezone.now()
        if absence.cancelled_at:
            return absence
        if absence.ends_at <= now:
            refuse("absence-over", f"{user.name} is back already. What was, stays in the record.")
        running = absence.starts_at < now
        if running:
            absence.ends_at = now
        else:
            absence.cancelled_at, absence.cancelled_by = now, actor
        absence.save()
        record("absence.cancelled", user, actor=actor, absence=absence.pk, ended_early=running)
    return absence


def _require(actor: User, user: User) -> None:
    """Raise PermissionDenied unless `actor` keeps the person's hours, Refused for a service account, which has none."""
    policy.rights_of(actor, fresh=True)
    if user.is_service and policy.may(actor, MANAGE):
        refuse("service-account", f"{user.name} is a service account: it keeps no hours.")
    require_keeper(actor, user)


def require_keeper(actor: User, user: User) -> None:
    """Raise PermissionDenied, with the reason, unless `actor` keeps the person's hours and absences."""
    if not may_keep_hours(actor, user):
        who = listed(["the person", "the lead of a team of theirs", *policy.roles_with(MANAGE)], "or")
        raise PermissionDenied(f"Only {who} may do this.")
