"""A change: its authorisation."""

from approvals.states import Facet, Subject
from approvals.subjects import parts
from approvals.subjects.kind import Facts, Kind, Stance, address, highest_tier
from releases.states import ChangeState, ChangeType, RiskBand

ACTED_ON = (ChangeState.DONE, ChangeState.FAILED, ChangeState.BACKED_OUT)


def facts(change) -> Facts:
    return Facts(
        Subject.CHANGE.value,
        product=change.product_id,
        strategy=change.release.strategy if change.release_id else "",
        change_type=change.type,
        risk=change.risk or RiskBand.LOW.value,
        tier=highest_tier(change.product),
        size=1,
        in_freeze=parts.touches_freeze(change.release, change.freeze_table.all()) if change.release_id else False,
        emergency=change.type == ChangeType.EMERGENCY,
    )


def content(change) -> dict[str, dict]:
    return {
        Facet.SCOPE.value: {
            "title": change.title,
            "type": change.get_type_display(),
            "kind": change.get_kind_display(),
            "breaking": change.breaking,
            "description": change.description,
        },
        Facet.ARTIFACT.value: {"commits": [{"key": commit, "text": ""} for commit in sorted(change.commits)]},
        Facet.WINDOW.value: {},
        Facet.ROLLBACK.value: {"back_out": change.backout},
        Facet.RISK.value: {"level": change.get_risk_display() or "Not assessed", "impact": change.impact},
        Facet.CONFIGURATION.value: parts.configuration(change.product),
    }


def stance(change) -> Stance:
    if change.state in (ChangeState.WITHDRAWN, ChangeState.REJECTED):
        return Stance.GONE
    if change.state in ACTED_ON:
        return Stance.ACTED_ON
    return Stance.BACK if change.state in (ChangeState.NEW, ChangeState.ASSESSING) else Stance.ASKED


KIND = Kind(
    model="change",
    name=Subject.CHANGE.value,
    facts=facts,
    content=content,
    authors=lambda change: {change.author_id} - {None},
    url=lambda change: address("releases:change", change.product.slug, change.key),
    stance=stance,
    asks=lambda change: change.created_by_id,
    parts=parts.CONFIGURATION,
    noun="change",
)
