"""An override: may this release ship during a freeze, or in spite of another conflict, until an instant?"""

from approvals.states import Facet, GrantState, Subject
from approvals.subjects import parts
from approvals.subjects import release as of_release
from approvals.subjects.kind import Kind, Stance, address


def facts(override):
    return parts.exemption_facts(
        Subject.OVERRIDE.value, override.release, override, in_freeze=True if override.freeze_id else None
    )


def content(override) -> dict[str, dict]:
    release = override.release
    return {
        Facet.SCOPE.value: {"release": str(release)} | _about(override),
        Facet.ARTIFACT.value: of_release.artifact(release.candidate),
        Facet.WINDOW.value: {
            **_times(override.freeze),
            "overridden_until": parts.instant(override.expires_at),
        },
        Facet.ROLLBACK.value: {},
        Facet.RISK.value: {"reason": override.reason, "follow_up": override.follow_up},
        Facet.CONFIGURATION.value: {},
    }


def _about(override) -> dict:
    if override.freeze_id:
        return {"freeze": override.freeze.name, "frozen_because": override.freeze.reason}
    return {"conflict": override.get_kind_display(), "found": override.words}


def _times(freeze) -> dict:
    """When the freeze is on; one that comes once keeps the sheet that it always had."""
    if freeze is None:
        return {}
    times = {"freeze_starts": parts.instant(freeze.starts_at), "freeze_ends": parts.instant(freeze.ends_at)}
    return times | ({"freeze_comes_again": f"{freeze.comes_again}, {freeze.zone}"} if freeze.rule else {})


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
