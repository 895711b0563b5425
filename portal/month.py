"""The month: weeks of days with their windows, deployments and freezes; and what collides in it. In the reader's zone."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import timezone

from core import wording
from deployments.models import Deployment
from deployments.states import WAITING
from portal.frozen import Frozen, folded, freeze_on
from portal.links import address
from portal.needs import in_the_way
from portal.strip import freezes_seen, instant
from releases import occurrences
from releases.models import FreezeWindow, Release
from releases.states import IN_MOTION, OPEN, SHIPPED, ReleaseState

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One thing on one day."""

    at: datetime
    word: str
    url: str
    icon: str
    tone: str


@dataclass
class Day:
    date: date
    out: bool
    today: bool
    freeze: str = ""
    partly: bool = False
    events: list[Entry] = field(default_factory=list)


@dataclass(frozen=True)
class Week:
    number: int
    days: list[Day]


@dataclass(frozen=True)
class Conflict:
    """Two plans that cannot both hold. `kind` "freeze" or "overlap"; the fix is a page."""

    kind: str
    title: str
    because: str
    fix: str
    url: str
    release_ids: frozenset[int]


@dataclass(frozen=True)
class Month:
    first: date
    weeks: list[Week]
    conflicts: list[Conflict]
    planned: int
    shipped: int
    freezes: list[Frozen]

    @property
    def name(self) -> str:
        return f"{MONTHS[self.first.month - 1]} {self.first.year}"

    @property
    def before(self) -> date:
        return (self.first - timedelta(days=1)).replace(day=1)

    @property
    def after(self) -> date:
        return (self.first + timedelta(days=31)).replace(day=1)


def month(user, year: int, number: int) -> Month:
    """What the reader may see of one month, with the days around it that fill its weeks. A constant number of queries."""
    first = date(year, number, 1)
    start = first - timedelta(days=first.weekday())
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    end = last + timedelta(days=7 - last.weekday())
    releases = windows(user, instant(start), instant(end))
    rows = list(
        freezes_seen(user).that_may_touch(instant(start), instant(end)).prefetch_related("products", "overrides")
    )
    freezes = occurrences.of(rows, instant(start), instant(end))
    conflicts = [*freeze_conflicts(releases, rows), *overlaps(releases)]
    entries = day_entries(releases, planned_deployments(user, instant(start), instant(end)), conflicts)
    inside = [
        r for r in releases if timezone.localtime(r.released_at or r.window_starts_at).date().replace(day=1) == first
    ]
    return Month(
        first, weeks(start, end, first, freezes, entries), conflicts,
        sum(1 for r in inside if r.state in OPEN), sum(1 for r in inside if r.state in SHIPPED),
        folded(freezes),
    )  # fmt: skip


def windows(user, start: datetime, end: datetime) -> list[Release]:
    """Releases whose window touches the half-open span, the cancelled left out."""
    return list(
        Release.objects.visible_to(user)
        .exclude(state=ReleaseState.CANCELLED)
        .with_window_between(start, end)
        .select_related("product")
        .order_by("window_starts_at", "pk")
    )


def planned_deployments(user, start: datetime, end: datetime) -> list[Deployment]:
    """Deployments that start by themselves in the span."""
    return list(
        Deployment.objects.visible_to(user)
        .filter(scheduled_for__gte=start, scheduled_for__lt=end, state__in=WAITING)
        .select_related("release__product", "environment", "candidate")
        .order_by("scheduled_for", "pk")
    )


def freeze_conflicts(releases, freezes: list[FreezeWindow]) -> list[Conflict]:
    """A window inside a freeze of production, without an override."""
    planned = [r for r in releases if r.state in IN_MOTION and r.state != ReleaseState.DEPLOYING]
    return [_frozen(r, found) for r in planned for found in folded(in_the_way(r, freezes))]


def _frozen(release: Release, found: Frozen) -> Conflict:
    """Told once, however often the freeze comes again inside the window."""
    more = wording.plural(len(found.occurrences) - 1, "more time") if len(found.occurrences) > 1 else ""
    frozen = f"from {wording.moment(found.first.starts_at)} to {wording.moment(found.first.ends_at)}"
    because = f"{wording.moment(release.window_starts_at)}. Production is frozen {frozen}{more and f', and {more}'}."
    title = f"{release} is planned inside {found.freeze.name}"
    return Conflict("freeze", title, because, "Move the window", edit_url(release), frozenset({release.pk}))


def overlaps(releases) -> list[Conflict]:
    """Windows of two open releases of one product that touch: both would take its production at the same time."""
    by_product = defaultdict(list)
    for release in releases:
        if release.state in IN_MOTION:
            by_product[release.product_id].append(release)
    return [
        _shared(a, b)
        for same in by_product.values()
        for i, a in enumerate(same)
        for b in same[i + 1 :]
        if b.window_starts_at < a.window_ends_at
    ]


def _shared(a: Release, b: Release) -> Conflict:
    span = wording.span(b.window_starts_at, min(a.window_ends_at, b.window_ends_at))
    because = f"{span}. Production takes one deployment at a time."
    title = f"{a.product.name} {a.version} and {b.version} share a window"
    return Conflict("overlap", title, because, f"Move {b.version}", edit_url(b), frozenset({a.pk, b.pk}))


def edit_url(release: Release) -> str:
    return address("releases:edit", release.product.slug, release.version) or release.get_absolute_url()


def day_entries(releases, deployments, conflicts) -> dict[date, list[Entry]]:
    troubled = {pk: c.kind for c in reversed(conflicts) for pk in c.release_ids}
    found: dict[date, list[Entry]] = defaultdict(list)
    for release in releases:
        at = release.released_at or release.window_starts_at
        found[_day(at)].append(
            Entry(at, str(release), release.get_absolute_url(), *look_of(release, troubled.get(release.pk)))
        )
    for d in deployments:
        url = address("deployments:deployment", d.pk) or d.release.get_absolute_url()
        found[_day(d.scheduled_for)].append(
            Entry(d.scheduled_for, f"{d.release} to {d.environment.name}", url, "deploy", "info")
        )
    return {day: sorted(entries, key=lambda e: e.at) for day, entries in found.items()}


def look_of(release: Release, trouble: str | None) -> tuple[str, str]:
    """(icon, tone) of a window in the month."""
    if trouble == "freeze":
        return "alert", "bad"
    if trouble == "overlap":
        return "alert", "warn"
    if release.state == ReleaseState.DEPLOYING:
        return "running", "info"
    if release.state == ReleaseState.ROLLED_BACK:
        return "undo", "bad"
    if release.state in SHIPPED:
        return "check", "mute"
    return ("pause", "warn") if release.state == ReleaseState.ON_HOLD else ("release", "info")


def _day(at: datetime) -> date:
    return timezone.localtime(at).date()


def weeks(start: date, end: date, first: date, freezes, entries) -> list[Week]:
    today = timezone.localdate()
    days = [start + timedelta(days=n) for n in range((end - start).days)]
    made = []
    for day in days:
        freeze, partly = freeze_on(instant(day), instant(day + timedelta(days=1)), freezes)
        made.append(Day(day, day.month != first.month, day == today, freeze, partly, entries.get(day, [])))
    return [Week(made[i].date.isocalendar().week, made[i : i + 7]) for i in range(0, len(made), 7)]
