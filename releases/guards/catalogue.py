"""What the catalogue of standard changes needs: templates that are complete and in force, and changes that keep to them."""

from django.urls import reverse

from core import wording
from core.blockers import Blocker
from releases.states import ALWAYS_LOCKED, RiskBand, TemplateState


def template_not_in_force(change) -> list[Blocker]:
    """Why a new change is not approved by its template: the template itself, or a locked field that differs from it."""
    template = change.template
    if template is None:
        return [Blocker("no-template", "A standard change is made from the catalogue.", reverse("releases:catalogue"))]
    if template.state != TemplateState.APPROVED:
        message = (
            f"“{template}” is {template.get_state_display().lower()}, not approved. Its approvers have to agree first."
        )
        return [Blocker("template-not-approved", message, template.get_absolute_url(), "Open the template")]
    if template.has_lapsed:
        message = f"“{template}” lapsed after {wording.day(template.valid_until)}. A contributor revises it and proposes it anew."
        return [Blocker("template-lapsed", message, template.get_absolute_url(), "Open the template")]
    if not template.fits(change.product):
        message = f"“{template}” is for {template.product}, not for {change.product}. Choose another one."
        return [Blocker("template-elsewhere", message, reverse("releases:catalogue"), "Open the catalogue", "product")]
    return [
        Blocker(
            f"locked:{name}", f"{field_label(name)} is locked by “{template}”. Leave it as it is given.", field=name
        )
        for name in unlike(change, template)
    ]


def unlike(change, template) -> list[str]:
    """The locked fields in which a change differs from its template."""
    return [name for name in template.locked if getattr(change, name) != getattr(template, name)]


def field_label(name: str) -> str:
    return {"backout": "The back-out plan", "breaking": "Whether it breaks callers"}.get(name, f"The {name}")


def template_because(change) -> str:
    return f"“{change.template}”, approved until {wording.day(change.template.valid_until)}"


TEMPLATE_ASKS = {"purpose": "what it is for", "title": "a title", "risk": "its risk", "impact": "who notices what"}


def template_incomplete(template) -> list[Blocker]:
    """What approvers of a template need to read before they let it happen without being asked again."""
    here = reverse("releases:template_edit", args=[template.pk])
    asks = TEMPLATE_ASKS | {"backout": "a back-out plan"}
    lacks = [words for name, words in asks.items() if not getattr(template, name).strip()]
    found = []
    if lacks:
        message = f"It lacks {wording.listed(lacks)}. A contributor completes it."
        found.append(Blocker("template-incomplete", message, here, "Complete it"))
    if template.risk == RiskBand.HIGH:
        message = "A high risk is never standard: each such change is judged on its own."
        found.append(Blocker("template-risky", message, here, "Change the risk", "risk"))
    loose = [field_label(name).lower() for name in ALWAYS_LOCKED if name not in template.locked]
    if loose:
        message = f"It leaves {wording.listed(loose)} open, on which the approval rests. Lock it."
        found.append(Blocker("template-loose", message, here, "Lock it", "locked"))
    if template.has_lapsed:
        message = f"Its last day, {wording.day(template.valid_until)}, is over. Set a later one."
        found.append(Blocker("template-over", message, here, "Set the day", "valid_until"))
    return found


def template_complete_because(template) -> str:
    return f"{template.get_risk_display()} risk, with a back-out plan, until {wording.day(template.valid_until)}"
