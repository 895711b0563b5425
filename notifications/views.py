"""The bell's page, and what one wants to be told."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from notifications import actions
from notifications.kinds import KINDS
from notifications.models import Notification, Subscription

PER_PAGE = 40


@require_GET
@login_required
def notifications(request: HttpRequest) -> HttpResponse:
    """The reader's own notifications, newest first."""
    mine = Notification.objects.filter(recipient=request.user)
    unread = mine.filter(read_at__isnull=True)
    show = "all" if request.GET.get("show") == "all" else "unread"
    page = Paginator(mine if show == "all" else unread, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "notifications/notifications.html", {"page": page, "show": show, "unread": unread.count()})


@require_GET
@login_required
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Go where a notification points; it is read then."""
    notification = get_object_or_404(Notification, pk=pk, recipient=request.user)
    actions.mark_read([pk], actor=request.user)
    return redirect(notification.url or "notifications:notifications")


@require_POST
@login_required
def read(request: HttpRequest) -> HttpResponse:
    """Mark one or all as read."""
    ids = [int(pk) for pk in request.POST.getlist("id") if pk.isdigit()]
    actions.mark_read(ids or None, actor=request.user)
    return redirect("notifications:notifications")


@require_http_methods(["GET", "POST"])
@login_required
def preferences(request: HttpRequest) -> HttpResponse:
    """Bell and mail per kind."""
    if request.method == "POST":
        for slug in KINDS:
            actions.set_subscription(
                slug, actor=request.user, bell=f"bell-{slug}" in request.POST, mail=f"mail-{slug}" in request.POST
            )
        messages.success(request, "Saved what you are told")
        return redirect("notifications:preferences")
    wishes = {s.kind: s for s in Subscription.objects.filter(user=request.user)}
    rows = [
        (k, wishes[k.slug].bell if k.slug in wishes else True, wishes[k.slug].mail if k.slug in wishes else True)
        for k in KINDS.values()
    ]
    return render(request, "notifications/preferences.html", {"rows": rows})
