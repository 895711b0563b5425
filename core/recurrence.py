"""Recurrence rules (RFC 5545, RRULE) in local wall time, and in plain words.

What comes again comes at the same time by the clock on its wall, so a rule runs over local times and each is then put on the time
line. A local time that a change of the clocks skips is read with the offset before it, one that comes twice is the first of the
two, as RFC 5545 (section 3.3.5) asks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr
from icalendar import vRecur

from core import moments, wording

# Day of the week as a rule names it, and as people do.
WEEKDAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
PLACES = {"1": "first", "2": "second", "3": "third", "4": "fourth", "-1": "last"}
# What may stand beside FREQ. Days and weeks take little, so that one which never comes is found out soon.
_ANY = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}
_LONG = _ANY | {"BYMONTH", "BYMONTHDAY", "BYSETPOS", "BYWEEKNO", "BYYEARDAY"}
PARTS = {"DAILY": _ANY, "WEEKLY": _ANY, "MONTHLY": _LONG, "YEARLY": _LONG}
MOST = {"INTERVAL": 1000, "COUNT": 10_000}
# How far a number may go, from either end of the month or year (RFC 5545, section 3.3.10). Zero counts from neither.
FURTHEST = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
FURTHEST_DAY = {"MONTHLY": 5, "YEARLY": 53}  # the fifth Friday of a month; the others take a day without a number
MAX_CHARACTERS = 200
FAR = timedelta(days=5 * 366)  # a rule that gives nothing for so long gives nothing at all


@dataclass(frozen=True)
class Recurrence:
    """A rule, run from a local day and time on, in a time zone."""

    rule: str
    first_on: date
    at: time
    zone: str

    def since(self, start: datetime) -> Iterator[datetime]:
        """Instants (UTC) at or after `start`, in order. Ends with the rule, or where nothing comes for five years."""
        place = ZoneInfo(self.zone)
        # A day earlier by the clock: an offset moves a local time by less.
        rule = self._rule()
        local = max(start.astimezone(place).replace(tzinfo=None) - timedelta(days=1), self._first)
        until = local + FAR
        for naive in cut(rule, until).xafter(local, inc=True):
            found = naive.replace(tzinfo=place).astimezone(UTC)
            if found >= start:
                yield found

    def next(self, start: datetime, count: int = 5) -> list[datetime]:
        return [found for found, _ in zip(self.since(start), range(count), strict=False)]

    @property
    def _first(self) -> datetime:
        return datetime.combine(self.first_on, self.at)

    def _rule(self) -> rrule:
        for blocker in moments.unfit(first_on=self.first_on):
            raise ValueError(blocker.message)
        return parsed(self.rule, self._first, self.zone)


def cut(rule: rrule, until: datetime) -> rrule:
    """The rule, cut so that one which never comes true ends the search."""
    own = rule._until
    return rule.replace(until=min(own, until) if own else until, count=None) if rule._count is None else rule


def is_finite(text: str) -> bool:
    """Whether a rule says itself when it is over."""
    return bool(re.search(r"(^|;)(COUNT|UNTIL)=", text, re.IGNORECASE))


def parsed(text: str, first: datetime, zone: str = "UTC") -> rrule:
    """The rule from a naive local start on. Raises ValueError with a sentence about what is wrong with `text`."""
    text = text.strip().removeprefix("RRULE:")
    _check(text)
    try:
        return rrulestr(_until_local(text, zone), dtstart=first)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"This is not a recurrence rule: {error}.") from error


def _check(text: str) -> None:
    if not text or len(text) > MAX_CHARACTERS or re.search(r"[\r\n:]", text):
        raise ValueError("A recurrence rule is one line, such as FREQ=WEEKLY;BYDAY=TU.")
    try:
        parts = vRecur.from_ical(text)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("This is not a recurrence rule, such as FREQ=WEEKLY;BYDAY=TU.") from error
    frequency = str(next(iter(parts.get("FREQ", [])), ""))
    if frequency not in PARTS:
        raise ValueError("What comes again comes daily, weekly, monthly or yearly: FREQ is one of these.")
    unknown = sorted(set(map(str, parts)) - PARTS[frequency])
    if unknown:
        raise ValueError(f"Beside FREQ={frequency} leave out {wording.listed(unknown)}.")
    for name, most in MOST.items():
        if name in parts and not 1 <= int(parts[name][0]) <= most:
            raise ValueError(f"{name} is at least 1 and at most {most:,}.")
    for blocker in [b for until in parts.get("UNTIL", []) for b in moments.unfit(until=until)]:
        raise ValueError(f"UNTIL: {blocker.message}")
    _check_numbers(parts, frequency)


def _check_numbers(parts, frequency: str) -> None:
    """The numbers that never come true, or that the rule would be run without."""
    for name, furthest in FURTHEST.items():
        if any(not 1 <= abs(int(number)) <= furthest for number in parts.get(name, [])):
            raise ValueError(f"{name} is from 1 to {furthest}, or from -1 to -{furthest}.")
    if any(not re.fullmatch("0?[1-9]|1[0-2]", str(month), re.ASCII) for month in parts.get("BYMONTH", [])):
        raise ValueError("BYMONTH is from 1 to 12.")
    furthest = FURTHEST_DAY.get(frequency, 0)
    for day in parts.get("BYDAY", []):
        number = str(day)[:-2]
        if number and not 1 <= abs(int(number)) <= furthest:
            raise ValueError(f"In BYDAY, {day} does not come with FREQ={frequency}.")


def _until_local(text: str, zone: str) -> str:
    """UNTIL is an instant in UTC where the start has a zone (section 3.3.10); the rule runs over local times."""

    def local(found: re.Match) -> str:
        at = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return f"UNTIL={at.astimezone(ZoneInfo(zone)):%Y%m%dT%H%M%S}"

    return re.sub(r"UNTIL=(\d{8}T\d{6})Z", local, text, flags=re.IGNORECASE)


# Plain words

WEEKLY = re.compile(r"FREQ=WEEKLY;(?:INTERVAL=(?P<every>\d+);)?BYDAY=(?P<day>[A-Z]{2})")
MONTHLY = re.compile(r"FREQ=MONTHLY;BYDAY=(?P<nth>-1|[1-4])(?P<day>[A-Z]{2})")


def weekly(day: str, every: int = 1) -> str:
    return f"FREQ=WEEKLY;BYDAY={day}" if every == 1 else f"FREQ=WEEKLY;INTERVAL={every};BYDAY={day}"


def monthly(nth: str, day: str) -> str:
    return f"FREQ=MONTHLY;BYDAY={nth}{day}"


def taken_apart(rule: str) -> dict[str, str]:
    """{"pattern": "weekly" | "fortnightly" | "monthly" | "rule", "day", "nth", "rule"}: a rule as the form shows it."""
    if (found := WEEKLY.fullmatch(rule)) and (found["every"] or "1") in ("1", "2"):
        return {"pattern": "fortnightly" if found["every"] == "2" else "weekly", "day": found["day"]}
    if found := MONTHLY.fullmatch(rule):
        return {"pattern": "monthly", "day": found["day"], "nth": found["nth"]}
    return {"pattern": "rule", "rule": rule}


DAYS = re.compile(r"FREQ=WEEKLY;(?:INTERVAL=(?P<every>\d+);)?BYDAY=(?P<days>[A-Z]{2}(?:,[A-Z]{2})+)")
DATE = re.compile(r"FREQ=MONTHLY;BYMONTHDAY=(?P<date>[1-9]|[12]\d|3[01])")
END = re.compile(r";(?:COUNT=(?P<count>\d+)|UNTIL=(?P<until>\d{8})(?:T\d{6}Z?)?)$")
PLAIN = {
    "FREQ=DAILY": "every day",
    "FREQ=YEARLY": "every year",
    "FREQ=MONTHLY": "every month",
    "FREQ=WEEKLY": "every week",
}
WORKDAYS = ["MO", "TU", "WE", "TH", "FR"]


def on_days(days: list[str], every: int = 1) -> str:
    """Every week, or every so many, on some days, in the order of the week."""
    return weekly(",".join(day for day in WEEKDAYS if day in days), every)


def on_date(date: int) -> str:
    return f"FREQ=MONTHLY;BYMONTHDAY={date}"


def in_words(rule: str) -> str:
    """`every Tuesday`, `every second Thursday`, `monthly on the first Monday`; other rules as they are written."""
    end = END.search(rule)
    core = rule[: end.start()] if end else rule
    words = PLAIN.get(core) or _of_days(core) or _of_place(core)
    if not words:
        return rule
    return f"{words}, {_end(end)}" if end else words


def _of_days(rule: str) -> str:
    if found := DATE.fullmatch(rule):
        return f"monthly on day {found['date']}"
    found = DAYS.fullmatch(rule)
    if not found or (found["every"] or "1") not in ("1", "2"):
        return ""
    days = found["days"].split(",")
    every = "every second" if found["every"] == "2" else "every"
    if days == WORKDAYS:
        return f"{every} week from Monday to Friday" if found["every"] == "2" else "from Monday to Friday"
    return f"{every} {wording.listed([WEEKDAYS.get(day, day) for day in days])}"


def _end(found: re.Match) -> str:
    if found["count"]:
        return wording.plural(int(found["count"]), "time")
    return f"until {datetime.strptime(found['until'], '%Y%m%d'):%-d %b %Y}"


def _of_place(rule: str) -> str:
    parts = taken_apart(rule)
    day = WEEKDAYS.get(parts.get("day", ""), "")
    if parts["pattern"] == "weekly":
        return f"every {day}"
    if parts["pattern"] == "fortnightly":
        return f"every second {day}"
    if parts["pattern"] == "monthly":
        return f"monthly on the {PLACES[parts['nth']]} {day}"
    return ""
