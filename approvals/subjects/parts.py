"""What several kinds of subject put on their sheets."""

from collections.abc import Callable
from datetime import UTC, datetime

from approvals.subjects.kind import Facts, highest_tier
from releases import occurrences
from releases.states import RiskBand

BANDS = (RiskBand.LOW, RiskBand.MEDIUM, RiskBand.HIGH)

# Relations that `configuration` reads, from any object with a product: all but the first by what deployments add.
CONFIGURATION: tuple[str, ...] = (
    "product__environments",
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
    """Where and by what a product ships: its environments, and what higher rooms add."""
    return {"environments": environments(product)} | {field: rows(product) for field, rows in _ADDED.items()}


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
