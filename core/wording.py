"""How Slipway words instants, spans and counts: 24 h clock, day before month, the reader's zone, never an ordinal.

Every function takes aware datetimes and words them in the current time zone (`timezone.activate`), and returns plain text;
templates reach them through the filters in `config/jinja.py`, which add the `<time>` element.
"""

from datetime import date, datetime, timedelta

from django.utils import timezone

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NEAR = timedelta(hours=12)  # closer than this reads better in hours than as yesterday or tomorrow


def local(at: date | datetime) -> date | datetime:
    """The instant in the reader's zone; a plain date stays as it is, and so does an instant at the end of all years."""
    try:
        return timezone.localtime(at) if isinstance(at, datetime) else at
    except OverflowError:
        return at


def day(at: date | datetime, *, year: bool | None = None) -> str:
    """`Thu 12 Nov 2026`; with year=None the year is dropped in the current year (tables), with True never (records)."""
    here = local(at)
    words = f"{DAYS[here.weekday()]} {here.day} {MONTHS[here.month - 1]}"
    if year is None:
        year = here.year != timezone.localdate().year
    return f"{words} {here.year}" if year else words


def clock(at: datetime) -> str:
    """`21:00` in the reader's zone."""
    return f"{local(at):%H:%M}"


def zone(at: datetime) -> str:
    """`CET`; a zone without letters reads `UTC+03` or `UTC+05:45`."""
    name = local(at).tzname() or ""
    if name[:1] in "+-":
        return f"UTC{name[:3]}" + (f":{name[3:5]}" if len(name) > 3 else "")
    return name


def moment(at: datetime, *, year: bool | None = None) -> str:
    """`Thu 12 Nov, 21:00`, without the zone: name that once per group."""
    return f"{day(at, year=year)}, {clock(at)}"


def near(at: datetime) -> str:
    """`today, 09:48`, else as `moment`."""
    return f"today, {clock(at)}" if local(at).date() == timezone.localdate() else moment(at)


def full(at: datetime) -> str:
    """`Thu 12 Nov 2026, 21:00 CET`, for records."""
    return f"{moment(at, year=True)} {zone(at)}"


def span(start: datetime, end: datetime) -> str:
    """`Thu 12 Nov 2026, 21:00 to 23:00 CET`, or with both days where it passes midnight."""
    if local(start).date() == local(end).date():
        return f"{moment(start, year=True)} to {clock(end)} {zone(end)}"
    return f"{moment(start, year=True)} to {moment(end, year=True)} {zone(end)}"


def relative(at: date | datetime, *, now: datetime | None = None) -> str:
    """`in 2 days`, `3 h ago`, `yesterday`, `now`. Days are calendar days of the reader, hours and minutes are rounded."""
    now = now or timezone.now()
    if isinstance(at, datetime):
        delta = at - now
        if abs(delta) < NEAR or local(at).date() == local(now).date():
            return _soon(delta)
        at = local(at).date()
    return _in_days((at - local(now).date()).days)


def _soon(delta: timedelta) -> str:
    minutes = round(abs(delta).total_seconds() / 60)
    if minutes == 0:
        return "now"
    words = f"{minutes} min" if minutes < 60 else f"{round(minutes / 60)} h"
    return _ahead_or_ago(words, ahead=delta > timedelta(0))


def _in_days(days: int) -> str:
    if days in (-1, 0, 1):
        return ("today", "tomorrow", "yesterday")[days]
    count = abs(days)
    if count <= 60:
        words = f"{count} days"
    elif count < 730:
        words = f"{round(count / 30.44)} months"
    else:
        words = f"{round(count / 365.25)} years"
    return _ahead_or_ago(words, ahead=days > 0)


def _ahead_or_ago(words: str, *, ahead: bool) -> str:
    return f"in {words}" if ahead else f"{words} ago"


def duration(length: timedelta | float) -> str:
    """`42 s`, `3 min 48 s`, `2 h 5 min`, `5 days`: the largest unit and the next, cut not rounded. A number is seconds."""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    sign = "−" if seconds < 0 else ""
    units = list(_units(abs(seconds)))
    first = next((i for i, (amount, _) in enumerate(units) if amount), len(units))
    parts = [f"{amount} {unit}" for amount, unit in units[first : first + 2] if amount]
    return sign + " ".join(parts) if parts else "0 s"


def _units(seconds: int):
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    d, h = divmod(hours, 24)
    return (d, "day" if d == 1 else "days"), (h, "h"), (m, "min"), (s, "s")


def number(value: float, digits: int = 0) -> str:
    """`1,240` or `0.21`: comma for thousands, point for decimals, a real minus sign."""
    return f"{value:,.{digits}f}".replace("-", "−")


def percent(ratio: float, digits: int = 0) -> str:
    """`78%` from the ratio 0.78."""
    return f"{number(ratio * 100, digits)}%"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 change`, `3 changes`; pass `many` where English is irregular."""
    return f"{number(count)} {one if count == 1 else many or _many(one)}"


def _many(one: str) -> str:
    if one.endswith("y") and one[-2:-1] not in "aeiou":
        return one[:-1] + "ies"
    return one + ("es" if one.endswith(("s", "x", "ch", "sh")) else "s")


def inside(label: str) -> str:
    """A label within a sentence: `Branch or tag` as `branch or tag`; `API server` and `EU canary` as they are."""
    first = label.split()[0] if label.split() else ""
    return label if first[1:] != first[1:].lower() or len(first) == 1 else label[:1].lower() + label[1:]


def listed(words: list[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *rest, final = words or [""]
    return f"{', '.join(rest)} {last} {final}" if rest else final


def judged(chance: float) -> str:
    """The word beside a forecast of 0 to 1: likely from 0.75, at risk from 0.50, else unlikely."""
    return "likely" if chance >= 0.75 else "at risk" if chance >= 0.5 else "unlikely"


def digest_short(digest: str) -> str:
    """`sha256:4be1…07d2`: the algorithm and both ends; short values stay whole."""
    algorithm, colon, value = digest.rpartition(":")
    return f"{algorithm}{colon}{value[:4]}…{value[-4:]}" if len(value) > 12 else digest
