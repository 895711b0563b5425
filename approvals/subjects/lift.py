"""The lifting of a stop: may this release, product or environment go on?"""

from approvals.states import Facet, GrantState, Subject
from approvals.subjects import parts
from approvals.subjects.kind import Facts, Kind, Stance, address, highest_tier


def facts(lift) -> Facts:
    if lift.release_id:
        return parts.exemption_facts(Subject.LIFT.value, lift.release, lift)
    tier = lift.environment.tier if lift.environment_id else highest_tier(lift.product)
    return Facts(Subject.LIFT.value, product=lift.product.pk, tier=tier)


def content(lift) -> dict[str, dict]:
    return {
        Facet.SCOPE.value: {"stopped": worded(lift), "stopped_because": lift.stopped_because},
        Facet.ARTIFACT.value: {},
        Facet.WINDOW.value: {},
        Facet.ROLLBACK.value: {},
        Facet.RISK.value: {"reason": lift.reason},
        Facet.CONFIGURATION.value: {},
    }


def worded(lift) -> str:
    """ "Environment Production of Storefront"."""
    if lift.release_id:
        return f"Release {lift.release}"
    return f"Environment {lift.environment} of {lift.product}" if lift.environment_id else f"Product {lift.product}"


def stance(lift) -> Stance:
    return Stance.ASKED if lift.state in (GrantState.REQUESTED, GrantState.GRANTED) else Stance.GONE


def url(lift) -> str:
    if lift.release_id:
        return address("portal:release", lift.product.slug, lift.release.version)
    return address("portal:product", lift.product.slug)


KIND = Kind(
    model="lift",
    name=Subject.LIFT.value,
    facts=facts,
    content=content,
    authors=lambda lift: set(),
    url=url,
    stance=stance,
    asks=lambda lift: lift.requested_by_id,
    parts=("release__changes", "release__risks", "release__product__environments"),
    noun="lifting of a stop",
)
