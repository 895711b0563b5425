"""The calendar: what goes out when, and what collides?"""

from datetime import date

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.actions import renew_feed_token
from accounts.models import User
from core import wording
from portal import feeds
from portal.links import address
from portal.month import MONTHS, Month, month

NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@require_safe
@login_required
def calendar(request: HttpRequest, year: int | None = None, number: int | None = None) -> HttpResponse:
    """One month, this one when none is named. 404 for a month that no calendar has."""
    today = timezone.localdate()
    year, number = (today.year, today.month) if year is None else (year, number)
    if not (1 <= number <= 12 and 1970 <= year <= 9998):
        raise Http404("There is no such month.")
    shown = month(request.user, year, number)
    context = {
        "month": shown,
        "title": title(shown),
        "sub": f"{wording.plural(shown.planned, 'release')} planned, {shown.shipped} shipped.",
        "before": month_link(shown.before),
        "after": month_link(shown.after),
        "feed_url": request.build_absolute_uri(reverse("portal:calendar_feed", args=[request.user.feed_token]))
        if request.user.feed_token
        else "",
        "freeze_url": address("releases:freeze_new"),
    }
    return render(request, "portal/calendar.html", context)


def title(shown: Month) -> str:
    """`Two plans collide in November 2026`."""
    count = len(shown.conflicts)
    words = NUMBERS[count] if count < len(NUMBERS) else str(count)
    if not count:
        return f"Nothing collides in {shown.name}"
    return f"{words} {'collision' if count == 1 else 'collisions'} in {shown.name}"


def month_link(first: date) -> tuple[str, str]:
    return f"{MONTHS[first.month - 1]} {first.year}", reverse("portal:calendar_month", args=[first.year, first.month])


@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """The feed behind a secret address. 404 for an unknown token and for a person who left."""
    user = get_object_or_404(User, feed_token=token, is_active=True)
    timezone.deactivate()
    response = HttpResponse(feeds.calendar_of(user), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="slipway.ics"'
    response["Cache-Control"] = "private, max-age=300"
    response["X-Robots-Tag"] = "noindex"
    return response


@require_POST
@login_required
def renew_feed(request: HttpRequest) -> HttpResponse:
    """Make the reader's secret feed address, or a new one in place of the old."""
    had_one = bool(request.user.feed_token)
    renew_feed_token(actor=request.user)
    consequence = "The old one stopped working." if had_one else "Put it into your calendar program."
    messages.success(request, f"Your calendar has a {'new ' if had_one else ''}secret address\n{consequence}")
    return redirect(reverse("portal:calendar") + "#subscribe")
