"""Deciding: approve, reject, ask; and taking part afterwards: answer, take a vote back, withdraw."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from approvals import actions, effects, inbox
from approvals.forms import ReasonForm
from approvals.guards import address, subject_url
from approvals.models import ApprovalRequest, Question, Vote
from core.blockers import Refused
from core.forms import knock

SAID = {"approve": "Approved", "reject": "Rejected", "ask": "Question asked"}


@login_required
def decide(request: HttpRequest, pk: int, how: str) -> HttpResponse:
    """GET: the sheet with the form. POST: decide on what was shown (`digest`), with `comment`."""
    asked = _visible(request, pk)
    if request.method != "POST":
        return _sheet(request, asked, how)
    comment, digest = request.POST.get("comment", ""), request.POST.get("digest", "")
    try:
        if how == "ask":
            actions.ask(pk, actor=request.user, text=comment)
        else:
            actions.cast_vote(pk, actor=request.user, verdict=how, digest=digest, comment=comment)
    except Refused as refusal:
        return _sheet(request, asked, how, refusal, comment=comment, digest=digest)
    return _decided(request, pk, how)


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
) -> HttpResponse:
    blockers = refusal.blockers if refusal else []
    moved = any(b.code == "moved" for b in blockers)
    context = inbox.sheet_for(
        asked, request.user, shown=(digest or "?") if moved else "", comment=comment, blockers=blockers
    )
    context["how"] = how
    status = 200 if refusal is None else 422 if context["comment_error"] else 409
    context["failed"] = status == 422
    return render(request, "approvals/_sheet.html" if request.htmx else "approvals/decide.html", context, status=status)


def _decided(request: HttpRequest, pk: int, how: str) -> HttpResponse:
    asked = inbox.loaded(pk)
    text = f"{SAID[how]}: {asked.subject}\n{outcome(asked, how)}"
    if not request.htmx:
        messages.success(request, text)
        return redirect(address("portal:inbox") or subject_url(asked.subject))
    request.user.__dict__.pop("_inbox", None)
    waiting = inbox.waiting_for(request.user)
    following = next((i for i in waiting if i.kind == "vote" and i.request.pk != pk), None)
    context = {
        "asked": asked,
        "how": how,
        "said": SAID[how],
        "outcome": outcome(asked, how),
        "waiting": waiting,
        "following": following,
    }
    response = render(request, "approvals/_decided.html", context)
    response["HX-Trigger"] = "inbox-changed"
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
        context = inbox.sheet_for(asked, request.user, blockers=refusal.blockers) | {
            "how": "",
            "answer_kept": {pk: text},
            "failed": True,
        }
        return render(
            request, "approvals/_sheet.html" if request.htmx else "approvals/decide.html", context, status=422
        )
    if request.htmx:
        return render(request, "approvals/_sheet.html", inbox.sheet_for(asked, request.user) | {"how": ""})
    messages.success(request, "Answered\nWho asked is told.")
    return redirect(address("portal:inbox_item", asked.pk) or subject_url(asked.subject))


@login_required
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for the reason, POST takes one's own vote back."""
    vote = Vote.objects.get(pk=pk)
    asked = _visible(request, vote.request_id)
    policy.require(request.user, "releases.vote", asked)
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
