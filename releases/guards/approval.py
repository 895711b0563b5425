"""What an approval needs: approved changes, treated risks, a way back, reviewed notes."""

from django.urls import reverse

from core import wording
from core.blockers import Blocker
from releases.guards.addresses import address
from releases.states import AUTHORISED, RiskBand, Treatment


def changes_not_approved(release) -> list[Blocker]:
    found = []
    for change in release.changes.all():
        if change.held_reason:
            message = f"{change.key} is on hold: {change.held_reason} A change manager lifts it."
            found.append(Blocker(f"change-held:{change.key}", message, _change_url(release, change), "Open the change"))
        elif change.state not in AUTHORISED:
            message = f"{change.key} is {change.get_state_display().lower()}, not approved. {_next_for(change)}"
            found.append(
                Blocker(f"change-unapproved:{change.key}", message, _change_url(release, change), f"Open {change.key}")
            )
    return found


def _change_url(release, change) -> str:
    return reverse("releases:change", args=[release.product.slug, change.key])


_NEXT_FOR_CHANGE = {
    "new": "A contributor assesses it and requests authorisation.",
    "assessing": "A contributor finishes the assessment and requests authorisation.",
    "authorising": "Its approvers have to vote.",
    "rejected": "Rework it, or take it out of the release.",
}


def _next_for(change) -> str:
    return _NEXT_FOR_CHANGE.get(str(change.state), "Take it out of the release.")


def changes_because(release) -> str:
    count = len(release.changes.all())
    return "The change is approved" if count == 1 else f"All {wording.plural(count, 'change')} are approved"


def risks_open(release) -> list[Blocker]:
    found = []
    if release.risks_assessed_at is None:
        message = "Nobody has said that the list of risks is complete. The release manager confirms it."
        found.append(Blocker("risks-unconfirmed", message, address("risks", release), "Go through the risks"))
    found += [
        Blocker(
            f"risk-untreated:{risk.pk}",
            f"“{risk.title}” is high ({risk.score} of 25) and untreated. Mitigate or accept it.",
            address("risks", release),
            "Treat the risk",
        )
        for risk in release.risks.all()
        if risk.band == RiskBand.HIGH and (risk.treatment == Treatment.UNDECIDED or risk.treated_at is None)
    ]
    return found


def risks_because(release) -> str:
    risks = release.risks.all()
    high = sum(risk.band == RiskBand.HIGH for risk in risks)
    return f"{wording.plural(len(risks), 'risk')} listed, {high} high" + (", each treated" if high else "")


ROLLBACK_ASKS = {
    "trigger": "its trigger",
    "steps": "its steps",
    "expected_minutes": "how long it takes",
    "owner_id": "an owner",
}


def rollback_plan_incomplete(release) -> list[Blocker]:
    plan = getattr(release, "rollback_plan", None)
    if plan is None:
        message = "No rollback plan. Say what triggers it, how it goes, how long it takes and who does it."
        return [Blocker("rollback-missing", message, address("rollback", release), "Write the rollback plan")]
    lacks = [words for name, words in ROLLBACK_ASKS.items() if not getattr(plan, name)]
    if not lacks:
        return []
    message = f"The rollback plan lacks {wording.listed(lacks)}. Whoever plans the release completes it."
    return [Blocker("rollback-incomplete", message, address("rollback", release), "Complete the rollback plan")]


def rollback_because(release) -> str:
    plan = release.rollback_plan
    return f"{plan.get_method_display()}, {wording.plural(plan.expected_minutes, 'minute')}, {plan.owner.name}"


def notes_unreviewed(release) -> list[Blocker]:
    if not release.notes.strip():
        message = "No release notes. Draft them from the scope, then have them reviewed."
        return [Blocker("notes-missing", message, address("notes", release), "Draft the notes")]
    if release.notes_reviewed_at is None:
        message = "The release notes are not reviewed since their last edit. The release manager reads and marks them."
        return [Blocker("notes-unreviewed", message, address("notes", release), "Review the notes")]
    return []


def notes_because(release) -> str:
    who = release.notes_reviewed_by
    return f"Reviewed by {who.name}" if who else "Reviewed"
