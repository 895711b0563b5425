"""A freeze override: may this release ship during a freeze, until an instant?"""

from approvals.states import Facet, GrantState, Subject
from approvals.subjects import parts
from approvals.subjects import release as of_release
from approvals.subjects.kind import Kind, Stance, address


def facts(override):
    return parts.exemption_facts(Subject.OVERRIDE.value, override.release, override, in_freeze=True)


def content(override) -> dict[str, dict]:
    release, freeze = override.release, override.freeze
    return {
        Facet.SCOPE.value: {"release": str(release), "freeze": freeze.name, "frozen_because": freeze.reason},
        Facet.ARTIFACT.value: of_release.artifact(release.candidate),
        Facet.WINDOW.value: {
            "freeze_starts": parts.instant(freeze.starts_at),
            "freeze_ends": parts.instant(freeze.ends_at),
            "overridden_until": parts.instant(override.expires_at),
        }
        | _again(freeze),
        Facet.ROLLBACK.value: {},
        Facet.RISK.value: {"reason": override.reason, "follow_up": override.follow_up},
        Facet.CONFIGURATION.value: {},
    }


def _again(freeze) -> dict:
    """What a freeze that comes again adds; one that comes once keeps the sheet that it always had."""
    return {"freeze_comes_again": f"{freeze.comes_again}, {freeze.zone}"} if freeze.rule else {}


def stance(override) -> Stance:
    return Stance.ASKED if override.state in (GrantState.REQUESTED, GrantState.GRANTED) else Stance.GONE


KIND = Kind(
    model="freezeoverride",
    name=Subject.OVERRIDE.value,
    facts=facts,
    content=content,
    authors=lambda override: set(),
    url=lambda o: address("approvals:tab", o.release.product.slug, o.release.version) + "#overrides",
    stance=stance,
    asks=lambda override: override.requested_by_id,
    parts=("release__changes", "release__risks", "release__candidate", "release__product__environments"),
    noun="freeze override",
)
