"""What waits for one person's decision, and the decision sheet that shows everything it rests on."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, prefetch_related_objects
from django.urls import reverse

from accounts import policy
from accounts.models import Grant, User
from accounts.roles import ROLES
from approvals import guards, ledger, matching, sheet, tally
from approvals.models import ApprovalRequest, FreezeOverride, Signoff, Waiver
from approvals.states import Facet, RequestState, SignoffKind, SignoffState, VoteState
from core import gates, wording
from releases.models import Release
from releases.states import OPEN


@dataclass(frozen=True)
class Item:
    """One thing that waits. `kind`: vote, waiver, override or signoff; `why` says in a sentence what is asked and by whom.

    `again` marks a vote that was given and went stale; `request` is set for votes.
    """

    kind: str
    title: str
    url: str
    why: str
    due_at: datetime | None = None
    risk: str = ""
    again: bool = False
    request: ApprovalRequest | None = None


def waiting_for(user: User) -> list[Item]:
    """Everything that waits for a person's decision, what is due first at the top. The number of queries does not grow."""
    if user.is_service:
        return []
    found = [*votes(user), *waivers(user), *overrides(user), *signatures(user)]
    return sorted(
        found, key=lambda item: (item.due_at is None, item.due_at.timestamp() if item.due_at else 0, item.title)
    )


# Votes


def votes(user: User) -> list[Item]:
    return [vote_item(request, user) for request in requests_for(user)]


def requests_for(user: User) -> list[ApprovalRequest]:
    """Pending requests where the person's vote would help: by the sheet as last frozen, so that a list stays cheap."""
    held = approving_roles(user)
    if not held:
        return []
    roles = {role for those in held.values() for role in those}
    rows = (
        ApprovalRequest.objects.pending()
        .visible_to(user)
        .exclude(requester=user)
        .filter(rules__role__in=roles)
        .distinct()
    )
    rows = rows.select_related("release__product", "change__product", "requester").prefetch_related(
        "rules", "votes", "release__changes", "release__risks"
    )
    return [r for r in rows.order_by("due_at") if would_help(r, user, held)]


def approving_roles(user: User) -> dict[str, set[str]]:
    """{scope: approving roles} that a person holds, by themselves or by a team. One query."""
    approving = [role.slug for role in ROLES.values() if role.approves]
    rows = Grant.objects.filter(Q(user=user) | Q(team__members=user), role__in=approving)
    held: dict[str, set[str]] = {}
    for scope, role in rows.values_list("scope", "role"):
        held.setdefault(scope, set()).add(role)
    return held


def would_help(request: ApprovalRequest, user: User, held: dict[str, set[str]]) -> bool:
    """Whether the person's approval, given next, would fill a place that is still open."""
    if user.pk in matching.barred(request.subject, request.requester_id):
        return False
    if any(v.person_id == user.pk and v.state == VoteState.CAST for v in request.votes.all()):
        return False
    mine = held.get(policy.EVERYWHERE, set()) | held.get(policy.scope_of(request), set())
    counted = tally.count(request, request.digests, {role: {user.pk} for role in mine})
    return any(user.pk in rule.could_help for rule in counted.rules)


def vote_item(request: ApprovalRequest, user: User) -> Item:
    again = any(v.person_id == user.pk and v.state == VoteState.INVALIDATED for v in request.votes.all())
    why = "Approve again: it changed since your vote" if again else f"{request.requester.name} asks for your approval"
    url, risk = reverse("portal:inbox_item", args=[request.pk]), sheet.band_of(request.subject)
    return Item("vote", str(request.subject), url, why, request.due_at, risk, again, request)


# Exemptions and signatures


def waivers(user: User) -> list[Item]:
    rows = Waiver.objects.requested().visible_to(user).exclude(requested_by=user)
    rows = policy.only_where(rows, user, "releases.waive_tests", "signoff__candidate__release__product_id")
    return [
        Item(
            "waiver",
            str(w.signoff.candidate.release),
            reverse("approvals:waiver", args=[w.pk]),
            f"{w.requested_by.name} asks to waive the {w.signoff.get_kind_display()} tests: {w.reason}",
            w.expires_at,
        )
        for w in rows.select_related("signoff__candidate__release__product", "requested_by")
    ]


def overrides(user: User) -> list[Item]:
    rows = FreezeOverride.objects.requested().visible_to(user).exclude(requested_by=user)
    rows = policy.only_where(rows, user, "releases.override_freeze", "release__product_id")
    return [
        Item(
            "override",
            str(o.release),
            reverse("approvals:override", args=[o.pk]),
            f"{o.requested_by.name} asks to ship during {o.freeze.name}: {o.reason}",
            o.expires_at,
        )
        for o in rows.select_related("release__product", "freeze", "requested_by")
    ]


def signatures(user: User) -> list[Item]:
    """Tests that passed on the current candidate of an open release and wait for a name."""
    rows = Signoff.objects.visible_to(user).filter(
        state=SignoffState.PASSED, candidate=F("candidate__release__candidate"), candidate__release__state__in=OPEN
    )
    rows = policy.only_where(rows, user, "releases.sign_off_tests", "candidate__release__product_id")
    return [
        Item(
            "signoff",
            str(s.candidate.release),
            guards.signoff_url(s.candidate.release, s.kind),
            f"{s.get_kind_display()} tests passed on {s.candidate.short} and wait for a signature",
        )
        for s in rows.select_related("candidate__release__product")
    ]


# The sheet

_TABLES = ("policy_table", "grant_table")
_RELEASE_PARTS = (*sheet.RELEASE_PARTS, *_TABLES, "required_table", "requests__votes__person", "requests__rules")
_CHANGE_PARTS = (*sheet.CHANGE_PARTS, *_TABLES)


def loaded(request_id: int) -> ApprovalRequest:
    """A request with everything that its sheet reads. Raises ApprovalRequest.DoesNotExist."""
    return (
        ApprovalRequest.objects.select_related(
            "release__product",
            "release__manager",
            "release__candidate",
            "change__product",
            "change__author",
            "requester",
        )
        .prefetch_related("rules", "votes__person", "votes__sheet", "questions__asked_by", "questions__answered_by")
        .get(pk=request_id)
    )


def sheet_for(request: ApprovalRequest, user: User, *, shown: str = "", comment: str = "", blockers=()) -> dict:
    """The context of `approvals/_sheet.html` for one reader.

    `shown` is the digest of a sheet that moved under the reader's hands: the difference is then to that one. `comment` is what was
    typed, `blockers` what a door answered.
    """
    request = loaded(request.pk)
    subject = request.subject
    prefetch_related_objects([subject], *(_RELEASE_PARTS if request.release_id else _CHANGE_PARTS))
    live = sheet.of(subject)
    mine = [v for v in request.votes.all() if v.person_id == user.pk]
    before = _before(request, mine, shown, live)
    not_you = why_not(request, user)
    return {
        "asked": request,
        "subject": subject,
        "is_release": request.release_id is not None,
        "risk": sheet.band_of(subject),
        "digest": live.digest,
        "facets": facets(live.content),
        "moved": bool(shown),
        "before": before,
        "difference": sheet.compare(before.content, live.content) if before else [],
        "same": sheet.unchanged(before.content, live.content) if before else [],
        "last": mine[-1] if mine else None,
        "standing": next((v for v in mine if v.state == VoteState.CAST), None),
        "evidence": evidence(subject),
        "ledger": ledger.of(request),
        "questions": list(request.questions.all()),
        "may_answer": policy.may(user, "releases.comment", request) and not user.is_service,
        "not_you": not_you,
        "consequence": "" if not_you else consequence(request, user, live),
        "comment": comment,
        "comment_error": next((b.message for b in blockers if b.field == "comment"), ""),
        "blockers": [b for b in blockers if b.field != "comment" and b.code != "moved"],
    }


def _before(request: ApprovalRequest, mine: list, shown: str, live: sheet.Sheet):
    """The sheet to show the difference to: the one that was on the page, else the one of the reader's last decision."""
    if shown:
        known = request.sheets.filter(digest=shown).first()
        return known or request.sheets.exclude(digest=live.digest).last()
    if mine and mine[-1].sheet.digest != live.digest:
        return mine[-1].sheet
    return None


def why_not(request: ApprovalRequest, user: User) -> str:
    """Why the reader cannot decide here, as a sentence; "" when they can."""
    if request.state != RequestState.PENDING:
        return f"This request is {request.get_state_display().lower()}; no vote is open on it."
    if user.is_service:
        return "Service accounts may report and enact, never sign."
    if user.pk == request.requester_id:
        return "You asked for this approval, so your vote does not count."
    if user.pk in matching.barred(request.subject, None):
        return "You wrote what is to be approved, so your vote does not count."
    if not policy.may(user, "releases.vote", request):
        return policy.refusal_text("releases.vote")
    if not roles_of(request, user):
        return "None of this request's rules asks for a role that you hold."
    return ""


def roles_of(request: ApprovalRequest, user: User) -> list[str]:
    people = matching.eligible(request.subject, request.rules.all(), request.requester_id)
    return sorted(role for role, those in people.items() if user.pk in those)


def consequence(request: ApprovalRequest, user: User, live: sheet.Sheet) -> str:
    """What happens when the reader approves, in a sentence or two."""
    after = tally.with_approval(request, user.pk, roles_of(request, user), live.digests)
    if not after.met:
        still = [wording.plural(r.missing, r.rule.role_name) for r in after.open]
        be = "is" if after.missing == 1 else "are"
        return f"Your approval counts; {wording.listed(still)} {be} still needed. Nothing moves yet."
    if request.change_id:
        return f"Your approval completes the quorum: {request.change.key} is approved. It ships with the release that it is in."
    return f"Your approval completes the quorum: {_then(request.release)} Nothing ships until somebody starts the deployment."


def _then(release: Release) -> str:
    names = [n for n in Release.machine.steps["mark_ready"].gates if n != "approval"]
    blocking = [a for a in gates.answers("release.mark_ready", names, release) if not a.clear]
    if release.state == "ready" or not blocking:
        return f"{release} {'stays' if release.state == 'ready' else 'becomes'} ready."
    gates_left = wording.listed([a.label.lower() for a in blocking])
    return f"{release} becomes ready as soon as {gates_left} {'is' if len(blocking) == 1 else 'are'} clear."


def facets(content: dict[str, dict]) -> list[tuple[str, list[tuple[str, str | list[str]]]]]:
    """[(facet, [(label, text or list of texts)])] of what a sheet says; empty fields and facets are left out."""
    shown = []
    for facet in Facet.values:
        rows = [
            (sheet.label(name), _shown(value))
            for name, value in content.get(facet, {}).items()
            if value not in ("", [], None)
        ]
        if rows:
            shown.append((facet, rows))
    return shown


def _shown(value) -> str | list[str]:
    return [sheet.row_words(row) for row in value] if isinstance(value, list) else sheet.worded(value)


def evidence(subject) -> list[tuple[str, str, str, str]]:
    """[(state, kind, words, url)] of the sign-offs of a release's current candidate, required ones that are missing included."""
    if subject._meta.model_name != "release" or subject.candidate is None:
        return []
    known = {s.kind: s for s in subject.candidate.signoffs.select_related("signed_by", "reported_by")}
    kinds = [*matching.required_kinds(subject), *sorted(known)]
    return [_evidence_row(subject, kind, known.get(kind)) for kind in dict.fromkeys(kinds)]


def _evidence_row(release: Release, kind: str, signoff: Signoff | None) -> tuple[str, str, str, str]:
    label, url = SignoffKind(kind).label, guards.signoff_url(release, kind)
    if signoff is None:
        return SignoffState.REQUIRED.value, label, "not reported yet", url
    if signoff.state == SignoffState.SIGNED_OFF and signoff.signed_by:
        return signoff.state, label, f"{signoff.signed_by.name}, {wording.near(signoff.signed_at)}", url
    if signoff.reported_by:
        return signoff.state, label, f"{signoff.reported_by.name}, {wording.near(signoff.reported_at)}", url
    return signoff.state, label, "", url
