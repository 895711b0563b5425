"""What a planned window or deployment collides with, how grave that is, and what may let it through.

Severity comes from the product's own rule, else from the rule for everybody, else from DEFAULTS. A warning is shown; a conflict
that needs an override is let through by one that stands; a block is not let through at all. Higher rooms add what only they know:
`find_also` another finder, `let_through` who knows of overrides.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from core import wording
from core.blockers import Blocker
from core.gates import Clear
from releases import occurrences
from releases.guards import page
from releases.models import Environment, Release
from releases.states import CONFIRMED, WENT_LIVE, ConflictKind, ReleaseState, Severity, Tier

Kind = ConflictKind
DEFAULTS = {
    Kind.ENVIRONMENT: Severity.BLOCK,
    Kind.DEPENDENCY: Severity.WARN,
    Kind.PEOPLE: Severity.WARN,
    Kind.WINDOW: Severity.OVERRIDE,
    Kind.FREEZE: Severity.OVERRIDE,
}
ORDER = [Severity.WARN, Severity.OVERRIDE, Severity.BLOCK]
# The relations of a release that are read here: for `prefetch_related`.
PARTS = (
    "conflict_table",
    "freeze_table",
    "freeze_overrides",
    "planned_table",
    "manager",
    "rollback_plan__owner",
    "dependencies__needs__product",
    "needed_by__release__product",
    "product__environments__windows",
)


@dataclass(frozen=True)
class Wish:
    """The span that a release wants: for its window, or with an `environment` for a deployment (`deployment`: its id) there."""

    release: Release
    starts_at: datetime
    ends_at: datetime
    environment: Environment | None = None
    deployment: int | None = None

    @property
    def environments(self) -> list[Environment]:
        if self.environment:
            return [self.environment]
        return [e for e in self.release.product.environments.all() if e.is_production]

    @property
    def tier(self) -> str:
        return self.environment.tier if self.environment else Tier.PRODUCTION.value


@dataclass(frozen=True)
class Found:
    """What a finder found. `about` names it for ever: an override is asked for about it. `other` is the release collided with."""

    kind: Kind
    about: str
    message: str
    url: str = ""
    fix: str = ""
    other: Release | None = None
    code: str = ""


@dataclass(frozen=True)
class Conflict(Found):
    severity: Severity = Severity.WARN
    overridden: bool = False
    ask_url: str = ""

    @property
    def stands_in_the_way(self) -> bool:
        return self.severity != Severity.WARN and not self.overridden

    @property
    def as_blocker(self) -> Blocker:
        """As a gate says it: with the way to an override where one helps, else to what it collides with."""
        if self.ask_url:
            return Blocker(self.code or self.about, self.message, self.ask_url, "Ask for an override")
        return Blocker(self.code or self.about, self.message, self.url, self.fix)


Finder = Callable[[Wish], Iterable[Found]]
Exemption = Callable[[Release, Found, datetime], bool]
_FINDERS: list[tuple[Kind, Finder]] = []
_EXEMPTIONS: list[Exemption] = []


def find_also(kind: Kind, finder: Finder) -> None:
    """Ask `finder(wish)` too, where conflicts of its kind are looked for. Called in `apps.py`."""
    if (kind, finder) not in _FINDERS:
        _FINDERS.append((kind, finder))


def let_through(stands: Exemption) -> None:
    """Ask `stands(release, found, at)` whether an override lets a conflict through at an instant. Called in `apps.py`."""
    if stands not in _EXEMPTIONS:
        _EXEMPTIONS.append(stands)


def wish_of(release: Release) -> Wish | None:
    """The release's own window; None where it has none."""
    if not release.window_starts_at or not release.window_ends_at:
        return None
    return Wish(release, release.window_starts_at, release.window_ends_at)


def find(wish: Wish | None, kinds: Collection[Kind] = tuple(Kind)) -> list[Conflict]:
    """Every conflict of these kinds, the gravest first."""
    if wish is None:
        return []
    finders = [finder for kind, finder in (*OWN, *_FINDERS) if kind in kinds]
    found = [_judged(wish, each) for finder in finders for each in finder(wish)]
    return sorted(found, key=lambda c: -ORDER.index(c.severity))


def blockers(wish: Wish | None, kinds: Collection[Kind] = tuple(Kind)) -> list[Blocker]:
    """One blocker per conflict that nothing lets through."""
    return [conflict.as_blocker for conflict in find(wish, kinds) if conflict.stands_in_the_way]


NOT_FREEZES = tuple(kind for kind in Kind if kind != Kind.FREEZE)


def in_the_way(release: Release) -> list[Blocker]:
    """What keeps the release's window from being confirmed, freezes left out: they have a gate of their own."""
    return blockers(wish_of(release), NOT_FREEZES)


def because(release: Release) -> Clear | str:
    """What the window meets and may meet, in a sentence."""
    found = find(wish_of(release), NOT_FREEZES)
    if not found:
        return "The window meets nothing."
    words = " ".join(conflict.message for conflict in found)
    return Clear(words, waived=any(conflict.overridden for conflict in found))


def severity_of(release: Release, kind: Kind) -> Severity:
    """What a kind of conflict means for the release's product. Reads `conflict_table.all()`."""
    rules = {rule.product_id: rule.severity for rule in release.conflict_table.all() if rule.kind == kind}
    return Severity(rules.get(release.product_id) or rules.get(None) or DEFAULTS[kind])


def _judged(wish: Wish, found: Found) -> Conflict:
    severity = severity_of(wish.release, found.kind)
    through = severity == Severity.OVERRIDE and any(
        stands(wish.release, found, wish.starts_at) for stands in _EXEMPTIONS
    )
    helps = severity == Severity.OVERRIDE and not through
    return Conflict(
        **vars(found), severity=severity, overridden=through, ask_url=_ask_url(wish.release, found) if helps else ""
    )


def _ask_url(release: Release, found: Found) -> str:
    """The page on which an override is asked for; "" for a release that is not saved yet."""
    if release.pk is None:
        return ""
    if found.kind == Kind.FREEZE:
        return page("approvals:override_new", release.product.slug, release.version)
    address = page("approvals:override_conflict", release.product.slug, release.version)
    return address and f"{address}?about={quote(found.about)}"


# The finders of this room


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
    """Windows of other products at the same time that need the same person: its manager, or who keeps its way back.

    The other release is not named: not everybody may see it. Pages name it to those who may.
    """
    needed = people_of(wish.release)
    for other in _others(wish):
        if other.product_id == wish.release.product_id:
            continue
        if shared := sorted(person.name for pk, person in people_of(other).items() if pk in needed):
            verb = "is" if len(shared) == 1 else "are"
            message = f"{wording.listed(shared)} {verb} needed by another release in this time."
            yield Found(Kind.PEOPLE, f"people:{other.pk}", message, other=other)


def people_of(release: Release) -> dict:
    """{id: person} whom a window needs at hand; no service accounts."""
    plan = getattr(release, "rollback_plan", None) if release.pk else None
    found = [release.manager, plan.owner if plan else None]
    return {person.pk: person for person in found if person and not person.is_service}


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


OWN: tuple[tuple[Kind, Finder], ...] = (
    (Kind.ENVIRONMENT, same_environment),
    (Kind.WINDOW, outside_window),
    (Kind.FREEZE, inside_freeze),
    (Kind.DEPENDENCY, dependent_product),
    (Kind.PEOPLE, same_people),
)


def _others(wish: Wish) -> list[Release]:
    """Releases with a confirmed plan whose window touches the span."""
    return [
        other
        for other in wish.release.planned_table.all()
        if other.pk != wish.release.pk
        and other.window_starts_at < wish.ends_at
        and other.window_ends_at > wish.starts_at
    ]


def _span(release: Release) -> str:
    return wording.span(release.window_starts_at, release.window_ends_at)
