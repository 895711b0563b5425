"""When somebody works and is away: one's own page in the settings, and the same for those who keep somebody's hours."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import actions, free_days
from accounts.forms import AbsenceForm, HoursForm, parts_choices
from accounts.hours import calendars
from accounts.models import Absence, User, WorkingHours
from accounts.presence import holidays_in_words, presence, week_in_words
from core.forms import knock
from core.wording import span

PER_PAGE = 20
HOLIDAYS_SHOWN = 4


@login_required
def own(request: HttpRequest) -> HttpResponse:
    """One's own hours and absences."""
    return _hours(request, request.user)


@login_required
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody's, for the leads of their teams and those who keep people."""
    found = get_object_or_404(User, pk=pk, is_service=False)
    actions.require_keeper(request.user, found)
    return _hours(request, found)


def _hours(request: HttpRequest, whose: User) -> HttpResponse:
    form = _form(whose, request.POST or None)
    if form.is_valid() and knock(
        form, lambda: actions.set_working_hours(whose.pk, actor=request.user, **form.cleaned_data)
    ):
        messages.success(request, "Working hours saved")
        return redirect(address(whose, request.user))
    return _page(request, whose, form=form, status=422 if form.errors else 200)


@require_POST
@login_required
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan an absence. A refused one comes back on the page that it was typed on, one's own or the other person's."""
    whose = get_object_or_404(User, pk=pk)
    form = AbsenceForm(request.POST, person=whose, reader=request.user)
    if form.is_valid() and (
        made := knock(form, lambda: actions.add_absence(pk, actor=request.user, **form.cleaned_data))
    ):
        messages.success(request, f"Absence planned\n{span(made.starts_at, made.ends_at)}.")
        return redirect(f"{address(whose, request.user)}#absences")
    actions.require_keeper(request.user, whose)
    return _page(request, whose, absence_form=form, status=422)


@require_POST
@login_required
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel an absence ahead, end one that is running."""
    absence = actions.cancel_absence(get_object_or_404(Absence, pk=pk).pk, actor=request.user)
    messages.success(request, "Absence cancelled" if absence.cancelled_at else "Absence ended\nBack from now on.")
    return redirect(f"{address(absence.user, request.user)}#absences")


@require_safe
@login_required
def parts(request: HttpRequest) -> HttpResponse:
    """The parts of `?country=` as options of the list."""
    choices = parts_choices(request.GET.get("country", ""))
    return render(request, "accounts/_parts.html", {"choices": choices})


def address(whose: User, reader: User) -> str:
    return reverse("accounts:hours") if whose == reader else reverse("accounts:person_hours", args=[whose.pk])


def _form(whose: User, data=None) -> HoursForm:
    row = WorkingHours.objects.filter(user=whose).first() or WorkingHours(user=whose)
    return HoursForm(data, instance=row, parts_url=reverse("accounts:hours_parts"))


def _page(request: HttpRequest, whose: User, *, form=None, absence_form=None, status: int = 200) -> HttpResponse:
    calendar, now = calendars([whose.pk])[whose.pk], timezone.now()
    rows = whose.absences.standing().select_related("added_by")
    past = Paginator(rows.filter(ends_at__lte=now).order_by("-ends_at", "-pk"), PER_PAGE)
    today = now.astimezone(calendar.zone).date()
    context = {
        "whose": whose,
        "mine": whose == request.user,
        "address": address(whose, request.user),
        "form": absence_form or form,
        "hours_form": form or _form(whose),
        "absence_form": absence_form or AbsenceForm(person=whose, reader=request.user),
        "ahead": rows.ahead(),
        "past": past.get_page(request.GET.get("page")),
        "presence": presence(calendar, now),
        "week": week_in_words(calendar),
        "holidays_of": holidays_in_words(calendar),
        "holidays": free_days.upcoming(calendar.country, calendar.subdivision, today, HOLIDAYS_SHOWN),
        "now": now,
    }
    return render(request, "accounts/hours.html", context, status=status)
