"""Doors of boards: set one up, change it, and keep its meetings planned."""

from datetime import date, datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import Team, User
from accounts.roles import ROLES
from approvals import agenda
from approvals.actions.agenda import CALLED_OFF, fill_locked, plan_locked, put_off_rest
from approvals.models import Board, Meeting
from core import moments, recurrence
from core.blockers import Blocker, refuse_if
from core.events import record
from core.locking import locked
from releases.models import Product

FIELDS = (
    "name",
    "zone",
    "recurrence",
    "first_on",
    "clock",
    "minutes_long",
    "minutes_per_item",
    "place",
    "link",
    "chair",
    "member_roles",
    "is_active",
)
WHEN = ("zone", "recurrence", "first_on", "clock")
TAKEN = ("new", "preview")  # addresses of other pages


@transaction.atomic(durable=True)
def add_board(*, actor: User, products=(), members=(), **fields) -> Board:
    """Set up a board and plan its first meetings. `fields`: those of the model in FIELDS.

    Raises PermissionDenied when the actor may not authorise changes of each product (none: of all), or Refused at the field.
    """
    agenda.require_keeper(actor, products)
    board = Board(created_by=actor)
    _apply(board, fields)
    board.slug = _slug(board.name)
    _check(board)
    board.save()
    board.products.set(products)
    board.members.set(members)
    record("board.added", board, actor=actor, **_told(board))
    plan_locked(board, timezone.now())
    return board


def change_board(board_id: int, *, actor: User, products=None, members=None, **fields) -> Board:
    """Change a board. Meetings that the new rule does not give are called off, and those that it gives are planned.

    `products` and `members` None leave them. Nothing is recorded when nothing differs. Raises as `add_board`.
    """
    with locked(Board.objects, board_id) as board:
        before = list(board.products.all())
        if not agenda.sees(actor, board):
            raise Board.DoesNotExist
        agenda.require_keeper(actor, before)
        changed = _apply(board, fields)
        _check(board)
        changed |= _set_many(board, actor, products, members)
        if not changed:
            return board
        board.save()
        record("board.changed", board, actor=actor, changed=changed)
        _follow(board, changed, actor)
        plan_locked(board, timezone.now())
    return board


def plan_meetings() -> int:
    """Make what is missing of every board's meetings, let lapse what nobody opened, send invitations that are due.

    Harmless to repeat and to run twice at once. Returns how many meetings were new.
    """
    rows = Board.objects.filter(is_active=True) | Board.objects.filter(meetings__in=Meeting.objects.scheduled())
    return sum(_plan(pk) for pk in rows.distinct().values_list("pk", flat=True))


def _plan(board_id: int) -> int:
    with locked(Board.objects, board_id) as board:
        return len(plan_locked(board, timezone.now()))


def fill_agendas(product_id: int) -> None:
    """Bring the agendas of a product's boards in step with what waits. Harmless to repeat."""
    for board_id in Board.objects.active().about_product(product_id).values_list("pk", flat=True):
        with locked(Board.objects, board_id) as board:
            fill_locked(board)


def _apply(board: Board, fields: dict) -> dict[str, list]:
    """Set what is given; {field: [was, now]} of what differs. Raises TypeError for a field that is none of the board's."""
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise TypeError(f"A board has no editable {', '.join(sorted(unknown))}.")
    changed = {}
    for name, value in fields.items():
        value = value.strip() if isinstance(value, str) else value
        was = getattr(board, name)
        if was != value:
            changed[name] = [_worded(was), _worded(value)]
            setattr(board, name, value)
    return changed


def _worded(value):
    return str(value) if isinstance(value, User | date | time | datetime) else value


def _slug(name: str) -> str:
    base = slugify(name)[:80] or "board"
    base = f"{base}-board" if base in TAKEN else base
    known = set(Board.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(s for s in (base, *(f"{base}-{n}" for n in range(2, len(known) + 3))) if s not in known)


def _check(board: Board) -> None:
    found = _field_blockers(board) + _member_blockers(board)
    if not any(b.field in WHEN for b in found):
        found += _rule_blockers(board)
    refuse_if(found)


def _field_blockers(board: Board) -> list[Blocker]:
    found = []
    try:
        board.clean_fields(exclude=["slug", "created_by", "created_at"])
    except ValidationError as error:
        found = [Blocker(f"{n}-invalid", " ".join(m), field=n) for n, m in error.message_dict.items()]
    if Board.objects.filter(name=board.name).exclude(pk=board.pk).exists():
        found.append(Blocker("name-taken", "Another board has this name.", field="name"))
    for name, most in (("minutes_long", 24 * 60), ("minutes_per_item", 24 * 60)):
        value = getattr(board, name)
        if isinstance(value, int) and not 1 <= value <= most:
            found.append(Blocker(f"{name}-invalid", f"From 1 to {most:,} minutes.", field=name))
    found += moments.unfit(first_on=board.first_on)
    if board.chair_id and (board.chair.is_service or not board.chair.is_active):
        found.append(Blocker("chair-invalid", "A person who is active takes the chair.", field="chair"))
    return found


def _member_blockers(board: Board) -> list[Blocker]:
    selectors = board.member_roles if isinstance(board.member_roles, list) else []
    roles = [r for r in agenda.selected(selectors, "role") if r in ROLES]
    teams = Team.objects.filter(slug__in=agenda.selected(selectors, "team")).count()
    if len(roles) + teams == len(selectors) == len(set(selectors)):
        return []
    return [Blocker("member_roles-invalid", "Choose roles and teams from the list, each once.", field="member_roles")]


def _rule_blockers(board: Board) -> list[Blocker]:
    try:
        recurrence.parsed(board.recurrence, datetime.combine(board.first_on, board.clock), board.zone)
        first = board.times.next(timezone.now(), 1)
    except ValueError as error:
        return [Blocker("recurrence-invalid", str(error), field="recurrence")]
    if board.is_active and not first:
        return [Blocker("recurrence-empty", "By this rule the board never meets again.", field="recurrence")]
    return []


def _set_many(board: Board, actor: User, products, members) -> dict[str, list]:
    changed = {}
    for name, wanted in (("products", products), ("members", members)):
        was = set(getattr(board, name).all())
        if wanted is None or set(wanted) == was:
            continue
        if name == "products":
            agenda.require_keeper(actor, wanted)
        changed[name] = [sorted(map(str, was)), sorted(map(str, wanted))]
        getattr(board, name).set(wanted)
    return changed


def _follow(board: Board, changed: dict, actor: User) -> None:
    """What a change of the board does to the meetings that are planned."""
    if not board.is_active:
        _call_off(board.meetings.scheduled(), "The board does not meet any more.", actor)
    elif changed.keys() & set(WHEN):
        _call_off(_not_in_rule(board), "The board meets at other times now.", actor)
    if changed.keys() & {"minutes_long", "place", "link"}:
        _give_form(board, actor)


def _not_in_rule(board: Board):
    now = timezone.now()
    planned = board.meetings.scheduled().filter(planned_for__gt=now)
    last = planned.order_by("-planned_for").first()
    given = []
    for at in board.times.since(now):
        if last is None or at > last.planned_for:
            break
        given.append(at)
    return planned.exclude(planned_for__in=given)


def _call_off(meetings, reason: str, actor: User) -> None:
    for meeting in meetings.select_for_update(of=("self",)):
        meeting.cancel(reason=reason)
        meeting.planned_for = None  # should the rule give this instant again, it is another meeting
        meeting.save()
        put_off_rest(meeting, timezone.now(), CALLED_OFF, actor)
        record("meeting.cancelled", meeting, actor=actor, reason=reason)


def _give_form(board: Board, actor: User) -> None:
    """Length, place and link of the board hold for what is planned."""
    for meeting in board.meetings.scheduled().select_for_update(of=("self",)):
        ends_at = meeting.starts_at + timedelta(minutes=board.minutes_long)
        meeting.ends_at, meeting.place, meeting.link = ends_at, board.place, board.link
        meeting.sequence += 1
        meeting.save()
        if meeting.announced_at:
            record("meeting.moved", meeting, actor=actor, starts_at=meeting.starts_at, ends_at=ends_at, reason="")


def _told(board: Board) -> dict:
    products: list[Product] = list(board.products.all())
    return {"name": board.name, "recurrence": board.recurrence, "products": sorted(p.name for p in products)}
