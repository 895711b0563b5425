"""The inbox: should I approve this? List and sheet are two addresses, side by side where there is room."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from approvals.inbox import sheet_for
from approvals.models import ApprovalRequest
from core import wording
from portal import inbox as items
from reports import sight


@require_safe
@login_required
def inbox(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """What waits for the reader; with an id the decision sheet of that request beside it. 404 for one out of sight.

    Without an id the first request stands beside the list; a narrow screen shows the list alone.
    """
    sight.require_taking_part(request.user)
    found = items.items_for(request.user)
    shown = pk or next((item.request_id for item in found if item.request_id), None)
    context = {"groups": items.groups(found), "pk": pk, "shown": shown, "beside": pk is None, "sheet": None}
    context["sub"] = sub(found)
    if shown is not None:
        context["sheet"] = sheet(request, shown)
        context |= context["sheet"]
    if pk is not None and request.htmx and request.htmx.target == "detail":
        return render(request, "portal/_detail.html", context | {"oob": True})
    return render(request, "portal/inbox.html", context)


def sheet(request: HttpRequest, pk: int) -> dict:
    """The context of the sheet. Raises Http404 where the reader may not see what it is about."""
    found = ApprovalRequest.objects.visible_to(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such request in your sight.")
    return sheet_for(found, request.user)


def sub(found: list) -> str:
    """`4 wait for you, 1 is due tomorrow`."""
    if not found:
        return "nothing waits for you"
    words = f"{len(found)} {'waits' if len(found) == 1 else 'wait'} for you"
    due = sorted(i.due_at for i in found if i.due_at and i.due_at > timezone.now())
    return f"{words}, the next is due {wording.relative(due[0])}" if due else words
