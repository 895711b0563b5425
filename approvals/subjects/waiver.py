"""A waiver: may this candidate go on without one kind of test, until an instant?"""

from approvals.states import Facet, GrantState, Subject
from approvals.subjects import parts
from approvals.subjects import release as of_release
from approvals.subjects.kind import Kind, Stance, address

RELEASE = "signoff__candidate__release"


def facts(waiver):
    return parts.exemption_facts(Subject.WAIVER.value, waiver.signoff.candidate.release, waiver)


def content(waiver) -> dict[str, dict]:
    signoff = waiver.signoff
    release = signoff.candidate.release
    return {
        Facet.SCOPE.value: {
            "release": str(release),
            "test": signoff.get_kind_display(),
            "result": signoff.get_state_display(),
            "summary": signoff.summary,
        },
        Facet.ARTIFACT.value: of_release.artifact(signoff.candidate),
        Facet.WINDOW.value: {"waived_until": parts.instant(waiver.expires_at)},
        Facet.ROLLBACK.value: {},
        Facet.RISK.value: {"reason": waiver.reason, "follow_up": waiver.follow_up},
        Facet.CONFIGURATION.value: {},
    }


def stance(waiver) -> Stance:
    return Stance.ASKED if waiver.state in (GrantState.REQUESTED, GrantState.GRANTED) else Stance.GONE


def url(waiver) -> str:
    release = waiver.signoff.candidate.release
    return address("approvals:signoff", release.product.slug, release.version, waiver.signoff.kind)


KIND = Kind(
    model="waiver",
    name=Subject.WAIVER.value,
    facts=facts,
    content=content,
    authors=lambda waiver: set(),
    url=url,
    stance=stance,
    asks=lambda waiver: waiver.requested_by_id,
    parts=(f"{RELEASE}__changes", f"{RELEASE}__risks", f"{RELEASE}__product__environments"),
    noun="waiver",
)
