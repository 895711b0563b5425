"""A meeting: its agenda before, the item under discussion in it, its minutes after it."""

from contextlib import suppress
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import policy
from approvals import actions, agenda, invitation, ledger, minutes, reading
from approvals.actions import meeting as doors
from approvals.board_forms import BoardReasonForm, MoveForm
from approvals.board_states import ItemState, MeetingState
from approvals.models import AgendaItem, Meeting
from approvals.models.board import LEAD
from approvals.views.board import calendar_file
from approvals.views.decision import SAID, chosen_seat
from core.blockers import Refused
from core.forms import knock


def the_meeting(request: HttpRequest, pk: int) -> Meeting:
    rows = Meeting.objects.visible_to(request.user).select_related("board__chair", "chaired_by")
    return get_object_or_404(rows.prefetch_related("board__products"), pk=pk)


def the_item(request: HttpRequest, pk: int) -> AgendaItem:
    rows = AgendaItem.objects.visible_to(request.user).with_subjects()
    return get_object_or_404(rows, pk=pk)


@require_safe
@login_required
def meeting(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of a meeting, in whatever state it is."""
    return page(request, the_meeting(request, pk))


def page(
    request: HttpRequest, found: Meeting, *, blockers=(), kept: dict | None = None, status: int = 200
) -> HttpResponse:
    """`blockers` are what a door of the meeting refused; `kept` is the sheet's context after a vote that was refused."""
    user, now = request.user, timezone.now()
    seen = agenda.agenda_for(found, user, now)
    leading = agenda.leads(user, found.board)
    context = {
        "meeting": found,
        "board": found.board,
        "agenda": seen,
        "leads": leading,
        "only": policy.refusal_text(LEAD),
        "refused_with": list(blockers),
        "people": agenda.people_of(found.board),
        "attendances": list(found.attendances.select_related("person")),
        "me": None,
        "waiting": [],
        "sheet": {},
    }
    context["me"] = next((a for a in context["attendances"] if a.person_id == user.pk), None)
    under_way = found.state in (MeetingState.SCHEDULED, MeetingState.IN_SESSION)
    if under_way and not user.is_service:
        waiting = agenda.waiting_elsewhere(found, user)
        context["waiting"] = [r for r in waiting if leading or r.requester_id == user.pk]
    if found.state == MeetingState.IN_SESSION and seen.current:
        context["sheet"] = kept or sheet_of(request, seen.current.item)
        context |= context["sheet"] | {"tally": context["sheet"]["ledger"]}
    if found.state == MeetingState.CLOSED:
        text, whole = minutes.text_for(found, user)
        context |= {"text": text, "whole": whole, "intact": minutes.is_intact(found)}
    return render(request, "approvals/meeting.html", context, status=status)


def sheet_of(request: HttpRequest, item: AgendaItem, **more) -> dict:
    """The decision sheet of an item for this reader, whose buttons stay in the meeting."""
    addresses = {how: reverse("approvals:item_decide", args=[item.pk, how]) for how in SAID}
    return reading.sheet_for(item.request, request.user, **more) | {"decide_at": addresses, "within": True, "how": ""}


@require_safe
@login_required
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """What changes by itself while the meeting lasts: the clock, the tally, and whether it has moved on from `?item=`."""
    found = the_meeting(request, pk)
    now, shown = timezone.now(), request.GET.get("item", "")
    current = found.items.visible_to(request.user).with_subjects().filter(state=ItemState.IN_DISCUSSION).first()
    moved_on = str(current.pk if current else "") != shown or found.state != MeetingState.IN_SESSION
    context = {
        "meeting": found,
        "shown": shown,
        "moved_on": moved_on,
        "row": agenda.Row(current, "", current.spent(now)) if current else None,
        "tally": ledger.of(reading.loaded(current.request_id)) if current and not moved_on else None,
        "now_at": now,
    }
    return render(request, "approvals/_meeting_live.html", context, status=286 if moved_on else 200)


@require_POST
@login_required
def step(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Open, go on to the next item, close, say that one is there, note who is."""
    found = the_meeting(request, pk)
    door, done = {
        "open": (doors.open_meeting, "The meeting is open"),
        "next": (doors.next_item, ""),
        "close": (doors.close_meeting, "The meeting is closed\nThe minutes are sent."),
        "arrive": (doors.arrive, ""),
        "attendance": (partial(doors.note_attendance, present=_numbers(request, "present")), "Attendance noted"),
    }[name]
    try:
        door(found.pk, actor=request.user)
    except Refused as refusal:
        return page(request, the_meeting(request, pk), blockers=refusal.blockers, status=409)
    if done:
        messages.success(request, done)
    return redirect(found)


def _numbers(request: HttpRequest, name: str) -> list[int]:
    """The ids that were sent under a name; what is no number is left out."""
    return [int(v) for v in request.POST.getlist(name)[:1000] if v.isascii() and v.isdecimal() and len(v) < 19]


@login_required
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for the new time, POST moves."""
    found = the_meeting(request, pk)
    _require_lead(request, found)
    form = MoveForm(request.POST or None, initial={"starts_at": found.starts_at, "place": found.place})
    door = partial(doors.move_meeting, found.pk, actor=request.user)
    if request.method == "POST" and form.is_valid() and knock(form, lambda: door(**form.cleaned_data)):
        messages.success(request, "Meeting moved\nEverybody invited is told, and the calendars follow.")
        return redirect(found)
    text = "Its agenda follows: it looks at what ships from the new start until the meeting after it."
    return _confirm(request, found, form, f"Move {found}?", text, "Move the meeting", "Keep its time")


@login_required
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for the reason, POST calls the meeting off."""
    found = the_meeting(request, pk)
    _require_lead(request, found)
    form = BoardReasonForm(request.POST or None)
    door = partial(doors.cancel_meeting, found.pk, actor=request.user)
    if request.method == "POST" and form.is_valid() and knock(form, lambda: door(**form.cleaned_data)):
        messages.success(request, "Meeting called off\nWhat was on its agenda goes to the next one.")
        return redirect(found)
    text = "What is on its agenda goes to the board's next meeting. Everybody invited is told."
    return _confirm(request, found, form, f"Call {found} off?", text, "Call it off", "Keep the meeting", "danger")


def _require_lead(request: HttpRequest, found: Meeting) -> None:
    if not agenda.leads(request.user, found.board):
        raise PermissionDenied(policy.refusal_text(LEAD))


def _confirm(request, found, form, title, text, submit, keep, kind="") -> HttpResponse:
    context = {"title": title, "text": text, "submit": submit, "keep": keep, "kind": kind, "form": form}
    context["back"] = found.get_absolute_url()
    return render(request, "confirm.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    """The invitation, or the cancellation, as a file for a calendar program."""
    found = the_meeting(request, pk)
    content = invitation.invitation(found, request.user)
    return calendar_file(content, f"meeting-{found.pk}.ics", method=invitation.method_of(found))


@require_safe
@login_required
def minutes_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The minutes as Markdown, as far as the reader may see them."""
    found = the_meeting(request, pk)
    if found.state != MeetingState.CLOSED:
        raise Http404("Minutes are written when a meeting is closed.")
    text, _ = minutes.text_for(found, request.user)
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="minutes-{found.pk}.md"'
    return response


# Items


@require_POST
@login_required
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a request on the agenda by hand."""
    found = the_meeting(request, pk)
    wanted = next(iter(_numbers(request, "request")), 0)
    try:
        item = doors.add_item(found.pk, wanted, actor=request.user)
    except Refused as refusal:
        return page(request, the_meeting(request, pk), blockers=refusal.blockers, status=409)
    messages.success(request, f"{item.request.subject} is on the agenda")
    return redirect(item)


@require_POST
@login_required
def item_step(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Take up, finish, defer, take off, or write the note of an item."""
    item = the_item(request, pk)
    reason = request.POST.get("reason", "")
    door = {
        "take-up": partial(doors.take_up),
        "finish": partial(doors.finish_item),
        "defer": partial(doors.defer_item, reason=reason),
        "drop": partial(doors.drop_item, reason=reason),
        "note": partial(doors.note_item, note=request.POST.get("note", "")),
    }[name]
    try:
        door(item.pk, actor=request.user)
    except Refused as refusal:
        return page(request, the_meeting(request, item.meeting_id), blockers=refusal.blockers, status=409)
    if name == "note":
        messages.success(request, "Note kept")
    return redirect(item.meeting)


@require_POST
@login_required
def decide(request: HttpRequest, pk: int, how: str) -> HttpResponse:
    """Vote or ask in place: the same doors as in the inbox, with the digest of the sheet on this page."""
    item = the_item(request, pk)
    comment, digest = request.POST.get("comment", ""), request.POST.get("digest", "")
    try:
        if how == "ask":
            actions.ask(item.request_id, actor=request.user, text=comment)
        else:
            seat_id = chosen_seat(request)
            actions.cast_vote(
                item.request_id, actor=request.user, verdict=how, digest=digest, comment=comment, seat_id=seat_id
            )
            _there(item.meeting, request)
    except Refused as refusal:
        return _not_decided(request, item, refusal, comment, digest)
    if request.htmx:
        return render(request, "approvals/_sheet.html", sheet_of(request, item))
    messages.success(request, f"{SAID[how]}: {item.request.subject}")
    return redirect(item.meeting)


def _there(found: Meeting, request: HttpRequest) -> None:
    """Whoever votes from the meeting's own page is there."""
    with suppress(Refused):
        doors.arrive(found.pk, actor=request.user)


def _not_decided(request: HttpRequest, item: AgendaItem, refusal: Refused, comment: str, digest: str) -> HttpResponse:
    moved = any(b.code == "moved" for b in refusal.blockers)
    shown = (digest or "?") if moved else ""
    seat_id = chosen_seat(request)
    kept = sheet_of(request, item, shown=shown, comment=comment, seat_id=seat_id, blockers=refusal.blockers)
    status = 422 if kept["comment_error"] else 409
    if request.htmx:
        return render(request, "approvals/_sheet.html", kept, status=status)
    found = the_meeting(request, item.meeting_id)
    current = found.items.filter(state=ItemState.IN_DISCUSSION, pk=item.pk).exists()
    return page(request, found, kept=kept if current else None, blockers=refusal.blockers, status=status)
