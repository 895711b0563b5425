"""The decision sheet for one reader: everything the decision rests on, and what this reader's click would do."""

from collections.abc import Iterable
from dataclasses import fields

from django.db.models import prefetch_related_objects

from accounts import policy
from accounts.models import User
from approvals import around, effects, guards, inbox, ledger, matching, places, sheet, tally
from approvals.models import ApprovalRequest, Policy, Signoff, Vote
from approvals.states import Facet, RequestState, SignoffKind, SignoffState, Subject, VoteState
from approvals.subjects import Facts, kind_of
from core import gates, wording
from releases.models import Release

_OF_RELEASES = (
    "required_table",
    "freeze_overrides",
    "candidates",
    "candidate__signoffs__signed_by",
    "candidate__signoffs__reported_by",
    "candidate__signoffs__waivers",
)


def loaded(request_id: int) -> ApprovalRequest:
    """A request with its rules, votes and questions. Raises ApprovalRequest.DoesNotExist."""
    return _whole(ApprovalRequest.objects.all()).get(pk=request_id)


def loaded_all(ids: Iterable[int]) -> list[ApprovalRequest]:
    """Requests with everything that their sheets read, in the order of `ids`; in a number of queries that does not grow."""
    ids = list(ids)
    found = _whole(ApprovalRequest.objects.all()).in_bulk(ids)
    rows = [found[pk] for pk in dict.fromkeys(ids) if pk in found]
    furnish(rows)
    return rows


def _whole(rows):
    return (
        rows.with_subjects()
        .select_related("release__candidate", "change__author", "policy")
        .prefetch_related(
            "rules",
            "votes__person",
            "votes__seat",
            "votes__delegation",
            "votes__sheet",
            "questions__asked_by",
            "questions__answered_by",
            "policy__rows__product",
        )
    )


def furnish(requests: list[ApprovalRequest]) -> None:
    """Fetch what the sheets of these requests read of their subjects, once for each kind."""
    by_model: dict[type, list] = {}
    for request in requests:
        by_model.setdefault(type(request.subject), []).append(request.subject)
    for model, subjects in by_model.items():
        more = (*gates.prefetches("release.mark_ready"), *_OF_RELEASES) if model is Release else ()
        prefetch_related_objects(subjects, *dict.fromkeys((*kind_of(subjects[0]).parts, *more)))
    inbox.lend_tables([request.subject for request in requests], matching.TABLES)
    releases = [r for r in map(around.release_of, requests) if r is not None]
    prefetch_related_objects(releases, *_OF_RELEASES[1:], "dependencies__needs__product", "product")
    inbox.lend_tables(releases, ("freeze_table",))


# The whole sheet


def sheet_for(
    request: ApprovalRequest, user: User, *, shown: str = "", comment: str = "", seat_id: int | None = None, blockers=()
) -> dict:
    """The context of `approvals/_sheet.html` for one reader.

    `shown` is the digest of a sheet that moved under the reader's hands: the difference is then to that one. `comment` is what was
    typed, `seat_id` whose place was chosen, `blockers` what a door answered.
    """
    [request] = loaded_all([request.pk])
    brief = brief_for(request, user, shown=shown, seat_id=seat_id)
    subject = request.subject
    return brief | {
        "is_release": request.release_id is not None,
        "moved": bool(shown),
        "evidence": evidence(subject),
        "proposed": proposed(request, brief["live"]),
        "around": around.of(request, user),
        "reasons": reasons(request),
        "ledger": ledger.of(request),
        "questions": list(request.questions.all()),
        "may_answer": policy.may(user, "releases.comment", request) and not user.is_service,
        "comment": comment,
        "comment_error": next((b.message for b in blockers if b.field == "comment"), ""),
        "blockers": [b for b in blockers if b.field != "comment" and b.code != "moved"],
    }


def brief_for(request: ApprovalRequest, user: User, *, shown: str = "", seat_id: int | None = None) -> dict:
    """What a decision needs at least: the facets with their digest, what changed for this reader, and what the click does.

    The request comes from `loaded_all`.
    """
    subject = request.subject
    kind = kind_of(subject)
    live = sheet.of(subject)
    mine = [v for v in request.votes.all() if v.person_id == user.pk]
    before = _before(request, mine, shown, live)
    seats = matching.seats(subject, request.rules.all(), request.requester_id, request)
    not_you = why_not(request, user, seats)
    open_places = [] if not_you else open_to(request, user, seats)
    place = next((p for p in open_places if p.seat.pk == seat_id), None) or next(iter(open_places), None)
    return {
        "asked": request,
        "subject": subject,
        "kind": kind,
        "subject_url": kind.url(subject),
        "risk": sheet.band_of(subject),
        "live": live,
        "digest": live.digest,
        "facets": facets(live.content),
        "before": before,
        "difference": sheet.compare(before.content, live.content) if before else [],
        "same": sheet.unchanged(before.content, live.content) if before else [],
        "last": mine[-1] if mine else None,
        "standing": next((v for v in mine if v.state == VoteState.CAST), None),
        "not_you": not_you,
        "places": open_places,
        "place": place,
        "consequence": consequence(request, user, live, place) if place else "",
    }


def _before(request: ApprovalRequest, mine: list[Vote], shown: str, live: sheet.Sheet):
    """The sheet to show the difference to: the one that was on the page, else the one of the reader's last decision."""
    if shown:
        known = request.sheets.filter(digest=shown).first()
        return known or request.sheets.exclude(digest=live.digest).last()
    if mine and mine[-1].sheet.digest != live.digest:
        return mine[-1].sheet
    return None


# Who the reader is here


def why_not(request: ApprovalRequest, user: User, seats: matching.Seats | None = None) -> str:
    """Why the reader cannot decide here, as a sentence; "" when they can."""
    if request.state != RequestState.PENDING:
        return f"This request is {request.get_state_display().lower()}; no vote is open on it."
    if user.is_service:
        return "Service accounts may report and enact, never sign."
    barred = places.barred(request, user)
    if barred:
        return barred.message
    own, others = places.of(request, user, seats)
    mine = [own] if own else others
    if not mine:
        if not policy.may(user, "releases.vote", request):
            return policy.refusal_text("releases.vote")
        return "None of this request's rules asks for you, and nobody who is asked delegated to you."
    if not any(places.is_open(request, place) for place in mine):
        return "Others decide first: your stage is not reached yet."
    filled = {v.seat_id: v.person for v in tally.cast(request) if v.person_id != user.pk}
    if own is None and all(place.seat.pk in filled for place in mine):
        seat, voter = mine[0].seat, filled[mine[0].seat.pk]
        return f"{seat.name} has voted in person." if voter == seat else f"{voter.name} has filled {seat.name}'s place."
    return ""


def open_to(request: ApprovalRequest, user: User, seats: matching.Seats | None = None) -> list[places.Place]:
    """The places that the reader may fill now: their own, or those of the people they stand in for; taken ones last."""
    own, others = places.of(request, user, seats)
    taken = {v.seat_id for v in tally.cast(request) if v.person_id != user.pk}
    free = [p for p in others if p.seat.pk not in taken and places.is_open(request, p)]
    return [own] if own else free or others[:1]


def consequence(request: ApprovalRequest, user: User, live: sheet.Sheet, place: places.Place | None = None) -> str:
    """What happens when the reader approves, in their own place or `place`, in a sentence or two."""
    place = place or open_to(request, user)[0]
    after = tally.with_approval(request, place.seat.pk, place.rules, live.digests)
    what = f"Your approval in {place.seat.name}'s place" if place.delegation else "Your approval"
    if not after.met:
        still = [wording.plural(r.missing, r.rule.label) for r in after.open]
        be = "is" if after.missing == 1 else "are"
        return f"{what} counts; {wording.listed(still)} {be} still needed. Nothing moves yet."
    return f"{what} completes the quorum: {effects.of(request)}"


# What is on it


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


def proposed(request: ApprovalRequest, live: sheet.Sheet) -> list[dict] | None:
    """For a policy: how it differs from the version in force, as rows of a difference. None for anything else."""
    if request.kind != Subject.POLICY:
        return None
    in_force = Policy.objects.in_force().filter(subject=request.proposal.subject).exclude(pk=request.proposal_id)
    standing = in_force.prefetch_related("rows__rules", "rows__product", "based_on").first()
    if standing is None:
        return []
    facet = Facet.CONFIGURATION.value
    return sheet.compare({facet: sheet.of(standing).content[facet]}, {facet: live.content[facet]})


def reasons(request: ApprovalRequest) -> list[tuple[str, list[matching.Condition]]]:
    """[(row, its conditions with what was found)] of the policy's rows that gave the request its rules, as it was opened."""
    rows = {row.name: row for row in request.policy.rows.all()} if request.policy else {}
    known = {field.name for field in fields(Facts)}
    facts = Facts(**{"subject": request.kind} | {k: v for k, v in request.facts.items() if k in known})
    day = request.opened_at.date()
    return [
        (name, matching.conditions(rows[name], facts, day) if name in rows and request.facts else [])
        for name in request.row_names
    ]


def evidence(subject) -> list[tuple[str, str, str, str]]:
    """[(state, kind, words, url)] of the sign-offs of a release's current candidate, required ones that are missing included."""
    if kind_of(subject).name != "release" or subject.candidate is None:
        return []
    known = {s.kind: s for s in subject.candidate.signoffs.all()}
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
