"""What waits for one person's decision, and the decision sheet that shows everything it rests on."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import F, Q, prefetch_related_objects
from django.urls import reverse
from django.utils import timezone

from accounts import policy
from accounts.models import User
from accounts.roles import ROLES
from approvals import effects, guards, ledger, matching, places, sheet, tally, who
from approvals.models import ApprovalRequest, Delegation, Signoff
from approvals.states import Facet, RequestState, SignoffKind, SignoffState, Subject, VoteState
from approvals.subjects import kind_of
from core import wording
from releases.models import Release
from releases.states import OPEN


@dataclass(frozen=True)
class Item:
    """One thing that waits. `kind`: vote, signoff, or what else a request is about (waiver, override, …).

    `why` says in a sentence what is asked and by whom.

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
    found = [*votes(user), *signatures(user)]
    return sorted(
        found, key=lambda item: (item.due_at is None, item.due_at.timestamp() if item.due_at else 0, item.title)
    )


# Votes


def votes(user: User) -> list[Item]:
    return [vote_item(request, user) for request in requests_for(user)]


def requests_for(user: User) -> list[ApprovalRequest]:
    """Pending requests where the person's vote would help: by the sheet as last frozen, so that a list stays cheap."""
    asked = selectors_of(user)
    if not asked:
        return []
    reached = reduce(or_, (Q(rules__who__contains=str(s)) for s in sorted(asked)))
    rows = ApprovalRequest.objects.pending().visible_to(user).filter(reached, rules__opened_at__isnull=False)
    rows = rows.with_subjects().defer("sheet").order_by("due_at", "pk").distinct()
    found = list(rows.prefetch_related("rules", "votes", *_LISTED))
    return [r for r in found if would_help(r, user)]


_LISTED = ("release__changes", "release__risks")


def selectors_of(user: User) -> set[who.Selector]:
    """By which selectors rules may ask for a person's vote: their own, and those of whom they stand in for now."""
    now = timezone.now()
    delegators = Delegation.objects.standing().filter(stand_in=user, starts_at__lte=now).values("person")
    people = User.objects.filter(Q(pk=user.pk) | Q(pk__in=delegators)).prefetch_related("grants", "teams__grants")
    found = set()
    for person in people:
        found.add(who.Selector("person", str(person.pk)))
        teams = person.teams.all()
        found |= {who.Selector("team", team.slug) for team in teams}
        grants = [*person.grants.all(), *(g for team in teams for g in team.grants.all())]
        found |= {who.Selector("role", g.role) for g in grants if g.role in APPROVING}
    return found


APPROVING = {role.slug for role in ROLES.values() if role.approves}


def would_help(request: ApprovalRequest, user: User) -> bool:
    """Whether the person's approval, given next, would fill a place that is still open."""
    if places.barred(request, user) or any(
        v.person_id == user.pk and v.state == VoteState.CAST for v in request.votes.all()
    ):
        return False
    seats = matching.seats(request.subject, request.rules.all(), request.requester_id, request)
    own, others = places.of(request, user, seats)
    mine = [own] if own else others
    if not mine:
        return False
    eligible = {rule.who: {p.seat.pk for p in mine if rule.who in p.rules} for rule in request.rules.all()}
    counted = tally.count(request, request.digests, eligible)
    return any(rule.could_help for rule in counted.rules)


def vote_item(request: ApprovalRequest, user: User) -> Item:
    again = any(v.person_id == user.pk and v.state == VoteState.INVALIDATED for v in request.votes.all())
    why = "Approve again: it changed since your vote" if again else f"{request.requester.name} asks for your approval"
    url, risk = reverse("portal:inbox_item", args=[request.pk]), sheet.band_of(request.subject)
    kind = "vote" if request.kind in (Subject.RELEASE, Subject.CHANGE) else request.kind
    return Item(kind, title_of(request), url, why, request.due_at, risk, again, request)


def title_of(request: ApprovalRequest) -> str:
    """What it is about; what the kind is where that is neither a release nor a change."""
    after = "In retrospect: " if request.is_retrospective else ""
    return f"{after}{request.subject}"


# Signatures


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

_RELEASE_GATES = ("required_table", "requests__votes__person", "requests__rules")


def loaded(request_id: int) -> ApprovalRequest:
    """A request with everything that its sheet reads. Raises ApprovalRequest.DoesNotExist."""
    return (
        ApprovalRequest.objects.with_subjects()
        .select_related("release__candidate", "change__author", "policy")
        .prefetch_related(
            "rules", "votes__person", "votes__seat", "votes__sheet", "questions__asked_by", "questions__answered_by"
        )
        .get(pk=request_id)
    )


def sheet_for(request: ApprovalRequest, user: User, *, shown: str = "", comment: str = "", blockers=()) -> dict:
    """The context of `approvals/_sheet.html` for one reader.

    `shown` is the digest of a sheet that moved under the reader's hands: the difference is then to that one. `comment` is what was
    typed, `blockers` what a door answered.
    """
    request = loaded(request.pk)
    subject = request.subject
    kind = kind_of(subject)
    prefetch_related_objects([subject], *kind.parts, *matching.TABLES, *(_RELEASE_GATES if request.release_id else ()))
    live = sheet.of(subject)
    mine = [v for v in request.votes.all() if v.person_id == user.pk]
    before = _before(request, mine, shown, live)
    not_you = why_not(request, user)
    return {
        "asked": request,
        "subject": subject,
        "kind": kind,
        "subject_url": kind.url(subject),
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
    barred = places.barred(request, user)
    if barred:
        return barred.message
    own, others = places.of(request, user)
    mine = own or next(iter(others), None)
    if mine is None:
        if not policy.may(user, "releases.vote", request):
            return policy.refusal_text("releases.vote")
        return "None of this request's rules asks for you, and nobody who is asked delegated to you."
    if not places.is_open(request, mine):
        return "Others decide first: your stage is not reached yet."
    return ""


def consequence(request: ApprovalRequest, user: User, live: sheet.Sheet) -> str:
    """What happens when the reader approves, in a sentence or two."""
    own, others = places.of(request, user)
    place = own or others[0]
    after = tally.with_approval(request, place.seat.pk, place.rules, live.digests)
    what = f"Your approval in {place.seat.name}'s place" if place.delegation else "Your approval"
    if not after.met:
        still = [wording.plural(r.missing, r.rule.label) for r in after.open]
        be = "is" if after.missing == 1 else "are"
        return f"{what} counts; {wording.listed(still)} {be} still needed. Nothing moves yet."
    return f"{what} completes the quorum: {effects.of(request)}"


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
    if kind_of(subject).name != "release" or subject.candidate is None:
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
