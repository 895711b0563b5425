"""What waits for one reader: votes, answers, waivers, reviews to approve, paused deployments. One list, each with its page."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.urls import reverse

from accounts import policy
from approvals.inbox import waiting_for
from approvals.models import Question
from approvals.querysets import SUBJECTS
from approvals.states import RequestState
from deployments.models import Deployment
from deployments.states import DeploymentState
from portal.links import address
from reviews.models import Review
from reviews.states import ReviewState


@dataclass(frozen=True)
class Item:
    """One thing that waits. `group` names its part of the list; `request_id` is set where the inbox itself shows it."""

    group: str
    title: str
    what: str
    url: str
    icon: str
    tone: str
    badge: str
    verb: str
    due_at: datetime | None = None
    note: str = ""
    request_id: int | None = None
    again: bool = False
    of_deployment: bool = False


def items_for(user) -> list[Item]:
    """Everything that waits for the reader, by group and what is due first. Remembered on the user for the request."""
    if not hasattr(user, "_inbox"):
        user._inbox = [*decisions(user), *answers(user), *paused(user), *reviews(user)]
    return user._inbox


def groups(items: list[Item]) -> list[tuple[str, list[Item]]]:
    names = dict.fromkeys(item.group for item in items)
    return [(name, [i for i in items if i.group == name]) for name in names]


# kind of approvals' items: group, icon, badge, verb
DECISIONS = {
    "vote": ("Decide", "scale", "Your vote", "Decide"),
    "waiver": ("Decide", "waive", "Waiver", "Decide"),
    "override": ("Decide", "freeze", "Freeze override", "Decide"),
    "lift": ("Decide", "stop", "Lift a stop", "Decide"),
    "template": ("Decide", "list", "Standard change", "Decide"),
    "policy": ("Decide", "scale", "Policy", "Decide"),
    "signoff": ("Sign", "flask", "Sign-off", "Sign"),
}


def decisions(user) -> list[Item]:
    return [decision_item(item) for item in waiting_for(user)]


def decision_item(item) -> Item:
    group, icon, badge, verb = DECISIONS[item.kind]
    icon, tone, badge = ("stale", "warn", "Stale") if item.again else (icon, "info", badge)
    note = f"{item.risk.capitalize()} risk" if item.risk else ""
    request_id = item.request.pk if item.request else None
    return Item(
        group, item.title, item.why, item.url, icon, tone, badge, verb, item.due_at, note, request_id, item.again
    )


def answers(user) -> list[Item]:
    """Open questions on requests that the reader asked for."""
    questions = Question.objects.filter(
        answer="", request__requester=user, request__state__in=[RequestState.PENDING, RequestState.SUSPENDED]
    ).select_related("asked_by", *(f"request__{path}" for path in SUBJECTS))
    return [question_item(question) for question in questions]


def question_item(question: Question) -> Item:
    request = question.request
    what = f"{question.asked_by.name} asks: {question.text}"
    url = reverse("portal:inbox_item", args=[request.pk])
    return Item(
        "Answer", str(request.subject), what, url, "message", "info", "Question", "Answer", request.due_at,
        request_id=request.pk,
    )  # fmt: skip


def paused(user) -> list[Item]:
    """Paused deployments where the reader may decide how they go on."""
    rows = Deployment.objects.visible_to(user).filter(state=DeploymentState.PAUSED)
    rows = policy.only_where(rows, user, "releases.deploy", "release__product_id")
    return [
        Item(
            "Decide", str(d.release), f"{d.candidate.version} to {d.environment.name} is paused. {d.detail}".strip(),
            address("deployments:deployment", d.pk) or d.release.get_absolute_url(), "pause", "warn", "Paused", "Decide",
            of_deployment=True,
        )
        for d in rows.select_related("release__product", "candidate", "environment")
    ]  # fmt: skip


def reviews(user) -> list[Item]:
    """Reviews that the reader may approve, and those of their releases that are still to be written."""
    open_ones = Review.objects.filter(state__in=[ReviewState.DRAFT, ReviewState.REOPENED, ReviewState.IN_REVIEW])
    may_approve = Q(state=ReviewState.IN_REVIEW) & ~Q(release__manager=user) & ~Q(author=user)
    where = policy.where_may(user, "releases.approve_review")
    if where is not None:
        may_approve &= Q(release__product__in=where)
    to_write = Q(release__manager=user) & ~Q(state=ReviewState.IN_REVIEW)
    rows = policy.only_where(open_ones, user, "releases.view_product", "release__product_id")
    rows = rows.filter(may_approve | to_write).select_related("release__product", "author").order_by("due_at")
    return [review_item(review) for review in rows]


def review_item(review: Review) -> Item:
    url = address("reviews:review", review.pk) or review.release.get_absolute_url()
    if review.state == ReviewState.IN_REVIEW:
        by = f", written by {review.author.name}" if review.author else ""
        return Item(
            "Review",
            str(review.release),
            f"Approve the review{by}",
            url,
            "book",
            "info",
            "Review",
            "Read",
            review.due_at,
        )
    return Item(
        "Review", str(review.release), "Write the review", url, "book", "info", "Review", "Write", review.due_at
    )
