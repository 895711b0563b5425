"""Approving several requests at once: a page with the sheet of each, and what came of each."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import policy
from approvals import actions, reading
from approvals.actions.bulk import MANY, Ballot, Cast
from approvals.models import ApprovalRequest
from core.blockers import Refused

WORDS = {
    "approved": ("ok", "check-circle", "Approved"),
    "already": ("ok", "check-circle", "Approved before"),
    "moved": ("warn", "stale", "It changed, not counted"),
    "refused": ("bad", "x-circle", "Not counted"),
}


@login_required
def bulk(request: HttpRequest) -> HttpResponse:
    """GET `?pick=1&pick=2`: their sheets in short. POST: approve those picked, each on the `digest-<id>` that was shown."""
    policy.require_person(request.user)
    ids = _picked(request.POST if request.method == "POST" else request.GET)
    _require_in_sight(request, ids)
    if request.method != "POST":
        return _sheets(request, ids)
    ballots = [Ballot(pk, request.POST.get(f"digest-{pk}", ""), _number(request.POST.get(f"seat-{pk}"))) for pk in ids]
    comment = request.POST.get("comment", "")
    try:
        cast = actions.approve_many(ballots, actor=request.user, comment=comment)
    except Refused as refusal:
        return _sheets(request, ids, comment, refusal.blockers, status=409)
    again = [c.ballot.request_id for c in cast if c.outcome == "moved"]
    context = {"results": [(c, *WORDS[c.outcome], _why(c)) for c in cast], "again": again, "comment": comment}
    return render(request, "approvals/bulk_done.html", context | {"tally": _tally(cast)})


def _picked(given) -> list[int]:
    """The ids picked, in their order, each once. Raises Http404 for what is no id."""
    found = [_number(text) for text in given.getlist("pick")]
    if None in found:
        raise Http404
    return list(dict.fromkeys(found))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None


def _require_in_sight(request: HttpRequest, ids: list[int]) -> None:
    if ApprovalRequest.objects.visible_to(request.user).filter(pk__in=ids).count() != len(ids):
        raise Http404("There is no such request in your sight.")


def _sheets(request: HttpRequest, ids: list[int], comment: str = "", blockers=(), status: int = 200) -> HttpResponse:
    briefs = [reading.brief_for(asked, request.user) for asked in reading.loaded_all(ids[:MANY])]
    ready, alone = [], []
    for brief in briefs:
        why = why_alone(brief)
        (alone if why else ready).append(brief | {"why": why})
    context = {"ready": ready, "alone": alone, "comment": comment, "blockers": blockers, "more": len(ids) - MANY}
    return render(request, "approvals/bulk.html", context, status=status)


def why_alone(brief: dict) -> str:
    """Why a request is not decided together with others, as a sentence; "" where it may be."""
    asked, standing = brief["asked"], brief["standing"]
    if standing is not None:
        return f"You {'approved' if standing.verdict == 'approve' else 'rejected'} it already."
    if brief["not_you"]:
        return brief["not_you"]
    if not asked.allow_bulk:
        return f"The policy row {asked.policy_name} wants it decided by itself."
    if len(brief["places"]) > 1:
        return "You stand in for several people here; choose in whose place you vote."
    return ""


def _why(cast: Cast) -> str:
    if cast.outcome == "moved":
        return "It changed while you were deciding. Read what changed, then decide on it."
    if cast.outcome == "already":
        return "Your approval stands; nothing was counted twice."
    if cast.outcome == "refused":
        return " ".join(blocker.message for blocker in cast.blockers)
    state = ApprovalRequest.objects.values_list("state", flat=True).get(pk=cast.ballot.request_id)
    return "The quorum is complete." if state == "approved" else "Others are still needed."


def _tally(cast: list[Cast]) -> tuple[int, int]:
    """(how many are approved now, how many are not)."""
    done = sum(1 for c in cast if c.outcome in ("approved", "already"))
    return done, len(cast) - done
