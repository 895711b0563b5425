"""The cells of the environment matrix: home shows them short, the page of environments in full."""

from dataclasses import dataclass, field
from datetime import datetime

from core import wording
from portal import whereabouts
from portal.links import address
from portal.looks import Look, look
from portal.whereabouts import Place
from releases.models import Environment, Product
from releases.states import Tier

OUTSIDE = Look("warn", "link", "Outside")


@dataclass(frozen=True)
class Cell:
    """What the matrix shows of one environment. `state` is what is going on; `marks` stand beside it, in full alone."""

    version: str
    url: str
    sub: str
    looks: str
    state: Look | None = None
    since: datetime | None = None
    environment: Environment | None = None
    history_url: str = ""
    marks: tuple[tuple[Look, str], ...] = ()
    health: tuple[Look, str] | None = None
    drift: str = ""


@dataclass(frozen=True)
class Line:
    """One product: its cells, one per column; None where it has no such environment."""

    name: str
    url: str
    cells: list[Cell | None]
    slug: str = ""
    places: list[Place] = field(default_factory=list)


def matrix(products: list[Product], *, tier: str = "", drift: bool = False) -> tuple[list[tuple[str, str]], list[Line]]:
    """([(tier, name of the environment)], lines) of these products; of one tier alone, or of those that drift alone."""
    rows = {
        pk: [p for p in row if tier in ("", p.environment.tier)] for pk, row in whereabouts.places(products).items()
    }
    if drift:
        rows = {pk: row for pk, row in rows.items() if any(place.drifts for place in row)}
    if drift or tier:
        products = [product for product in products if rows.get(product.pk)]
    columns = whereabouts.columns(rows)
    lines = []
    for product in products:
        row = rows.get(product.pk, [])
        by_name = {p.environment.name: cell_of(p) for p in row}
        cells = [by_name.get(name) for _tier, name in columns]
        lines.append(Line(product.name, product.get_absolute_url(), cells, product.slug, row))
    return columns, lines


def groups(columns: list[tuple[str, str]]) -> list[tuple[str, int]]:
    """[(word of a tier, how many columns it has)], in the order of the columns; empty where the columns are called just so."""
    found: list[tuple[str, int]] = []
    for tier, _name in columns:
        word = Tier(tier).label
        if found and found[-1][0] == word:
            found[-1] = (word, found[-1][1] + 1)
        else:
            found.append((word, 1))
    return found if [word for word, _n in found] != [name for _tier, name in columns] else []


def cell_of(place: Place) -> Cell:
    environment = place.environment
    version, url, sub, looks, state, since = _shown(place)
    return Cell(
        version,
        url,
        sub,
        looks,
        state,
        since,
        environment,
        address("portal:environment", environment.product.slug, environment.slug),
        tuple(_marks(place)),
        health_of(place),
        drift_of(place),
    )


def _shown(place: Place) -> tuple:
    """(version, url, sub, looks, state, since): what goes on before what is there."""
    url = place.current.url if place.current else ""
    if place.live:
        shown = place.latest
        it = look("deployment", shown.state)
        word = it.word + (f", was {place.version}" if place.version else "")
        return shown.candidate.version, shown.get_absolute_url(), "", "live", it._replace(word=word), shown.started_at
    if place.failed:
        it = look("deployment", place.latest.state)
        word = f"{place.latest.candidate.version} {it.word.lower()}"
        failed = place.latest.get_absolute_url()
        return (
            place.version or place.latest.candidate.version,
            url or failed,
            "",
            "failed",
            it._replace(word=word),
            place.since,
        )
    if not place.version:
        words = "nothing, removed" if place.current else "nothing yet"
        return (
            "",
            "",
            f"frozen, {words}" if place.frozen else words,
            "frozen" if place.frozen else "",
            None,
            place.since,
        )
    ahead = place.ahead != 0 and not place.environment.is_production
    looks = "frozen" if place.frozen else "ahead" if ahead else ""
    return place.version, url, _sub(place), looks, None, place.since


def _sub(place: Place) -> str:
    if place.outside:
        return "from outside"
    since = f"since {wording.day(place.since)}" if place.since else ""
    if place.environment.is_production:
        return f"{since}, frozen" if place.frozen else since
    return drift_of(place) or since


def drift_of(place: Place) -> str:
    """How far it is from what production runs, in words; "" where that cannot be said."""
    if place.ahead == 0:
        return "same as production"
    return f"{wording.plural(place.ahead, 'change')} ahead" if place.ahead else ""


def _marks(place: Place):
    """(look, address) of what holds the environment up, and of what came there past Slipway."""
    environment = place.environment
    if environment.blocked_reason:
        yield Look("bad", "stop", f"Blocked: {environment.blocked_reason}"), ""
    if environment.product.blocked_reason:
        yield Look("bad", "stop", f"Product blocked: {environment.product.blocked_reason}"), ""
    if place.outside:
        change = place.current.source.change
        word = f"From outside, {change.key}" if change else "From outside"
        yield OUTSIDE._replace(word=word), change.get_absolute_url() if change else ""
    if place.frozen:
        yield Look("warn", "freeze", "Frozen"), address("releases:freezes")
    if place.waiting:
        word = f"{place.waiting.release.candidate.version} waits for approval"
        yield Look("info", "scale", word), address("portal:inbox_item", place.waiting.pk)


def health_of(place: Place) -> tuple[Look, str] | None:
    """How the service was when it was last asked, and what it said. None where nobody asks."""
    if place.health is None:
        return None
    if place.health.ok:
        return Look("ok", "check-circle", "Well"), place.health.detail
    return Look("bad", "alert", "Not well"), place.health.detail
