"""Who votes for whom: one's own page in the settings, and for the leads of teams that of their members."""

from datetime import datetime, timedelta
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST

from approvals import actions, stand_ins
from approvals.delegation_forms import DelegationForm
from approvals.models import Delegation
from core import moments
from core.forms import knock
from core.wording import span

PER_PAGE = 20


@login_required
def delegations(request: HttpRequest) -> HttpResponse:
    """`/settings/delegations/`: what one delegated, whom one stands in for, and for leads what their members did.

    `?person=&from=&until=` (ISO 8601) fill the form: the page of absences links here.
    """
    kept = list(stand_ins.kept_by(request.user).filter(is_active=True))
    form = DelegationForm(request.POST or None, reader=request.user, kept=kept, initial=_asked_for(request))
    if request.method == "POST" and form.is_valid():
        made = knock(form, partial(actions.delegate, actor=request.user, **form.door_fields()))
        if made:
            messages.success(request, f"Delegated\n{_said(made, request)}")
            return redirect("approvals:delegations")
    return render(
        request, "approvals/delegations.html", _context(request, form, kept), status=422 if form.errors else 200
    )


def _asked_for(request: HttpRequest) -> dict:
    now = timezone.localtime().replace(second=0, microsecond=0)
    start = _instant(request.GET.get("from", "")) or now
    end = _instant(request.GET.get("until", "")) or start + timedelta(days=7)
    person = request.GET.get("person", "")
    return {
        "person": int(person) if person.isdecimal() and len(person) < 18 else request.user.pk,
        "starts_at": start,
        "ends_at": end,
    }


def _instant(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
        known = found and timezone.is_aware(found) and not moments.unfit(at=found)
        return timezone.localtime(found) if known else None
    except (ValueError, OverflowError):
        return None


def _said(made: Delegation, request: HttpRequest) -> str:
    """Who votes for whom until when; a circle does no harm, and is said."""
    whose = "you" if made.person_id == request.user.pk else made.person.name
    text = f"{made.stand_in.name} votes for {whose}, {span(made.starts_at, made.ends_at)}."
    if stand_ins.circle(made.person_id, made.stand_in_id, made.starts_at, made.ends_at):
        text += f" {made.stand_in.name} has delegated the other way as well: nothing goes onward, each votes once."
    return text


def _context(request: HttpRequest, form: DelegationForm, kept: list) -> dict:
    now, rows = timezone.now(), stand_ins.seen_by(request.user)
    ahead = list(rows.standing().order_by("starts_at", "pk"))
    over = Delegation.objects.of(request.user) | Delegation.objects.filter(person__in=[p.pk for p in kept])
    over = over.exclude(pk__in=Delegation.objects.standing().values("pk")).order_by("-ends_at", "-pk")
    over = over.select_related("person", "stand_in", "product", "created_by", "ended_by")
    past = Paginator(over, PER_PAGE).get_page(request.GET.get("page"))
    mine, kept_ids = request.user.pk, {p.pk for p in kept}
    teams = stand_ins.team_names()
    words = {d.pk: _capital(stand_ins.scope_words(d, teams)) for d in [*ahead, *past]}
    return {
        "form": form,
        "out": [d for d in ahead if d.person_id == mine],
        "into": [d for d in ahead if d.stand_in_id == mine],
        "team": [d for d in ahead if d.person_id in kept_ids - {mine}],
        "leads": len(kept) > 1,
        "kept": kept_ids,
        "past": past,
        "scope": words,
        "at": now,
    }


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


@require_POST
@login_required
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one that runs, call off one that is to come."""
    if not stand_ins.seen_by(request.user).filter(pk=pk).exists():
        raise Http404
    ended = actions.end_delegation(pk, actor=request.user)
    began = ended.starts_at <= ended.ended_at
    messages.success(request, "Delegation ended\nVotes that were given stay." if began else "Delegation called off")
    return redirect("approvals:delegations")
