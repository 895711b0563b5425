"""The event log: all that happened, by whom, and whether the log is whole."""

from datetime import date, datetime, time

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from core.forms import Day
from core.models import Checkpoint, Event
from portal import feed
from reports import log, sight
from reports.log import prove

PAGE_SIZE = 50
MOST = 2**63 - 1


class Filter(forms.Form):
    """What the log is cut down to. Every field may be empty."""

    name = forms.CharField(label="Event, as in release.", required=False, max_length=80)
    stream = forms.CharField(label="Stream, as in release:42", required=False, max_length=80)
    actor = forms.CharField(label="User name", required=False, max_length=150)
    since = Day(label="Since", required=False)


@require_safe
@login_required
def events(request: HttpRequest) -> HttpResponse:
    """Events newest first, in pages by key. Without the right to the whole log, those of the products in sight."""
    sight.require_taking_part(request.user)
    form = Filter(request.GET or None)
    found = filtered(log.event_log(request.user), form)
    rows, newer, older = keyset(found.select_related("actor", "on_behalf_of"), request.GET)
    proof = proof_of(form, request.user)
    context = {
        "filter": form,
        "lines": feed.told(rows),
        "newer_url": _query(request.GET, after=newer) if newer else "",
        "older_url": _query(request.GET, before=older) if older else "",
        "proof": proof,
        "checkpoint": Checkpoint.objects.order_by("-pk").only("at").first(),
        "all": log.sees_all_events(request.user),
        "filtered": form.is_bound and any(form.data.get(name) for name in form.fields),
    }
    return render(request, "portal/events.html", context)


def filtered(found, form: Filter):
    if not form.is_bound or not form.is_valid():
        return found
    chosen = form.cleaned_data
    if chosen["name"]:
        found = found.filter(name__startswith=chosen["name"].strip().lower())
    if chosen["stream"]:
        found = found.filter(stream=chosen["stream"].strip())
    if chosen["actor"]:
        found = found.filter(actor__in=User.objects.filter(username__iexact=chosen["actor"].strip()))
    if chosen["since"]:
        found = found.filter(at__gte=_midnight(chosen["since"]))
    return found


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def keyset(found, params) -> tuple[list[Event], int | None, int | None]:
    """One page of events, newest first, and the keys of the pages before and after it. `?before=`, `?after=` are event ids."""
    before, after = _key(params.get("before")), _key(params.get("after"))
    if after:
        rows = list(found.filter(pk__gt=after).order_by("pk")[: PAGE_SIZE + 1])
        more = len(rows) > PAGE_SIZE
        rows = rows[:PAGE_SIZE][::-1]
        return rows, rows[0].pk if rows and more else None, rows[-1].pk if rows else None
    rows = list((found.filter(pk__lt=before) if before else found).order_by("-pk")[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return rows, rows[0].pk if rows and before else None, rows[-1].pk if more else None


def _key(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and int(text) <= MOST else None


def proof_of(form: Filter, user):
    """The proof of the stream that the log is cut down to, where the reader may read it; None for many streams."""
    if not form.is_bound or not form.is_valid() or not form.cleaned_data["stream"]:
        return None
    stream = form.cleaned_data["stream"].strip()
    return prove(stream) if log.event_log(user).filter(stream=stream).exists() else None


def _query(params, **key) -> str:
    kept = params.copy()
    for name in ("before", "after"):
        kept.pop(name, None)
    for name, value in key.items():
        kept[name] = value
    return "?" + kept.urlencode()
