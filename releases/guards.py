"""Why a release or a change may not move on: the gates that releases answers. Each names what is missing and who mends it.

Every function takes the object and returns a list of blockers; it reads relations with `.all()`, or the lists that the prefetches
in `apps.py` leave on the product, so that a page of many releases asks no more than a page of one. The `…_because` functions say
in a sentence what made a gate clear.
"""

from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from core import wording
from core.blockers import Blocker
from releases.states import (
    ALWAYS_LOCKED,
    AUTHORISED,
    CARRIES,
    OPEN,
    SHIPPED,
    WENT_LIVE,
    ChangeType,
    ReleaseState,
    RiskBand,
    TemplateState,
    Treatment,
)
from releases.versions import SCHEMES, InvalidVersion


def address(name: str, release, *more) -> str:
    """The address of one of the release's pages, by the name it has in `releases.urls`."""
    return reverse(f"releases:{name}", args=[release.product.slug, release.version, *more])


def page(name: str, *args) -> str:
    """The address of a page of a higher room, "" while that room has none by this name."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def lift_address(stopped) -> str:
    """Where lifting the stop of a release, a product or an environment is asked for."""
    return page("approvals:lift", stopped._meta.model_name, stopped.pk)


def standing(release) -> str:
    """The state that decides what may be edited: where a release on hold came from, else its own."""
    return release.held_from if release.state == ReleaseState.ON_HOLD else str(release.state)


# What a plan needs


def objective_missing(release) -> list[Blocker]:
    if release.objective.strip():
        return []
    return [
        Blocker(
            "objective-missing",
            "No objective. Approvers need to know what will be better for whom; whoever plans the release writes it.",
            address("edit", release),
            "Write the objective",
            "objective",
        )
    ]


def manager_missing(release) -> list[Blocker]:
    if release.manager_id is None:
        message = "No release manager. Somebody must own how and when it ships."
        return [Blocker("manager-missing", message, address("edit", release), "Name a manager", "manager")]
    if not release.manager.is_active:
        message = f"{release.manager.name} no longer has an account. Name another release manager."
        return [Blocker("manager-gone", message, address("edit", release), "Name a manager", "manager")]
    return []


def manager_because(release) -> str:
    return f"{release.manager.name} decides how and when"


def window_missing(release) -> list[Blocker]:
    if release.window_starts_at is None:
        message = "No window. Say between which two times it goes live."
        return [Blocker("window-missing", message, address("edit", release), "Set the window", "window_starts_at")]
    if release.window_ends_at <= timezone.now():
        message = f"The window closed on {wording.full(release.window_ends_at)}. Give it a new one."
        return [Blocker("window-over", message, address("edit", release), "Move the window", "window_starts_at")]
    return []


def window_because(release) -> str:
    return wording.span(release.window_starts_at, release.window_ends_at)


def scope_empty(release) -> list[Blocker]:
    if release.changes.all():
        return []
    message = "Nothing is in scope. Take at least one change in, by hand or from Git."
    return [Blocker("scope-empty", message, address("scope", release), "Choose the scope")]


def scope_because(release) -> str:
    return wording.plural(len(release.changes.all()), "change") + " in scope"


def version_unfit(release) -> list[Blocker]:
    trouble = version_trouble(release.product, release.version, live=_live(release))
    if not trouble:
        return []
    return [Blocker(trouble[0], trouble[1], address("edit", release), "Change the version", "version")]


def version_because(release) -> str:
    scheme = SCHEMES[release.product.scheme]
    last = last_of_line(release.product, release.version, live=_live(release))
    return f"Newer than {last}, the last of its line" if last else f"Valid {scheme.label}, the first of its line"


def _live(release) -> list[str]:
    """Versions of the product that went live, without this release's own."""
    known = getattr(release.product, "live_releases", None)
    if known is None:
        known = release.product.releases.filter(state__in=WENT_LIVE).only("pk", "version")
    return [other.version for other in known if other.pk != release.pk]


def version_trouble(product, version: str, *, live: list[str]) -> tuple[str, str] | None:
    """(code, message) when a version does not fit the product: not of its scheme, or not newer than the last of its line."""
    scheme = SCHEMES[product.scheme]
    try:
        scheme.parse(version)
    except InvalidVersion as error:
        return "version-invalid", str(error)
    if "/" in version or "\\" in version or not version.strip("."):
        return "version-invalid", f"“{version}” cannot stand in an address: leave slashes out, and more than dots in."
    last = last_of_line(product, version, live=live)
    if last is not None and scheme.is_newer(version, than=last) is False:
        return "version-not-newer", f"{version} is not newer than {last}, the last of its line. Choose a later version."
    return None


def last_of_line(product, version: str, *, live: list[str]) -> str | None:
    """The newest of the live versions on the same release line; None when there is none, or where the scheme has no order.

    A scheme without an order gives the equal version, if that is live. Versions from before a change of scheme are left out.
    """
    scheme = SCHEMES[product.scheme]
    line = scheme.line(version)
    same = [v for v in live if _readable(scheme, v) and scheme.line(v) == line]
    if not scheme.ordered:
        return version if version in same else None
    return max(same, key=scheme.sort_key, default=None)


def _readable(scheme, version: str) -> bool:
    try:
        scheme.parse(version)
    except InvalidVersion:
        return False
    return True


# What a build and a test need


def dependencies_unplanned(release) -> list[Blocker]:
    return [
        Blocker(
            f"dependency-unplanned:{d.needs_id}",
            f"It needs {d.needs}, which is {d.needs.get_state_display().lower()}. Plan that one first, or drop the dependency.",
            d.needs.get_absolute_url(),
            f"Open {d.needs.version}",
        )
        for d in release.dependencies.all()
        if d.needs.state in (ReleaseState.DRAFT, ReleaseState.CANCELLED)
    ]


def dependencies_because(release) -> str:
    needed = [str(d.needs) for d in release.dependencies.all()]
    return f"Needs {wording.listed(needed)}" if needed else "Needs no other release"


def double_scope(release) -> list[Blocker]:
    """A change that another open release of the product carries too: the same commits, or the same pull request."""
    mine = list(release.changes.all())
    return [
        Blocker(
            f"double-scope:{change.key}:{other.release.version}",
            f"{change.key} is in {other.release.version} too, as {other.key}. Take it out of one of the two.",
            address("scope", release),
            "Open the scope",
        )
        for other in _elsewhere(release)
        for change in mine
        if _same_work(change, other)
    ]


def _elsewhere(release) -> list:
    known = getattr(release.product, "open_changes", None)
    if known is None:
        known = release.product.changes.filter(release__state__in=OPEN).select_related("release")
    return [change for change in known if change.release_id != release.pk]


def _same_work(one, other) -> bool:
    if one.pull_request and one.pull_request == other.pull_request:
        return True
    return bool(set(one.commits) & set(other.commits))


def double_scope_because(release) -> str:
    return "No change of it is in another open release"


def candidate_missing(release) -> list[Blocker]:
    if release.candidate_id is not None:
        return []
    message = "No candidate. A contributor or the build adds one: commit and artifact digests."
    return [Blocker("candidate-missing", message, address("candidates", release), "Add a candidate")]


def candidate_because(release) -> str:
    return f"{release.candidate.version} from {release.candidate.commit[:7]}"


# What an approval needs


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


def not_emergency(release) -> list[Blocker]:
    if release.is_emergency:
        return []
    message = "Only an emergency release takes the short way. Change the strategy if it is one."
    return [Blocker("not-emergency", message, address("edit", release), "Change the strategy", "strategy")]


# What a deployment needs


LIFTING = "It stands until those who have to agree lift it."


def blocked(release) -> list[Blocker]:
    """The stops of the release and of its product."""
    found = []
    if release.is_blocked:
        message = f"{stopped_by(release)} blocked it: {release.blocked_reason} {LIFTING}"
        found.append(_stop("blocked", message, release))
    product = release.product
    if product.is_blocked:
        message = f"{stopped_by(product)} blocked all of {product}: {product.blocked_reason} {LIFTING}"
        found.append(_stop("product-blocked", message, product))
    return found


def _stop(code: str, message: str, stopped) -> Blocker:
    url = lift_address(stopped)
    return Blocker(code, message, url, "Lift the block" if url else "")


def stopped_by(stopped) -> str:
    return stopped.blocked_by.name if stopped.blocked_by else "Somebody"


def window_closed(release) -> list[Blocker]:
    now = timezone.now()
    if release.window_starts_at is None:
        message = "No window. Say between which two times it goes live."
        return [Blocker("window-missing", message, address("edit", release), "Set the window")]
    if now < release.window_starts_at:
        message = f"The window opens {wording.full(release.window_starts_at)}. Wait, or move it."
        return [Blocker("window-not-open", message, address("edit", release), "Move the window")]
    if now >= release.window_ends_at:
        message = f"The window closed {wording.full(release.window_ends_at)}. Give it a new one."
        return [Blocker("window-over", message, address("edit", release), "Move the window")]
    return []


def window_open_because(release) -> str:
    return f"Open until {wording.full(release.window_ends_at)}"


def dependencies_unreleased(release) -> list[Blocker]:
    return [
        Blocker(
            f"dependency-unreleased:{d.needs_id}",
            f"{d.needs} must ship first and is {d.needs.get_state_display().lower()}. Deploy that one, or change the dependency.",
            d.needs.get_absolute_url(),
            f"Open {d.needs.version}",
        )
        for d in release.dependencies.all()
        if d.must_ship_first and d.needs.state not in SHIPPED
    ]


def dependencies_released_because(release) -> str:
    needed = [str(d.needs) for d in release.dependencies.all() if d.must_ship_first]
    return f"{wording.listed(needed)} shipped" if needed else "Waits for no other release"


# What a change needs

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


# What the catalogue of standard changes needs


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


def carries_candidate(release) -> bool:
    """Whether a candidate may be added now: from the build to ready, and from the draft on in an emergency."""
    early = (ReleaseState.DRAFT, ReleaseState.PLANNED)
    return standing(release) in CARRIES or (release.is_emergency and standing(release) in early)
