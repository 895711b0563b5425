"""Boards, meetings and agendas as one reader sees them: who sits, who leads, what is to be looked at."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.http import Http404

from accounts import policy
from accounts.models import Team, User
from accounts.roles import ROLES
from approvals import sheet
from approvals.board_querysets import grants_of
from approvals.board_states import ItemState, MeetingState
from approvals.models import AgendaItem, ApprovalRequest, Board, Meeting
from approvals.models.board import LEAD
from approvals.states import RequestState, Subject
from core.events import stream_of
from releases.models import Product, Release
from releases.states import RiskBand

VIEW = "releases.view_product"
LIVE = (RequestState.PENDING, RequestState.SUSPENDED)
UNDER_WAY = (ItemState.OPEN, ItemState.IN_DISCUSSION)


# Who


def people_of(board: Board) -> list[User]:
    """Everybody who sits on the board, by name: chair, members, and those behind its selectors. Active people alone."""
    roles, teams = selected(board.member_roles, "role"), selected(board.member_roles, "team")
    products = list(board.products.all())
    held = grants_of(roles, [stream_of(p) for p in products] if products else None)
    by_team = User.teams.through.objects.filter(team__grants__in=held)
    chosen = (
        Q(pk=board.chair_id)
        | Q(pk__in=board.members.values("pk"))
        | Q(pk__in=held.filter(user__isnull=False).values("user"))
        | Q(pk__in=by_team.values("user"))
        | Q(pk__in=User.teams.through.objects.filter(team__slug__in=teams).values("user"))
    )
    return list(User.objects.filter(chosen, is_active=True, is_service=False).order_by("first_name", "last_name", "pk"))


def selected(selectors: Iterable[str], kind: str) -> list[str]:
    """What follows the colon in selectors of one kind: "role" or "team"."""
    return [rest for name, _, rest in (s.partition(":") for s in selectors) if name == kind]


def selector_words(selectors: Iterable[str]) -> list[str]:
    """`CAB member`, `team Platform`: selectors as people read them."""
    teams = dict(Team.objects.filter(slug__in=selected(selectors, "team")).values_list("slug", "name"))
    words = [ROLES[slug].name if slug in ROLES else slug for slug in selected(selectors, "role")]
    return words + [f"team {teams.get(slug, slug)}" for slug in selected(selectors, "team")]


def sees(user: User, board: Board) -> bool:
    """Whether a person may read the board at all; what of an agenda they see is a question of each item."""
    return Board.objects.visible_to(user).filter(pk=board.pk).exists()


def scopes(board: Board) -> list[Product | None]:
    """What a right has to be held on: each product of the board, or everywhere."""
    return list(board.products.all()) or [None]


def may_keep(user: User, board: Board) -> bool:
    """Whether a person sets up the board: who may authorise changes of all its products."""
    return not user.is_service and all(policy.may(user, LEAD, scope) for scope in scopes(board))


def leads(user: User, board: Board) -> bool:
    """Whether a person runs its meetings: the chair, and who sets up the board."""
    return not user.is_service and (user.pk == board.chair_id or may_keep(user, board))


def require_keeper(user: User, products: Iterable[Product]) -> None:
    """Raise Http404/PermissionDenied unless a person may authorise changes of each product (none: of all)."""
    policy.require_person(user)
    for scope in list(products) or [None]:
        policy.require(user, LEAD, scope)


def require_lead(user: User, board: Board) -> None:
    """Raise Http404 when a person does not see the board, PermissionDenied when they may not run its meetings."""
    policy.rights_of(user, fresh=True)
    if not sees(user, board):
        raise Http404("There is no such board in your sight.")
    policy.require_person(user)
    if user.pk != board.chair_id:
        require_keeper(user, board.products.all())


# What


def of_products(board: Board):
    """Requests about releases and changes of the board's products."""
    ids = [p.pk for p in board.products.all()]
    rows = ApprovalRequest.objects.filter(kind__in=[Subject.RELEASE, Subject.CHANGE])
    return rows.filter(product__in=ids) if ids else rows


def within(start: datetime, end: datetime) -> Q:
    """Requests whose window starts in [start, end); the window of a change is that of its release."""
    return Q(release__window_starts_at__gte=start, release__window_starts_at__lt=end) | Q(
        change__release__window_starts_at__gte=start, change__release__window_starts_at__lt=end
    )


def in_periods(board: Board, meetings: list[Meeting]) -> dict[int, set[int]]:
    """{meeting id: ids of the pending requests that it looks at by itself}, in one query for all meetings of a board."""
    found = {meeting.pk: set() for meeting in meetings}
    if not meetings:
        return found
    start, end = min(m.covers_from for m in meetings), max(m.covers_until for m in meetings)
    rows = of_products(board).pending().filter(within(start, end))
    windows = rows.values_list("pk", "release__window_starts_at", "change__release__window_starts_at")
    for pk, of_release, of_change in windows:
        starts_at = of_release or of_change
        for meeting in meetings:
            if meeting.covers_from <= starts_at < meeting.covers_until:
                found[meeting.pk].add(pk)
    return found


def left_over(board: Board) -> dict[int, AgendaItem]:
    """{request id: its last item} of pending requests that the board has put off and has on no later agenda."""
    newest = AgendaItem.objects.filter(
        meeting__board=board, request=OuterRef("request"), removed_by__isnull=True
    ).order_by("-meeting__starts_at", "-pk")
    rows = AgendaItem.objects.filter(
        meeting__board=board,
        state=ItemState.DEFERRED,
        meeting__state__in=[MeetingState.CLOSED, MeetingState.CANCELLED],
        request__state=RequestState.PENDING,
        pk=Subquery(newest.values("pk")[:1]),
    )
    return {item.request_id: item for item in rows.select_related("meeting")}


def release_of(request: ApprovalRequest) -> Release | None:
    """The release whose window a request goes by."""
    return request.release or request.change.release


def rank(request: ApprovalRequest) -> tuple:
    """Order on an agenda: the highest risk first, then what is due first."""
    band = sheet.band_of(request.subject) or RiskBand.LOW
    return (-RiskBand.values.index(band), request.due_at, request.pk)


def waiting_elsewhere(meeting: Meeting, user: User, at_most: int = 20) -> list[ApprovalRequest]:
    """Pending requests of the board's products in the reader's sight that are on no agenda ahead: to be added by hand."""
    ahead = AgendaItem.objects.filter(
        meeting__board=meeting.board_id, meeting__state__in=[MeetingState.SCHEDULED, MeetingState.IN_SESSION]
    ).standing()
    here = AgendaItem.objects.filter(meeting=meeting).standing()
    rows = of_products(meeting.board).pending().visible_to(user).exclude(pk__in=ahead.values("request"))
    rows = rows.exclude(pk__in=here.values("request")).select_related(
        "release__product", "change__product", "change__release__product", "requester"
    )
    return list(rows.order_by("due_at", "pk")[:at_most])


@dataclass(frozen=True)
class Row:
    """One item as a reader sees it; `band` is the risk, `spent` whole seconds until now."""

    item: AgendaItem
    band: str
    spent: int

    @property
    def subject(self):
        return self.item.request.subject

    @property
    def planned_s(self) -> int:
        return self.item.minutes * 60

    @property
    def over(self) -> bool:
        return self.spent > self.planned_s

    @property
    def current(self) -> bool:
        return self.item.state == ItemState.IN_DISCUSSION


@dataclass(frozen=True)
class Agenda:
    """The agenda of a meeting for one reader. `hidden` items are about products out of their sight."""

    rows: list[Row]
    hidden: int

    @property
    def standing(self) -> list[Row]:
        return [r for r in self.rows if r.item.state != ItemState.DROPPED]

    @property
    def dropped(self) -> list[Row]:
        return [r for r in self.rows if r.item.state == ItemState.DROPPED]

    @property
    def current(self) -> Row | None:
        return next((r for r in self.rows if r.current), None)

    @property
    def following(self) -> Row | None:
        return next((r for r in self.rows if r.item.state == ItemState.OPEN), None)

    @property
    def planned_min(self) -> int:
        return sum(r.item.minutes for r in self.standing)


def agenda_for(meeting: Meeting, user: User, now: datetime) -> Agenda:
    """What a reader sees of a meeting's agenda, in its order. The number of queries does not grow."""
    seen = list(meeting.items.with_subjects().filter(request__in=ApprovalRequest.objects.visible_to(user).values("pk")))
    everything = meeting.items.standing().count()
    rows = [Row(i, sheet.band_of(i.request.subject), i.spent(now)) for i in seen]
    return Agenda(rows, everything - sum(i.state != ItemState.DROPPED for i in seen))


def boards_for(user: User) -> list[Board]:
    """Boards in a reader's sight with `next_at`, the start of what comes next, and `meetings_ahead`."""
    ahead = Q(meetings__state__in=[MeetingState.SCHEDULED, MeetingState.IN_SESSION])
    next_one = Meeting.objects.filter(board=OuterRef("pk")).ahead()
    return list(
        Board.objects.visible_to(user)
        .select_related("chair")
        .prefetch_related("products")
        .annotate(
            meetings_ahead=Count("meetings", filter=ahead, distinct=True),
            next_at=Subquery(next_one.values("starts_at")[:1]),
            next_id=Subquery(next_one.values("pk")[:1]),
            last_at=Max("meetings__closed_at"),
        )
        .order_by(F("next_at").asc(nulls_last=True), "name")
    )
