"""Deciding: approve, reject, ask; and taking part afterwards: answer, take a vote back, withdraw."""

import json
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import policy
from approvals import actions, effects, inbox, reading
from approvals.forms import ReasonForm, WantedForm
from approvals.guards import subject_url
from approvals.models import ApprovalRequest, Question, Vote
from approvals.subjects.kind import address
from core.blockers import Refused
from core.forms import knock

SAID = {"approve": "Approved", "reject": "Rejected", "ask": "Question asked"}


@login_required
def decide(request: HttpRequest, pk: int, how: str) -> HttpResponse:
    """GET: the sheet with the form. POST: decide on what was shown (`digest`), with `comment`, in the place of `seat`."""
    asked = _visible(request, pk)
    if request.method != "POST":
        return _sheet(request, asked, how)
    comment, digest = request.POST.get("comment", ""), request.POST.get("digest", "")
    seat_id = chosen_seat(request)
    try:
        if how == "ask":
            actions.ask(pk, actor=request.user, text=comment)
        else:
            actions.cast_vote(pk, actor=request.user, verdict=how, digest=digest, comment=comment, seat_id=seat_id)
    except Refused as refusal:
        return _sheet(request, asked, how, refusal, comment=comment, digest=digest, seat_id=seat_id)
    return _decided(request, pk, how)


def chosen_seat(request: HttpRequest) -> int | None:
    """Whose place the form says to fill; None leaves it to the door."""
    text = request.POST.get("seat", "")
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def _visible(request: HttpRequest, pk: int) -> ApprovalRequest:
    found = ApprovalRequest.objects.visible_to(request.user).with_subjects().filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _sheet(
    request: HttpRequest,
    asked: ApprovalRequest,
    how: str,
    refusal: Refused | None = None,
    comment: str = "",
    digest: str = "",
    seat_id: int | None = None,
) -> HttpResponse:
    blockers = refusal.blockers if refusal else []
    moved = any(b.code == "moved" for b in blockers)
    shown = (digest or "?") if moved else ""
    context = reading.sheet_for(asked, request.user, shown=shown, comment=comment, seat_id=seat_id, blockers=blockers)
    context["how"], context["list_query"] = how, _list_query(request)
    status = 200 if refusal is None else 422 if context["comment_error"] else 409
    context["failed"] = status == 422
    return render(request, "approvals/_sheet.html" if request.htmx else "approvals/decide.html", context, status=status)


def _list_query(request: HttpRequest) -> str:
    """The query of the list that the sheet was opened from: it says what comes next. Other parameters are dropped."""
    return WantedForm.query_of(QueryDict(request.POST.get("list", "") or request.META.get("QUERY_STRING", "")))


def _decided(request: HttpRequest, pk: int, how: str) -> HttpResponse:
    """What came of it. Over htmx an approval brings the next sheet of the list at once; without script it is the next page."""
    asked = reading.loaded(pk)
    query = _list_query(request)
    following = inbox.following(request.user, asked, WantedForm(QueryDict(query[1:]), reader=request.user).wanted())
    said = {"asked": asked, "said": SAID[how], "outcome": outcome(asked, how)}
    if not request.htmx:
        messages.success(request, f"{said['said']}: {asked.subject}\n{said['outcome']}")
        to = reverse("portal:inbox_item", args=[following.pk]) if following and how == "approve" else ""
        return redirect((to or address("portal:inbox") or subject_url(asked.subject)) + query)
    if following and how == "approve":
        response = _next_sheet(request, following, said, query)
    else:
        context = said | {"how": how, "following": following and reading.loaded(following.pk), "list_query": query}
        response = render(request, "approvals/_decided.html", context)
    decided = None if how == "ask" else pk
    response["HX-Trigger"] = json.dumps({"inbox-changed": {"decided": decided}})
    return response


def _next_sheet(request: HttpRequest, following: ApprovalRequest, said: dict, query: str) -> HttpResponse:
    vote = said["asked"].votes.filter(person=request.user, state="cast").last()
    context = reading.sheet_for(following, request.user) | {
        "how": "",
        "oob": True,
        "list_query": query,
        "just": said | {"vote": vote},
    }
    response = render(request, "approvals/_next.html", context)
    response["HX-Push-Url"] = reverse("portal:inbox_item", args=[following.pk]) + query
    return response


def outcome(asked: ApprovalRequest, how: str) -> str:
    """What came of it, in a sentence."""
    if how == "ask":
        return f"{asked.requester.name} is told. A question counts as no vote."
    if asked.state == "approved" and asked.kind not in ("release", "change"):
        return f"The quorum is complete: {effects.of(asked)}"
    if asked.state == "approved":
        ready = asked.release_id and asked.release.state == "ready"
        return "The quorum is complete" + (
            "; it is ready and waits for somebody to start the deployment." if ready else "."
        )
    if asked.state == "rejected":
        return "The request has ended. It can be asked for again once it is mended."
    return "Others are still needed."


@require_POST
@login_required
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    question = Question.objects.get(pk=pk)
    asked = _visible(request, question.request_id)
    text = request.POST.get("text", "")
    try:
        actions.answer(pk, actor=request.user, text=text)
    except Refused as refusal:
        context = reading.sheet_for(asked, request.user, blockers=refusal.blockers) | {
            "how": "",
            "answer_kept": {pk: text},
            "failed": True,
        }
        return render(
            request, "approvals/_sheet.html" if request.htmx else "approvals/decide.html", context, status=422
        )
    if request.htmx:
        return render(request, "approvals/_sheet.html", reading.sheet_for(asked, request.user) | {"how": ""})
    messages.success(request, "Answered\nWho asked is told.")
    return redirect(address("portal:inbox_item", asked.pk) or subject_url(asked.subject))


@login_required
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for the reason, POST takes one's own vote back."""
    vote = Vote.objects.get(pk=pk)
    asked = _visible(request, vote.request_id)
    title = f"Take your vote on {asked.subject} back?"
    text = "If the approval rested on it, it is open again, and no deployment starts until it is complete."
    door = partial(actions.revoke_vote, pk, actor=request.user)
    return _with_reason(
        request, title, text, "Take the vote back", "Keep my vote", subject_url(asked.subject), door, "Vote taken back"
    )


@login_required
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for the reason, POST withdraws the request."""
    asked = _visible(request, pk)
    if request.user.pk != asked.requester_id:
        policy.require(request.user, "releases.manage_release", asked)
    title = f"Withdraw the approval request of {asked.subject}?"
    text = "Its votes no longer count. Approval can be requested again."
    door = partial(actions.withdraw, pk, actor=request.user)
    return _with_reason(
        request,
        title,
        text,
        "Withdraw the request",
        "Keep it open",
        subject_url(asked.subject),
        door,
        "Request withdrawn",
    )


def _with_reason(request: HttpRequest, title, text, submit, keep, back, door, done) -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and knock(form, partial(door, reason=form.cleaned_data["reason"])):
        messages.success(request, done)
        return redirect(back)
    context = {
        "title": title,
        "text": text,
        "submit": submit,
        "keep": keep,
        "back": back,
        "form": form,
        "kind": "danger",
    }
    return render(request, "confirm.html", context, status=422 if form.errors else 200)
