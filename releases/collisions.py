"""The finders of this room: what the windows, people, dependencies and freezes of releases collide with."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from accounts.models import User
from core import wording
from releases import conflicts, occurrences
from releases.conflicts import Finder, Found, Kind, Wish
from releases.guards import page
from releases.models import Release
from releases.states import CONFIRMED, WENT_LIVE, ReleaseState


def same_environment(wish: Wish) -> Iterator[Found]:
    """Other releases of the product whose window touches this one: production takes one deployment at a time."""
    if wish.environment:
        return
    for other in _others(wish):
        if other.product_id == wish.release.product_id:
            yield Found(
                Kind.ENVIRONMENT,
                f"window-shared:{other.pk}",
                f"{other} has the window {_span(other)}; production takes one release at a time. Move one of the two.",
                other.get_absolute_url(),
                "Open it",
                other,
            )


def dependent_product(wish: Wish) -> Iterator[Found]:
    """What must ship first and does not, and what needs this one first and would not have it."""
    if wish.release.pk is None or (wish.environment and not wish.environment.is_production):
        return
    for dependency in wish.release.dependencies.all():
        if dependency.must_ship_first and (why := _too_late(dependency.needs, wish)):
            yield _order(dependency.needs, f"{dependency.needs} must ship first, but {why}.")
    for dependency in wish.release.needed_by.all():
        needing = dependency.release
        starts = needing.window_starts_at
        if dependency.must_ship_first and needing.state in CONFIRMED and starts and starts < wish.ends_at:
            yield _order(needing, f"{needing} needs this one first, but its window opens {wording.full(starts)}.")


def _too_late(needs: Release, wish: Wish) -> str:
    if needs.state in WENT_LIVE and needs.state != ReleaseState.ROLLED_BACK:
        return ""
    if needs.state in (ReleaseState.CANCELLED, ReleaseState.ROLLED_BACK):
        return f"it is {needs.get_state_display().lower()}"
    if not needs.window_ends_at:
        return "it has no window yet"
    return f"its window ends {wording.full(needs.window_ends_at)}" if needs.window_ends_at > wish.starts_at else ""


def _order(other: Release, message: str) -> Found:
    return Found(Kind.DEPENDENCY, f"dependency:{other.pk}", message, other.get_absolute_url(), "Open it", other)


def same_people(wish: Wish) -> Iterator[Found]:
    """Other products at the same time that need the same person: a manager, who keeps a way back, or whom a higher room names.

    The other release is not named: not everybody may see it. Pages name it to those who may.
    """
    needed, busy = _people(wish)
    for other, people in busy.values():
        if shared := sorted({people[pk].name for pk in people.keys() & needed.keys()}):
            verb = "is" if len(shared) == 1 else "are"
            message = f"{wording.listed(shared)} {verb} needed by another release in this time."
            yield Found(Kind.PEOPLE, f"people:{other.pk}", message, other=other)


Needs = Callable[[Wish], Iterable[tuple[Release, User]]]
_NEEDS: list[Needs] = []


def people_also(needs: Needs, *, reads: str) -> None:
    """Ask `needs(wish)`, too, who is needed at hand: (release, person) of the wish's own release, and of others in its span.

    `reads` is a relation of the release that it reads. Called in `apps.py` of a higher room.
    """
    if needs not in _NEEDS:
        _NEEDS.append(needs)
        conflicts.reads_also(reads)


def _people(wish: Wish) -> tuple[dict, dict]:
    """({id: person} whom the wish needs, {release id: (release of another product, {id: person})} whom others need then)."""
    own, busy = {}, {}
    for release, person in _needed(wish):
        if person is None or person.is_service:
            continue
        if release is wish.release or (release.pk is not None and release.pk == wish.release.pk):
            own[person.pk] = person
        elif release.product_id != wish.release.product_id:
            busy.setdefault(release.pk, (release, {}))[1][person.pk] = person
    return own, busy


def _needed(wish: Wish) -> Iterator[tuple[Release, User | None]]:
    for release in (wish.release, *_others(wish)):
        plan = getattr(release, "rollback_plan", None) if release.pk else None
        yield release, release.manager
        yield release, plan.owner if plan else None
    for needs in _NEEDS:
        yield from needs(wish)


def outside_window(wish: Wish) -> Iterator[Found]:
    """Environments that are open at other times only: a deployment starts inside, a window overlaps an opening."""
    for environment in wish.environments:
        windows = list(environment.windows.all())
        if windows and not _is_open(windows, wish):
            where = f"{environment} of {wish.release.product}"
            yield Found(
                Kind.WINDOW,
                f"window:{environment.pk}",
                f"{where} is not open to deployments at that time. {opens(windows, wish.starts_at)}",
                page("releases:windows", wish.release.product.slug),
                "See its windows",
                code="environment-closed",
            )


def _is_open(windows, wish: Wish) -> bool:
    if wish.environment:
        return any(window.occurrence_at(wish.starts_at) for window in windows)
    return any(window.times.between(wish.starts_at, wish.ends_at) for window in windows)


def opens(windows, at: datetime) -> str:
    """When one of these windows opens next, in a sentence."""
    coming = [(span, window) for window in windows if (span := window.next_after(at))]
    if not coming:
        return "No window of it is still to come."
    span, window = min(coming, key=lambda pair: pair[0])
    return f"It opens next {wording.span(span.starts_at, span.ends_at)} ({window.name})."


def inside_freeze(wish: Wish) -> Iterator[Found]:
    """Occurrences of freezes of the tier that the span touches: each freeze once."""
    rows = wish.release.freeze_table.all()
    meant = [f for f in rows if wish.tier in f.frozen_tiers and occurrences.covers(f, wish.release.product_id)]
    seen: set[int] = set()
    for found in occurrences.of(meant, wish.starts_at, wish.ends_at):
        if found.freeze.pk in seen:
            continue
        seen.add(found.freeze.pk)
        span = wording.span(found.starts_at, found.ends_at)
        yield Found(
            Kind.FREEZE,
            f"freeze:{found.freeze.pk}",
            f"“{found.freeze}” freezes {wish.environment or 'production'}: {span}.",
        )


def _others(wish: Wish) -> list[Release]:
    return [o for o in wish.release.planned_table.all() if o.pk != wish.release.pk and is_planned_in(o, wish)]


def is_planned_in(release: Release, wish: Wish) -> bool:
    """Whether a release has a confirmed plan whose window touches the span of a wish."""
    start, end = release.window_starts_at, release.window_ends_at
    return release.state in CONFIRMED and bool(start and end) and start < wish.ends_at and end > wish.starts_at


def _span(release: Release) -> str:
    return wording.span(release.window_starts_at, release.window_ends_at)


FINDERS: tuple[tuple[Kind, Finder], ...] = (
    (Kind.ENVIRONMENT, same_environment),
    (Kind.WINDOW, outside_window),
    (Kind.FREEZE, inside_freeze),
    (Kind.DEPENDENCY, dependent_product),
    (Kind.PEOPLE, same_people),
)
