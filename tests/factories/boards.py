"""Boards, meetings and what is on their agendas."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import count

from django.utils import timezone

from accounts.actions import system_user
from approvals.models import AgendaItem, ApprovalRequest, Board, Meeting
from releases.models import Product
from tests.factories import approvals, releases
from tests.factories.releases import put_in_state

_numbers = count(1)


def board(*products: Product, members=(), **fields) -> Board:
    """A board that meets every Tuesday at ten by the clock of London; its meetings are not planned yet."""
    n = next(_numbers)
    defaults = {
        "name": f"Board {n}",
        "slug": f"board-{n}",
        "zone": "Europe/London",
        "recurrence": "FREQ=WEEKLY;BYDAY=TU",
        "first_on": date(2020, 1, 7),
        "clock": time(10),
        "created_by": system_user(),
    }
    made = Board.objects.create(**(defaults | fields))
    made.products.set(products)
    made.members.set(members)
    return made


def meeting(of: Board | None = None, state: str = "scheduled", **fields) -> Meeting:
    """A meeting that begins in an hour and looks at the week after it."""
    start = fields.pop("starts_at", timezone.now().replace(microsecond=0) + timedelta(hours=1))
    defaults = {
        "starts_at": start,
        "ends_at": start + timedelta(hours=1),
        "covers_from": start,
        "covers_until": start + timedelta(days=7),
    }
    made = Meeting.objects.create(board=of or board(), **(defaults | fields))
    return put_in_state(made, state)


def asked(product: Product, starts_at: datetime, rules=None, *, band: str = "low", **fields) -> ApprovalRequest:
    """A pending request about a release whose window starts at an instant."""
    impact = {"low": 1, "medium": 3, "high": 5}[band]
    release = releases.release(
        product, "approving", window_starts_at=starts_at, window_ends_at=starts_at + timedelta(hours=2)
    )
    if band != "low":
        releases.risk(release, impact=impact, likelihood=impact)
    return approvals.request(release, rules or {"cab-member": 1}, **fields)


def item(of: Meeting, request: ApprovalRequest, state: str = "open", **fields) -> AgendaItem:
    position = of.items.count() + 1
    made = AgendaItem.objects.create(meeting=of, request=request, position=position, minutes=10, **fields)
    if state == "in_discussion":
        AgendaItem.objects.filter(pk=made.pk).update(state=state, running_since=timezone.now())
        made.refresh_from_db()
        return made
    return put_in_state(made, state)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)
