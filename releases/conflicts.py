"""What a planned window or deployment collides with, how grave that is, and what may let it through.

Severity comes from the product's own rule, else from the rule for everybody, else from DEFAULTS. A warning is shown; a conflict
that needs an override is let through by one that stands; a block is not let through at all. Higher rooms add what only they know:
`find_also` another finder, `wished_also` spans that they planned, `let_through` who knows of overrides.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from django.utils import timezone

from core.blockers import Blocker
from core.gates import Clear
from releases.guards import page
from releases.models import Environment, Release
from releases.occurrences import INSTANT
from releases.states import ConflictKind, Severity, Tier

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
    """What was found, weighed: how grave that is for the product, and whether an override lets it through."""

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
Exemption = Callable[[Release, datetime], set[str]]
Wishes = Callable[[Release], Iterable[Wish]]
_FINDERS: list[tuple[Kind, Finder]] = []
_WISHES: list[Wishes] = []
_EXEMPTIONS: list[Exemption] = []
_READS: list[str] = []


def find_also(kind: Kind, finder: Finder, *, reads: str = "") -> None:
    """Ask `finder(wish)` too, where conflicts of its kind are looked for. Called in `apps.py`.

    `reads` is a relation of the release that it reads and that whoever asks often fetches before.
    """
    if (kind, finder) not in _FINDERS:
        _FINDERS.append((kind, finder))
        reads_also(reads)


def reads_also(relation: str) -> None:
    """A relation of the release, "" for none, that a finder reads besides PARTS. Called in `apps.py`."""
    if relation and relation not in _READS:
        _READS.append(relation)


def parts() -> tuple[str, ...]:
    """All relations of a release that finders read."""
    return (*PARTS, *_READS)


def let_through(overridden: Exemption) -> None:
    """Ask `overridden(release, at)` for the names of the conflicts that an override lets through. Called in `apps.py`."""
    if overridden not in _EXEMPTIONS:
        _EXEMPTIONS.append(overridden)


def wish_of(release: Release) -> Wish | None:
    """The release's own window; None where it has none."""
    if not release.window_starts_at or not release.window_ends_at:
        return None
    return Wish(release, release.window_starts_at, release.window_ends_at)


def wished_also(wishes: Wishes) -> None:
    """Count the spans of `wishes(release)` to what a release wants: what is planned for it. Called in `apps.py`."""
    if wishes not in _WISHES:
        _WISHES.append(wishes)


def wishes_of(release: Release) -> list[Wish]:
    """What a release wants, as far as anybody knows: its window, what is planned for it, a start now in each environment."""
    own, now = wish_of(release), timezone.now()
    planned = [wish for wishes in _WISHES for wish in wishes(release)]
    places = [Wish(release, now, now + INSTANT, environment) for environment in release.product.environments.all()]
    return [*([own] if own else []), *planned, *places]


def find(wish: Wish | None, kinds: Collection[Kind] = tuple(Kind)) -> list[Conflict]:
    """Every conflict of these kinds, the gravest first."""
    if wish is None:
        return []
    finders = [finder for kind, finder in _FINDERS if kind in kinds]
    found = _judged(wish, [each for finder in finders for each in finder(wish)])
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


def _judged(wish: Wish, found: list[Found]) -> list[Conflict]:
    """Each with what it means and whether an override lets it through, both read once."""
    if not found:
        return []
    severities = {kind: severity_of(wish.release, kind) for kind in {each.kind for each in found}}
    through: set[str] = set()
    if Severity.OVERRIDE in severities.values():
        through = set().union(*(overridden(wish.release, wish.starts_at) for overridden in _EXEMPTIONS))
    return [_conflict(wish.release, each, severities[each.kind], through) for each in found]


def _conflict(release: Release, found: Found, severity: Severity, through: set[str]) -> Conflict:
    overridden = severity == Severity.OVERRIDE and found.about in through
    helps = severity == Severity.OVERRIDE and not overridden
    url = _ask_url(release, found) if helps else ""
    return Conflict(**vars(found), severity=severity, overridden=overridden, ask_url=url)


def _ask_url(release: Release, found: Found) -> str:
    """The page on which an override is asked for; "" for a release that is not saved yet."""
    if release.pk is None:
        return ""
    name = "override_new" if found.kind == Kind.FREEZE else "override_conflict"
    address = page(f"approvals:{name}", release.product.slug, release.version)
    return address and f"{address}?about={quote(found.about)}"
