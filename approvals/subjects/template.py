"""A standard change: may changes like this go ahead without asking each time?"""

from approvals.states import Facet, Subject
from approvals.subjects import parts
from approvals.subjects.kind import Facts, Kind, Stance, address, highest_tier
from releases.states import ChangeType


def facts(template) -> Facts:
    return Facts(
        Subject.TEMPLATE.value,
        product=template.product_id,
        change_type=ChangeType.STANDARD.value,
        risk=template.risk,
        tier=highest_tier(template.product),
        size=1,
    )


def content(template) -> dict[str, dict]:
    return {
        Facet.SCOPE.value: {
            "name": template.name,
            "product": str(template.product or "All products"),
            "purpose": template.purpose,
            "title": template.title,
            "kind": template.get_kind_display(),
            "breaking": template.breaking,
            "description": template.description,
            "locked": [{"key": name, "text": ""} for name in sorted(template.locked)],
        },
        Facet.ARTIFACT.value: {},
        Facet.WINDOW.value: {"valid_until": template.valid_until.isoformat() if template.valid_until else ""},
        Facet.ROLLBACK.value: {"back_out": template.backout},
        Facet.RISK.value: {"level": template.get_risk_display() or "Not assessed", "impact": template.impact},
        Facet.CONFIGURATION.value: parts.configuration(template.product) if template.product_id else {},
    }


def stance(template) -> Stance:
    if template.state == "retired":
        return Stance.GONE
    if template.state == "approved":
        return Stance.ACTED_ON
    return Stance.BACK if template.state == "draft" else Stance.ASKED


KIND = Kind(
    model="changetemplate",
    name=Subject.TEMPLATE.value,
    facts=facts,
    content=content,
    authors=lambda template: {template.created_by_id} - {None},
    url=lambda template: address("releases:template", template.pk),
    stance=stance,
    asks=lambda template: template.created_by_id,
    parts=parts.CONFIGURATION,
    noun="standard change",
)
