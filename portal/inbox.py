"""What waits for one reader: votes, answers, waivers, reviews to approve, paused deployments. One list, each with its page.

A list of many is first laid out as lines, which know enough to be filtered, grouped and put in order; only the lines of one page
are put in words.
"""

from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts import policy
from approvals import inbox as decisions_of
from approvals import sheet
from approvals.models import ApprovalRequest, Question
from approvals.querysets import SUBJECTS
from approvals.states import RequestState, Subject
from deployments.models import Deployment
from deployments.states import DeploymentState
from portal.links import address
from releases.models import Product
from releases.states import RiskBand
from reviews.models import Review
from reviews.states import ReviewState

PAGE = 50


@dataclass(frozen=True)
class Item:
    """One thing that waits. `group` names its part of the list; `request_id` is set where the inbox itself shows it.

    `many` says that it may be approved together with others.
    """

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
    kind: str = ""
    product_id: int | None = None
    many: bool = False


@dataclass(frozen=True)
class Line:
    """What waits, before it is put in words: `request` where it is a vote, else `item`."""

    kind: str
    group: str
    product_id: int | None
    risk: str
    due_at: datetime | None
    request: ApprovalRequest | None = None
    item: Item | None = None


@dataclass(frozen=True)
class Listing:
    """One page of the inbox. `all` counts what waits, `found` what of it the filters show; `first_request` may be shown beside."""

    page: Page
    groups: list[tuple[str, list[Item]]]
    all: int
    found: int
    next_due: datetime | None
    first_request: int | None


# The whole list


def items_for(user) -> list[Item]:
    """Everything that waits for the reader, by group and what is due first. Remembered on the user for the request."""
    if not hasattr(user, "_inbox"):
        user._inbox = worded(in_order(lines(user)), user)
    return user._inbox


def count_for(user) -> tuple[int, bool]:
    """(what waits for the reader, whether it is more): for the navigation of every page, so what it costs is bounded."""
    if hasattr(user, "_inbox"):
        count, more = len(user._inbox), False
    else:
        count, more = decisions_of.count_for(user)
        count += sum(rows.count() for rows in (questions(user), of_deployments(user), reviews(user)))
        count += 0 if user.is_service else decisions_of.signable(user).count()
    return min(count, decisions_of.ENOUGH), more or count > decisions_of.ENOUGH


def listing(user, wanted: decisions_of.Wanted, group: str, number) -> Listing:
    """Page `number` of what waits and is `wanted`. The number of queries does not grow with what waits."""
    waiting = lines(user)
    shown = [line for line in waiting if wanted.takes(line.kind, line.product_id, line.risk, line.due_at)]
    names = group_names(shown, group)
    shown = in_order(shown, group, names)
    page = Paginator(shown, PAGE).get_page(number)
    items = worded(page.object_list, user)
    groups: dict[str, list[Item]] = {}
    for line, item in zip(page.object_list, items, strict=True):
        groups.setdefault(names[group_of(line, group)], []).append(item)
    now = [line.due_at for line in waiting if line.due_at and decisions_of.due_of(line.due_at) != "overdue"]
    first = next((item.request_id for item in items if item.request_id), None)
    return Listing(page, list(groups.items()), len(waiting), len(shown), min(now, default=None), first)


def lines(user) -> list[Line]:
    """Everything that waits, of whatever kind."""
    found = [
        Line(r.kind, "Decide", r.product_id, sheet.band_of(r.subject), r.due_at, request=r)
        for r in decisions_of.requests_for(user)
    ]
    others = [] if user.is_service else [decision_item(item) for item in decisions_of.signatures(user)]
    others += [
        question_item(q) for q in questions(user).select_related("asked_by", *(f"request__{p}" for p in SUBJECTS))
    ]
    shipped = of_deployments(user).select_related(
        "release__product", "candidate", "environment", "started_by", "rolls_back"
    )
    others += [paused_item(d) if d.state == DeploymentState.PAUSED else confirmation_item(d) for d in shipped]
    others += [review_item(review) for review in reviews(user).select_related("release__product", "author")]
    return found + [Line(i.kind, i.group, i.product_id, "", i.due_at, item=i) for i in others]


GROUPS = ("Decide", "Sign", "Answer", "Review")
RISKS = (RiskBand.HIGH.value, RiskBand.MEDIUM.value, RiskBand.LOW.value, "")
DUE_WORDS = {
    "overdue": "Overdue",
    "today": "Due today",
    "week": "Due within a week",
    "later": "Due later",
    "": "No deadline",
}


def group_of(line: Line, group: str):
    """The key of a line's group: what to do, or its product, risk or deadline."""
    if group == "due":
        return decisions_of.due_of(line.due_at)
    return {"product": line.product_id, "risk": line.risk}.get(group, line.group)


def group_names(shown: list[Line], group: str) -> dict:
    """{key of a group: its name}, in the order of the groups."""
    if group == "risk":
        return {risk: f"{risk.capitalize()} risk" if risk else "No risk given" for risk in RISKS}
    if group == "due":
        return DUE_WORDS
    if group == "product":
        rows = Product.objects.filter(pk__in={line.product_id for line in shown}).order_by("name")
        return dict(rows.values_list("pk", "name")) | {None: "All products"}
    return {name: name for name in GROUPS}


def in_order(shown: list[Line], group: str = "", names: dict | None = None) -> list[Line]:
    """By group, then what is due first; what has no deadline comes last."""
    places = {key: place for place, key in enumerate(names or GROUPS)}

    def place(line: Line) -> tuple:
        at = (line.due_at is None, line.due_at.timestamp() if line.due_at else 0)
        return places[group_of(line, group)], *at, line.request.pk if line.request else 0

    return sorted(shown, key=place)


def worded(shown, user) -> list[Item]:
    """The lines as items, in their order."""
    asked = [line.request for line in shown if line.request]
    items = {item.request.pk: decision_item(item) for item in decisions_of.items_of(asked, user)}
    return [items[line.request.pk] if line.request else line.item for line in shown]


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
KINDS = [
    *Subject.choices,
    ("signoff", "Sign-off"),
    ("question", "Question"),
    ("review", "Review"),
    ("deployment", "Paused deployment"),
    ("rollback", "Rollback to confirm"),
]


def decision_item(item) -> Item:
    group, icon, badge, verb = DECISIONS[item.kind]
    icon, tone, badge = ("stale", "warn", "Stale") if item.again else (icon, "info", badge)
    note = f"{item.risk.capitalize()} risk" if item.risk else ""
    request = item.request
    return Item(
        group, item.title, item.why, item.url, icon, tone, badge, verb, item.due_at, note, request and request.pk,
        item.again, kind=request.kind if request else item.kind, product_id=item.product_id,
        many=bool(request and request.allow_bulk),
    )  # fmt: skip


def questions(user) -> QuerySet:
    """Open questions on requests that the reader asked for."""
    return Question.objects.filter(
        answer="", request__requester=user, request__state__in=[RequestState.PENDING, RequestState.SUSPENDED]
    )


def question_item(question: Question) -> Item:
    request = question.request
    what = f"{question.asked_by.name} asks: {question.text}"
    url = reverse("portal:inbox_item", args=[request.pk])
    return Item(
        "Answer", str(request.subject), what, url, "message", "info", "Question", "Answer", request.due_at,
        request_id=request.pk, kind="question", product_id=request.product_id,
    )  # fmt: skip


def of_deployments(user) -> QuerySet:
    """Paused deployments where the reader may decide how they go on, and rollbacks of production that they may confirm."""
    rows = Deployment.objects.visible_to(user)
    paused = _where(user, "releases.deploy") & Q(state=DeploymentState.PAUSED)
    if user.is_service:
        return rows.filter(paused)
    owed = _where(user, "releases.authorise_change") & Q(pk__in=rows.unconfirmed().not_begun_by(user).values("pk"))
    return rows.filter(paused | owed)


def _where(user, right: str) -> Q:
    where = policy.where_may(user, right)
    return Q() if where is None else Q(release__product__in=where)


def paused_item(deployment: Deployment) -> Item:
    release = deployment.release
    what = f"{deployment.candidate.version} to {deployment.environment.name} is paused. {deployment.detail}".strip()
    url = address("deployments:deployment", deployment.pk) or release.get_absolute_url()
    return Item(
        "Decide", str(release), what, url, "pause", "warn", "Paused", "Decide", of_deployment=True, kind="deployment",
        product_id=release.product_id,
    )  # fmt: skip


def confirmation_item(rollback: Deployment) -> Item:
    release = rollback.release
    by = f" by {rollback.started_by.name}" if rollback.started_by else ""
    what = (
        f"{rollback.environment.name} was rolled back to {rollback.candidate.version}{by}. Somebody else confirms it."
    )
    url = address("deployments:confirm", rollback.pk) or release.get_absolute_url()
    return Item(
        "Decide", str(release), what, url, "undo", "warn", "Rollback", "Confirm", kind="rollback",
        product_id=release.product_id,
    )  # fmt: skip


def reviews(user) -> QuerySet:
    """Reviews that the reader may approve, and those of their releases that are still to be written."""
    open_ones = Review.objects.filter(state__in=[ReviewState.DRAFT, ReviewState.REOPENED, ReviewState.IN_REVIEW])
    may_approve = Q(state=ReviewState.IN_REVIEW) & ~Q(release__manager=user) & ~Q(author=user)
    where = policy.where_may(user, "releases.approve_review")
    if where is not None:
        may_approve &= Q(release__product__in=where)
    to_write = Q(release__manager=user) & ~Q(state=ReviewState.IN_REVIEW)
    rows = policy.only_where(open_ones, user, "releases.view_product", "release__product_id")
    return rows.filter(may_approve | to_write)


def review_item(review: Review) -> Item:
    url = address("reviews:review", review.pk) or review.release.get_absolute_url()
    if review.state == ReviewState.IN_REVIEW:
        by = f", written by {review.author.name}" if review.author else ""
        what, verb = f"Approve the review{by}", "Read"
    else:
        what, verb = "Write the review", "Write"
    return Item(
        "Review", str(review.release), what, url, "book", "info", "Review", verb, review.due_at, kind="review",
        product_id=review.release.product_id,
    )  # fmt: skip
