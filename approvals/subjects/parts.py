"""What several kinds of subject put on their sheets."""

from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime

from django.db.models import prefetch_related_objects

from approvals.subjects.kind import Facts, highest_tier
from core.wording import listed
from releases import occurrences, phases
from releases.states import RiskBand

BANDS = (RiskBand.LOW, RiskBand.MEDIUM, RiskBand.HIGH)

# Relations that `configuration` reads, from any object with a product: the last three by what deployments add.
CONFIGURATION: tuple[str, ...] = (
    "product__environments__phase",
    "product__environments__windows",
    "product__environments__hooks",
    "product__environments__verification",
    "product__environments__checks",
)

# {field: rows of a product}: what higher rooms add to the configuration facet, such as hooks.
_ADDED: dict[str, Callable[[object], list[dict]]] = {}


def add_to_configuration(field: str, rows: Callable[[object], list[dict]]) -> None:
    """Put `rows(product)` [{key, text}] on the configuration facet of everything about a product. Called in `apps.py`."""
    _ADDED[field] = rows


def configuration(product) -> dict:
    """Where, in which order, when and by what a product ships: its environments, and what higher rooms add.

    A product without phases, or without windows, has no such field: what was agreed to before there were any still stands.
    """
    product = _read_at_once(product)
    order = {"phases": _phases(product), "deployment_windows": _windows(product)}
    return (
        {"environments": environments(product)}
        | {field: rows for field, rows in order.items() if rows}
        | {field: rows(product) for field, rows in _ADDED.items()}
    )


def _read_at_once(product):
    """The product with all that its configuration reads, in one query per table; as it is where a list has read it before.

    A copy: what a door holds keeps no rows that another line of the same door may change.
    """
    if product is None or "environments" in getattr(product, "_prefetched_objects_cache", {}):
        return product
    read = copy(product)
    read._prefetched_objects_cache = {}
    prefetch_related_objects([read], *(path.removeprefix("product__") for path in CONFIGURATION))
    return read


def environments(product) -> list[dict]:
    if product is None:
        return []
    return [
        {
            "key": e.name,
            "text": f"{e.get_tier_display().lower()}, place {e.position + 1}" + (f", {e.url}" if e.url else ""),
        }
        for e in sorted(product.environments.all(), key=lambda e: e.position)
    ]


def _phases(product) -> list[dict]:
    """What must be passed before what: the phases that were made, in their order. Who automated one is no part of it."""
    if product is None:
        return []
    return [
        {"key": group.name, "text": _phase_words(group)}
        for group in phases.groups(product.environments.all())
        if group.phase
    ]


def _phase_words(group: phases.Group) -> str:
    words = [listed([e.name for e in group.environments]), group.rule]
    return " · ".join(filter(None, [*words, "deployed to by itself" if group.is_automatic else ""]))


def _windows(product) -> list[dict]:
    """When each environment may be deployed to. A rule stands in words and as it is kept: two may read alike."""
    if product is None:
        return []
    return [
        {"key": f"{environment.name}: {window.name}", "text": _window_words(window)}
        for environment in sorted(product.environments.all(), key=lambda e: e.position)
        for window in sorted(environment.windows.all(), key=lambda w: (w.starts_at, w.pk))
    ]


def _window_words(window) -> str:
    once = f"from {instant(window.starts_at)} until {instant(window.ends_at)}"
    if not window.rule:
        return once
    words = window.comes_again
    return " · ".join([once, words, *([window.rule] if words != window.rule else []), window.zone])


def instant(at: datetime | None) -> str:
    """ISO 8601 in UTC; "" for none."""
    return at.astimezone(UTC).isoformat() if at else ""


def band_of_release(release) -> str:
    """The highest band of its risks; low where there is none."""
    return max((r.band for r in release.risks.all()), key=BANDS.index, default=RiskBand.LOW).value


def touches_freeze(release, freezes) -> bool:
    """Whether the release's window touches a freeze of production that covers its product."""
    return bool(occurrences.over(freezes, release))


def exemption_facts(subject: str, release, exemption, *, in_freeze: bool | None = None) -> Facts:
    """The facts of what exempts one release from something: those of the release."""
    touched = touches_freeze(release, exemption.freeze_table.all()) if in_freeze is None else in_freeze
    return Facts(
        subject,
        product=release.product_id,
        strategy=release.strategy,
        risk=band_of_release(release),
        tier=highest_tier(release.product),
        size=len(release.changes.all()),
        in_freeze=touched,
        emergency=release.is_emergency,
    )
