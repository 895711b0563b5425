"""Whether somebody is at work now, and their week in words: what pages say about hours."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch
from django.utils import timezone

from accounts import free_days
from accounts.hours import SEARCH, Calendar, calendar_of
from accounts.models import Absence, User, WorkingHours
from core.wording import DAYS, listed

AWAY, WORKING, OFF = "away", "working", "off"
AHEAD_SHOWN = 3


@dataclass(frozen=True)
class Presence:
    """`state` is away (an absence), working, or off (their evening, weekend or holiday). None as `until` is not in sight."""

    state: str
    until: datetime | None


def presence(calendar: Calendar, now: datetime) -> Presence:
    """Away until the end of the absence, working until the end of the shift, off until the next one."""
    for start, end in calendar.absences:
        if start <= now < end:
            return Presence(AWAY, end)
    span = next(calendar.spans(now, now + SEARCH), None)
    if span is None:
        return Presence(OFF, None)
    return Presence(WORKING, span[1]) if span[0] <= now else Presence(OFF, span[0])


def away_now() -> Prefetch:
    """For lists of people: puts the absences of this instant into `away_now` of each."""
    return Prefetch("absences", Absence.objects.standing().running(), to_attr="away_now")


def hours_of(person: User) -> dict:
    """What a page about one person shows of their hours, all empty for a service account; two queries."""
    if person.is_service:
        return {"presence": None, "week": "", "holidays_of": "", "now_there": "", "away": []}
    now, away = timezone.now(), list(person.absences.standing().ahead())
    hours = WorkingHours.objects.filter(user=person).first()
    calendar = calendar_of(person.pk, person.timezone, hours, away)
    return {
        "presence": presence(calendar, now),
        "week": week_in_words(calendar),
        "holidays_of": holidays_in_words(calendar),
        "now_there": f"{now.astimezone(calendar.zone):%a %H:%M}",
        "away": away[:AHEAD_SHOWN],
    }


def week_in_words(calendar: Calendar) -> str:
    """`Mon to Fri, 09:00 to 17:00`, `Mon, Tue and Thu, 22:00 to 06:00 (next day)`."""
    night = " (next day)" if calendar.ends < calendar.starts else ""
    return f"{days_in_words(calendar.weekdays)}, {calendar.starts:%H:%M} to {calendar.ends:%H:%M}{night}"


def days_in_words(weekdays: frozenset[int]) -> str:
    """Three days or more in a row as a run: `Mon to Wed and Fri`."""
    runs: list[list[int]] = []
    for day in sorted(weekdays):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    words = []
    for run in runs:
        names = [DAYS[day - 1] for day in run]
        words += [f"{names[0]} to {names[-1]}"] if len(run) > 2 else names
    return listed(words)


def holidays_in_words(calendar: Calendar) -> str:
    """`Germany, Bayern`; `` without holidays."""
    if not calendar.country:
        return ""
    country = free_days.countries().get(calendar.country, calendar.country)
    part = free_days.parts_of(calendar.country).get(calendar.subdivision, calendar.subdivision)
    return f"{country}, {part}" if part else country
