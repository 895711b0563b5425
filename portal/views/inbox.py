"""The inbox: should I approve this? List and sheet are two addresses, side by side where there is room."""

from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_safe

from approvals.forms import WantedForm
from approvals.models import ApprovalRequest
from approvals.reading import sheet_for
from core import wording
from portal import inbox as items
from reports import sight


class InboxFilters(WantedForm):
    """The filters of the list, which holds more than requests."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", "All kinds"), *items.KINDS]


@require_safe
@login_required
def inbox(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """What waits for the reader; with an id the decision sheet of that request beside it. 404 for one out of sight.

    Without an id the first request stands beside the list; a narrow screen shows the list alone.
    """
    sight.require_taking_part(request.user)
    if pk is not None and request.htmx and request.htmx.target == "detail":
        return render(request, "portal/_detail.html", sheet(request, pk) | {"oob": True})
    context = listed(request, request.GET)
    shown = pk or context["listing"].first_request
    context |= {"pk": pk, "shown": shown, "beside": pk is None, "sheet": None}
    if shown is not None:
        context["sheet"] = sheet(request, shown)
        context |= context["sheet"]
    return render(request, "portal/inbox.html", context)


@require_safe
@login_required
def inbox_list(request: HttpRequest) -> HttpResponse:
    """The list alone, after a decision: what is shown now stands in the address of the page that asks."""
    sight.require_taking_part(request.user)
    pk = shown_on(request.htmx.current_url_abs_path if request.htmx else "")
    picked = set(request.GET.getlist("pick"))
    context = listed(request, request.GET) | {"pk": pk, "shown": pk, "picked": picked, "fresh": True}
    return render(request, "portal/_items.html", context)


def shown_on(path: str | None) -> int | None:
    """The request whose sheet a page shows; None where it shows none."""
    try:
        return resolve(urlsplit(path or "").path).kwargs.get("pk")
    except Resolver404:
        return None


def listed(request: HttpRequest, given: QueryDict) -> dict:
    """The context of the list."""
    form = InboxFilters(given, reader=request.user)
    wanted = form.wanted()
    listing = items.listing(request.user, wanted, form.cleaned_data.get("group") or "", given.get("page"))
    params = given.copy()
    params.pop("pick", None)
    return {
        "listing": listing,
        "filters": form,
        "filtered": bool(wanted),
        "list_query": InboxFilters.query_of(given),
        "params": params,
        "sub": sub(listing),
    }


def sheet(request: HttpRequest, pk: int) -> dict:
    """The context of the sheet. Raises Http404 where the reader may not see what it is about."""
    found = ApprovalRequest.objects.visible_to(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such request in your sight.")
    return sheet_for(found, request.user) | {"list_query": InboxFilters.query_of(request.GET)}


def sub(listing: items.Listing) -> str:
    """`4 wait for you, the next is due tomorrow`."""
    if not listing.all:
        return "nothing waits for you"
    words = f"{wording.number(listing.all)} {'waits' if listing.all == 1 else 'wait'} for you"
    return f"{words}, the next is due {wording.relative(listing.next_due)}" if listing.next_due else words
