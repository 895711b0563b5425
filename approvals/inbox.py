"""What waits for one person's decision.

It is worked out in two steps. The light step asks of every pending request whether the person's vote would help; requests that ask
the same people of the same product are looked at once, and of each row no more is read than that takes. The full step words the few
rows that a page shows. Neither asks more queries for a thousand requests than for ten.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import or_

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts import policy
from accounts.models import User
from accounts.roles import ROLES
from approvals import guards, matching, places, sheet, tally, who
from approvals.models import ApprovalRequest, Delegation, RequestRule, Signoff, Vote
from approvals.models.request import SUBJECT_FIELDS
from approvals.states import SignoffState, Subject, VoteState
from core.whole_table import give
from releases.models import Change, Risk
from releases.states import OPEN

ENOUGH = 99  # more than this is worded "99+"
AT_ONCE, LOOKED_AT = 120, 360  # rows that a count fetches at once, and looks at, at most


@dataclass(frozen=True)
class Item:
    """One thing that waits. `kind`: vote, signoff, or what else a request is about (waiver, override, …).

    `why` says in a sentence what is asked and by whom; `again` marks a vote that was given and went stale; `request` is set for
    votes.
    """

    kind: str
    title: str
    url: str
    why: str
    due_at: datetime | None = None
    risk: str = ""
    again: bool = False
    request: ApprovalRequest | None = None
    product_id: int | None = None


class Due(StrEnum):
    """When something is due, by the reader's days."""

    OVERDUE = "overdue"
    TODAY = "today"
    WEEK = "week"
    LATER = "later"


@dataclass(frozen=True)
class Wanted:
    """What of the inbox is wanted; what is left empty is not asked about. `kind` is a subject's kind or another sort of item."""

    kind: str = ""
    product: int | None = None
    risk: str = ""
    due: str = ""

    def takes(self, kind: str, product_id: int | None, risk: str, due_at: datetime | None) -> bool:
        return (
            self.kind in ("", kind)
            and self.product in (None, product_id)
            and self.risk in ("", risk)
            and self.due in ("", due_of(due_at))
        )

    def __bool__(self):
        return self != ALL


ALL = Wanted()


def due_of(at: datetime | None) -> str:
    """overdue, today, week (the seven days from today) or later; "" for what has no deadline."""
    if at is None:
        return ""
    if at <= timezone.now():
        return Due.OVERDUE.value
    days = (timezone.localtime(at).date() - timezone.localdate()).days
    return (Due.TODAY if days <= 0 else Due.WEEK if days < 7 else Due.LATER).value


def waiting_for(user: User) -> list[Item]:
    """Everything that waits for a person's decision, what is due first at the top. The number of queries does not grow."""
    if user.is_service:
        return []
    found = [*votes(user), *signatures(user)]
    return sorted(
        found, key=lambda item: (item.due_at is None, item.due_at.timestamp() if item.due_at else 0, item.title)
    )


# The light step: whose vote would help


def requests_for(user: User, wanted: Wanted = ALL) -> list[ApprovalRequest]:
    """Pending requests where the person's vote would help, by deadline; of their subjects only what telling that takes."""
    return [] if user.is_service else list(_helped(list(light(candidates(user))), user, wanted))


def count_for(user: User) -> tuple[int, bool]:
    """(how many requests wait for the person's vote, whether there are more): what the navigation shows on every page.

    It stops at ENOUGH, and looks at LOOKED_AT rows at most, however much waits.
    """
    if user.is_service:
        return 0, False
    rows, found, looked = candidates(user), 0, 0
    while looked < LOOKED_AT:
        chunk = list(light(rows[looked : looked + AT_ONCE]))
        found += sum(1 for _ in _helped(chunk, user))
        looked += len(chunk)
        if found > ENOUGH or len(chunk) < AT_ONCE:
            return min(found, ENOUGH), found > ENOUGH
    return found, rows[looked : looked + 1].exists()


def candidates(user: User) -> QuerySet:
    """Pending requests that ask somebody like this person and that they have not voted on; a few may turn out not to need them."""
    asked = selectors_of(user)
    reached = reduce(or_, (Q(who__contains=str(selector)) for selector in sorted(asked)), Q(pk__in=[]))
    rules = RequestRule.objects.filter(reached, request=OuterRef("pk"), opened_at__isnull=False)
    voted = Vote.objects.filter(request=OuterRef("pk"), person=user, state=VoteState.CAST)
    rows = ApprovalRequest.objects.pending().visible_to(user).filter(Exists(rules)).exclude(Exists(voted))
    return rows.exclude(requester=user, count_requester=False).order_by("due_at", "pk")


_LIGHT = (
    *("kind", "state", "purpose", "product", "requester", "count_requester", "count_author", "allow_bulk"),
    *("digests", "due_at"),
    *(f"{field}__id" for field in SUBJECT_FIELDS.values()),
    *("change__author", "change__risk", "template__created_by", "template__risk", "proposal__created_by"),
)


# The whole tables that say who may fill a rule.
_PEOPLE = ("grant_table", "team_table", "named_table", "absence_table", "delegation_table")


def light(rows: QuerySet) -> QuerySet:
    """Requests with no more of their subjects than who wrote them and how risky they are."""
    votes = Vote.objects.only("request", "person", "seat", "verdict", "state", "counts_for", "digests")
    return (
        rows.select_related(*SUBJECT_FIELDS.values())
        .only(*_LIGHT)
        .prefetch_related(
            "rules",
            Prefetch("votes", votes),
            Prefetch("release__changes", Change.objects.only("release", "author")),
            Prefetch("release__risks", Risk.objects.only("release", "impact", "likelihood")),
            "proposal__edit_table",
        )
    )


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


def _helped(rows: list[ApprovalRequest], user: User, wanted: Wanted = ALL) -> Iterator[ApprovalRequest]:
    rows = [r for r in rows if wanted.takes(r.kind, r.product_id, sheet.band_of(r.subject), r.due_at)]
    seats, known = seats_of(rows), {}
    for request in rows:
        alike = _alike(request)
        shape = None if request.votes.all() else (alike, tuple((r.who, r.need, r.stage) for r in request.rules.all()))
        if shape is None or shape not in known:
            helps = would_help(request, user, seats[alike])
            if shape is not None:
                known[shape] = helps
        else:
            helps = known[shape]
        if helps:
            yield request


def _alike(request: ApprovalRequest) -> tuple:
    """Requests with the same mark may be filled by the same people: same product, same rules, same people who never count."""
    out = matching.barred(request.subject, request.requester_id, request)
    return request.product_id, frozenset(out), tuple(sorted(rule.who for rule in request.rules.all()))


def seats_of(rows: Iterable[ApprovalRequest]) -> dict[tuple, matching.Seats]:
    """{mark of requests that ask alike: who may fill their rules}, worked out on one request of each."""
    firsts = {}
    for request in rows:
        firsts.setdefault(_alike(request), request)
    full = ApprovalRequest.objects.with_subjects().defer("sheet").prefetch_related("release__changes")
    full = full.prefetch_related("proposal__edit_table").in_bulk([request.pk for request in firsts.values()])
    lend_tables([request.subject for request in full.values()])
    return {mark: matching.seats(full[r.pk].subject, r.rules.all(), r.requester_id, r) for mark, r in firsts.items()}


def lend_tables(subjects: list, names: Iterable[str] = _PEOPLE) -> None:
    """Fetch the small tables once for subjects of whatever kinds."""
    for name in names if subjects else ():
        give(subjects, name, list(getattr(subjects[0], name).all()))


def would_help(request: ApprovalRequest, user: User, seats: matching.Seats) -> bool:
    """Whether the person's approval, given next, would fill a place that is still open. By the sheet as last frozen."""
    if places.barred(request, user) or any(v.person_id == user.pk for v in tally.cast(request)):
        return False
    own, others = places.of(request, user, seats)
    mine = [own] if own else others
    if not mine:
        return False
    eligible = {rule.who: {p.seat.pk for p in mine if rule.who in p.rules} for rule in request.rules.all()}
    return any(rule.could_help for rule in tally.count(request, request.digests, eligible).rules)


def following(user: User, decided: ApprovalRequest, wanted: Wanted = ALL) -> ApprovalRequest | None:
    """The request that stands next in the person's list once one is decided: that below it, else the first."""
    rest = [r for r in requests_for(user, wanted) if r.pk != decided.pk]
    below = [r for r in rest if (r.due_at, r.pk) > (decided.due_at, decided.pk)]
    return next(iter(below or rest), None)


# The full step: in words


def votes(user: User, wanted: Wanted = ALL) -> list[Item]:
    return items_of(requests_for(user, wanted), user)


def items_of(requests: Collection[ApprovalRequest], user: User) -> list[Item]:
    """The requests in words, in the order given."""
    rows = ApprovalRequest.objects.with_subjects().defer("sheet").prefetch_related("votes", "release__risks")
    full = rows.in_bulk([request.pk for request in requests])
    return [vote_item(full[request.pk], user) for request in requests if request.pk in full]


def vote_item(request: ApprovalRequest, user: User) -> Item:
    again = any(v.person_id == user.pk and v.state == VoteState.INVALIDATED for v in request.votes.all())
    why = "Approve again: it changed since your vote" if again else f"{request.requester.name} asks for your approval"
    url, risk = reverse("portal:inbox_item", args=[request.pk]), sheet.band_of(request.subject)
    kind = "vote" if request.kind in (Subject.RELEASE, Subject.CHANGE) else request.kind
    return Item(kind, title_of(request), url, why, request.due_at, risk, again, request, request.product_id)


def title_of(request: ApprovalRequest) -> str:
    """What it is about; what the kind is where that is neither a release nor a change."""
    after = "In retrospect: " if request.is_retrospective else ""
    return f"{after}{request.subject}"


# Signatures


def signable(user: User) -> QuerySet:
    """Tests that passed on the current candidate of an open release and that the person may sign."""
    rows = Signoff.objects.visible_to(user).filter(
        state=SignoffState.PASSED, candidate=F("candidate__release__candidate"), candidate__release__state__in=OPEN
    )
    return policy.only_where(rows, user, "releases.sign_off_tests", "candidate__release__product_id")


def signatures(user: User) -> list[Item]:
    """Tests that wait for a name."""
    return [
        Item(
            "signoff",
            str(s.candidate.release),
            guards.signoff_url(s.candidate.release, s.kind),
            f"{s.get_kind_display()} tests passed on {s.candidate.short} and wait for a signature",
            product_id=s.candidate.release.product_id,
        )
        for s in signable(user).select_related("candidate__release__product")
    ]
