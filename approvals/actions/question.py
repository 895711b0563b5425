"""Doors of questions on a sheet. They count as no vote and stop no clock."""

from django.utils import timezone

from accounts import policy
from accounts.models import User
from approvals.actions import parts
from approvals.models import Question
from approvals.states import RequestState
from core.blockers import refuse
from core.events import record


def ask(request_id: int, *, actor: User, text: str) -> Question:
    """Ask something about a request. Raises ApprovalRequest.DoesNotExist, Http404/PermissionDenied, Refused when empty."""
    with parts.locked_request(request_id) as request:
        policy.require(actor, "releases.comment", request)
        policy.require_person(actor)
        if request.state not in (RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED):
            refuse("over", f"This request is {request.get_state_display().lower()}; nobody would answer.")
        text = parts.needs_text(text, "Write the question first.", "comment")
        question = Question.objects.create(request=request, asked_by=actor, text=text)
        record("question.asked", request, actor=actor, question=question.pk, text=text)
    return question


def answer(question_id: int, *, actor: User, text: str) -> Question:
    """Answer a question once. Anybody who may comment, but not who asked. Raises Question.DoesNotExist, Refused."""
    request_id = Question.objects.values_list("request_id", flat=True).get(pk=question_id)
    with parts.locked_request(request_id) as request:
        policy.require(actor, "releases.comment", request)
        policy.require_person(actor)
        question = request.questions.select_for_update(of=("self",)).select_related("asked_by").get(pk=question_id)
        if question.answered_at:
            refuse("answered", f"{question.answered_by.name} has answered it already.")
        if question.asked_by_id == actor.pk:
            refuse("own-question", "You asked this; somebody else answers it.")
        question.answer = parts.needs_text(text, "Write the answer first.", "text")
        question.answered_by, question.answered_at = actor, timezone.now()
        question.save()
        record(
            "question.answered",
            request,
            actor=actor,
            question=question.pk,
            asked_by=question.asked_by_id,
            text=question.answer,
        )
    return question
