"""Boards: who looks at what together, and when."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import policy
from accounts.models import User
from approvals import agenda, invitation
from approvals.actions.board import add_board, change_board
from approvals.actions.meeting import add_meeting
from approvals.board_forms import BoardForm, MeetingForm, rule_of
from approvals.board_states import ItemState
from approvals.models import Board
from approvals.models.board import LEAD
from core import recurrence
from core.blockers import Refused
from core.forms import knock
from core.recurrence import Recurrence

PER_PAGE = 20


@require_safe
@login_required
def boards(request: HttpRequest) -> HttpResponse:
    """Boards in the reader's sight, the one that meets next first."""
    found = agenda.boards_for(request.user)
    if not found and not policy.may_anywhere(request.user, agenda.VIEW):
        raise Http404
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    may_add = policy.may_anywhere(request.user, LEAD) and not request.user.is_service
    return render(request, "approvals/boards.html", {"page": page, "may_add": may_add, "in_words": recurrence.in_words})


def the_board(request: HttpRequest, slug: str) -> Board:
    rows = Board.objects.visible_to(request.user).select_related("chair").prefetch_related("products", "members")
    return get_object_or_404(rows, slug=slug)


@require_safe
@login_required
def board(request: HttpRequest, slug: str) -> HttpResponse:
    """One board: its next meetings, those that were held, and who sits on it."""
    found = the_board(request, slug)
    items = Count("items", filter=~Q(items__state=ItemState.DROPPED))
    over = found.meetings.over().annotate(item_count=items)
    context = {
        "board": found,
        "when": when(found),
        "ahead": list(found.meetings.ahead().annotate(item_count=items)),
        "page": Paginator(over, PER_PAGE).get_page(request.GET.get("page")),
        "people": agenda.people_of(found),
        "by_role": agenda.selector_words(found.member_roles),
        "may_keep": agenda.may_keep(request.user, found),
        "leads": agenda.leads(request.user, found),
        "feed_url": feed_url(request, found),
    }
    return render(request, "approvals/board.html", context)


def when(found: Board) -> str:
    """`every Tuesday at 10:00, Europe/Berlin`."""
    return f"{recurrence.in_words(found.recurrence)} at {found.clock:%H:%M}, {found.zone}"


def feed_url(request: HttpRequest, found: Board) -> str:
    """The secret address of the board's calendar for this reader; "" while they have none."""
    token = request.user.feed_token
    return request.build_absolute_uri(reverse("approvals:board_feed", args=[found.slug, token])) if token else ""


@login_required
def edit(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """Set a board up, or change one. POST `do`: preview shows the next meetings and changes nothing."""
    found = the_board(request, slug) if slug else None
    _require_keeper(request.user, found)
    form = BoardForm(request.POST or None, keeper=request.user, board=found)
    preview = request.POST.get("do") == "preview"
    if request.method == "POST" and form.is_valid() and not preview:
        saved = _save(form, found, request.user)
        if saved:
            messages.success(request, f"{saved.name} saved\nIts next meetings are planned.")
            return redirect(saved)
    times, wrong = next_meetings(form, found)
    context = {"board": found, "form": form, "times": times, "wrong": wrong, "zone": _zone_of(form, found)}
    context["back"] = reverse("approvals:board", args=[found.slug]) if found else reverse("approvals:boards")
    failed = request.method == "POST" and bool(form.errors)
    return render(request, "approvals/board_edit.html", context, status=422 if failed else 200)


def _require_keeper(user: User, found: Board | None) -> None:
    """Raise PermissionDenied with the reason for who may not set up this board, or any."""
    may = agenda.may_keep(user, found) if found else policy.may_anywhere(user, LEAD) and not user.is_service
    if not may:
        raise PermissionDenied(policy.refusal_text(LEAD))


def _save(form: BoardForm, found: Board | None, user: User) -> Board | None:
    """What the door returns. What it says about the rule stands where the rule was chosen."""
    try:
        if found is None:
            return add_board(actor=user, **form.wanted)
        return change_board(found.pk, actor=user, **form.wanted)
    except Refused as refusal:
        rule = "rule" if form.cleaned_data["pattern"] == "rule" else "pattern"
        for blocker in refusal.blockers:
            field = {"recurrence": rule}.get(blocker.field, blocker.field)
            form.add_error(field if field in form.fields else None, blocker.message)
        return None


@require_POST
@login_required
def preview(request: HttpRequest) -> HttpResponse:
    """The next five meetings by what is chosen so far, for htmx."""
    _require_keeper(request.user, None)
    form = BoardForm(request.POST, keeper=request.user)
    form.is_valid()
    times, wrong = next_meetings(form, None)
    context = {"times": times, "wrong": wrong, "zone": _zone_of(form, None)}
    return render(request, "approvals/_board_next.html", context)


def next_meetings(form: BoardForm, found: Board | None) -> tuple[list, str]:
    """(the next five starts, why there are none): by what the form says now, else by the board as it is."""
    data = getattr(form, "cleaned_data", {})
    if not form.is_bound:
        return (found.times.next(timezone.now()), "") if found else ([], "")
    if not {"pattern", "clock", "zone", "first_on"} <= data.keys():
        return [], "Choose the day, the time and the time zone first."
    try:
        times = Recurrence(rule_of(data), data["first_on"], data["clock"], data["zone"]).next(timezone.now())
    except ValueError as error:
        return [], str(error)
    return times, "" if times else "By this rule the board never meets again."


def _zone_of(form: BoardForm, found: Board | None) -> str:
    return getattr(form, "cleaned_data", {}).get("zone") or (found.zone if found else "")


@login_required
def meeting_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Call a meeting beside the rule: for what cannot wait until the next one."""
    found = the_board(request, slug)
    if not agenda.leads(request.user, found):
        raise PermissionDenied(policy.refusal_text(LEAD))
    form: Form = MeetingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = knock(form, partial(add_meeting, found.pk, actor=request.user, **form.cleaned_data))
        if made:
            messages.success(request, "Meeting called\nEverybody who sits on the board is invited.")
            return redirect(made)
    context = {
        "title": f"Call a meeting of {found.name}?",
        "text": "Beside those of its rule. It looks at what ships until the meeting after it.",
        "submit": "Call the meeting",
        "keep": "Keep to the rule",
        "back": found.get_absolute_url(),
        "form": form,
    }
    return render(request, "confirm.html", context, status=422 if form.errors else 200)


@require_safe
def feed(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """A board's meetings behind the reader's secret address. 404 for an unknown token, a person who left, and out of sight."""
    user = get_object_or_404(User, feed_token=token, is_active=True)
    found = get_object_or_404(Board.objects.visible_to(user), slug=slug)
    timezone.deactivate()
    return calendar_file(invitation.feed(found, user), f"{found.slug}.ics", inline=True)


def calendar_file(content: bytes, name: str, *, method: str = "PUBLISH", inline: bool = False) -> HttpResponse:
    response = HttpResponse(content, content_type=f"text/calendar; method={method}; charset=utf-8")
    response["Content-Disposition"] = f'{"inline" if inline else "attachment"}; filename="{name}"'
    response["Cache-Control"] = "private, max-age=300"
    response["X-Robots-Tag"] = "noindex"
    return response
