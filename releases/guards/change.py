"""What a change needs to move on."""

from django.urls import reverse

from core import wording
from core.blockers import Blocker
from releases.states import ChangeType, RiskBand

ASSESSMENT_ASKS = {"risk": "its risk", "impact": "who notices what"}


def not_assessed(change) -> list[Blocker]:
    lacks = [words for name, words in ASSESSMENT_ASKS.items() if not getattr(change, name).strip()]
    if change.risk == RiskBand.HIGH and not change.backout.strip():
        lacks.append("a back-out plan, which a high risk needs")
    if not lacks:
        return []
    message = f"The assessment lacks {wording.listed(lacks)}. A contributor completes it."
    url = reverse("releases:change_edit", args=[change.product.slug, change.key])
    return [Blocker("not-assessed", message, url, "Complete the assessment", "risk")]


def assessed_because(change) -> str:
    return f"{change.get_risk_display()} risk"


def change_not_emergency(change) -> list[Blocker]:
    if change.type == "emergency":
        return []
    message = "Only an emergency change skips the assessment by peers. Start the assessment, or change its type."
    url = reverse("releases:change_edit", args=[change.product.slug, change.key])
    return [Blocker("not-emergency", message, url, "Change the type", "type")]


def change_held(change) -> list[Blocker]:
    if not change.held_reason:
        return []
    message = f"It is on hold: {change.held_reason} A change manager lifts it."
    return [Blocker("held", message, change.get_absolute_url(), "Open the change")]


def change_not_standard(change) -> list[Blocker]:
    if change.template_id is not None:
        return []
    message = f"{change.key} was not made from the catalogue."
    return [Blocker("not-standard", message, change.get_absolute_url(), "Open the change")]


def change_not_unauthorised(change) -> list[Blocker]:
    if change.type == ChangeType.UNAUTHORISED:
        return []
    return [Blocker("not-unauthorised", "Only a change that nobody was asked about is recorded as discovered.")]
