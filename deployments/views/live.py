"""The page of one deployment: live while it runs, found again at any time, a record afterwards."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts import policy
from accounts.middleware import reader_free
from core.machine import offers
from deployments import watching
from deployments.actions import deployment as doors
from deployments.actions import statement
from deployments.actions.asking import newest_statements
from deployments.forms.deployment import ResumeForm
from deployments.forms.log import LogFilters
from deployments.models import Deployment, LogLine
from deployments.picture import Line, Picture, level_of
from deployments.states import DeploymentState, How
from deployments.views.finding import the_deployment

OVER = 286  # htmx: swap, and stop polling
LINES_A_PAGE = 500


@login_required
def deployment(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one deployment."""
    row = the_deployment(request, pk)
    return render(request, "deployments/deployment.html", _context(request, row))


@login_required
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """What changed, as partials: progress, steps, health, actions, and the log after line `?after=`. 286 when it is over."""
    row = the_deployment(request, pk)
    context = _context(request, row, after=_number(request.GET.get("after")))
    return render(request, "deployments/_live.html", context, status=200 if context["is_polled"] else OVER)


@reader_free
def pulse(request: HttpRequest, pk: int, ticket: str) -> HttpResponse:
    """News for the holder of a ticket who has seen `?after=&state=&mark=`: 204 when there is none, else what all are told.

    The ticket stands for the rights, so neither session nor person is read. One that is over leads to `progress`, which asks.
    """
    given, after = watching.ticket(ticket), _number(request.GET.get("after"))
    if given is None or given.deployment != pk:
        return HttpResponse(watching.ask_anew(pk, after, request.GET.get("state", "")))
    watching.count_a_pulse()
    try:
        found = watching.news(given, ticket, after, request.GET.get("state", ""), request.GET.get("mark", ""))
    except Deployment.DoesNotExist:
        raise Http404 from None
    return HttpResponse(found, status=200 if found else 204)


@login_required
def log(request: HttpRequest, pk: int) -> HttpResponse:
    """The log as a page of its own, PAGE lines at a time: all of it, those that hold `?q=`, or those of one step (`?run=`)."""
    row = the_deployment(request, pk)
    filters = LogFilters(request.GET, deployment=row)
    page = Paginator(filters.lines(), LINES_A_PAGE).get_page(request.GET.get("page"))
    narrowed = any(filters.cleaned_data.values())
    context = {
        "deployment": row,
        "filters": filters,
        "page": page,
        "lines": [Line(line.pk, line.at, level_of(line.text), line.text) for line in page],
        "narrowed": narrowed,
        "hidden": LogLine.objects.of(row).count() if narrowed and not page.object_list else 0,
    }
    return render(request, "deployments/log.html", context)


@login_required
def log_download(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The whole log as text, each line with its instant (UTC, ISO 8601) and its step."""
    row = the_deployment(request, pk)
    lines = LogLine.objects.of(row).select_related("run")
    text = (f"{line.at:%Y-%m-%dT%H:%M:%SZ} {line.run}: {line.text}\n" for line in lines.iterator(chunk_size=2000))
    response = StreamingHttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="deployment-{row.pk}.log"'
    return response


def _context(request: HttpRequest, row: Deployment, after: int = 0) -> dict:
    made = {offer.name: offer for offer in offers(row, lambda right: policy.may(request.user, right, row))}
    picture = Picture(row, after=after)
    return {
        "deployment": row,
        "release": row.release,
        "product": row.release.product,
        "picture": picture,
        "offers": made,
        "hows": How.choices,
        "refusal": policy.refusal_text("releases.deploy"),
        "is_polled": not row.has_ended,
        "poll": "" if row.has_ended else _poll(row, picture),
    } | _words(request, row)


def _words(request: HttpRequest, row: Deployment) -> dict:
    """The manual checks with what was said of each while it is verified, and whether the reader's word would count."""
    is_asked = row.state == DeploymentState.VERIFYING
    checks = statement.manual_checks(row.environment) if is_asked else []
    said = newest_statements(row) if checks else {}
    return {
        "manual": [(check, said.get(check.name)) for check in checks],
        "may_state": statement.may_state(request.user, row),
        "says_refusal": policy.refusal_text("releases.deploy"),
    }


def _poll(row: Deployment, picture: Picture) -> str:
    """Without a mark: the first pulse brings the panels, whatever has happened while this page was drawn."""
    sealed = watching.Ticket(row.pk, str(timezone.get_current_timezone())).sealed()
    return watching.poll(sealed, row.pk, watching.Stand(row.state, "", picture.last_line))


@require_POST
@login_required
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a planned deployment."""
    row = the_deployment(request, pk)
    doors.start_deployment(row.pk, actor=request.user)
    messages.success(request, "Deployment started\nYou may leave this page and come back.")
    return redirect("deployments:deployment", pk)


def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop before the next step."""
    return _ask(
        request, pk, "pause", doors.pause, "Pause after this step?", "Paused\nThe step under way goes on to its end."
    )


def abort(request: HttpRequest, pk: int) -> HttpResponse:
    """End it where it stands."""
    return _ask(request, pk, "abort", doors.abort, "Abort this deployment?", "Aborted\nNothing was undone.")


@login_required
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on; `how` says what becomes of the step that stopped it."""
    form = ResumeForm(request.POST or None, stopped=Picture(the_deployment(request, pk)).stopped_by)
    how = request.POST.get("how", How.RETRY)
    if how not in How.values:
        raise Http404

    def door(pk: int, *, actor, reason: str):
        return doors.resume(pk, actor=actor, reason=reason, how=how)

    return _ask(request, pk, "resume", door, "Go on?", "Resumed", form)


@login_required
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring the last verified candidate back; leads to the rollback's own page."""

    def door(pk: int, *, actor, reason: str):
        return doors.roll_back(pk, actor=actor, reason=reason)

    return _ask(request, pk, "roll_back", door, "Roll back?", "Rollback started\nThis page shows how it goes.")


@login_required
def _ask(request: HttpRequest, pk: int, step: str, door: Callable, title: str, done: str, form=None) -> HttpResponse:
    """GET: the page that asks for the reason, with what stands in the way. POST: act."""
    row = the_deployment(request, pk)
    if request.method == "POST":
        reached = door(row.pk, actor=request.user, reason=request.POST.get("reason", ""))
        messages.success(request, done)
        return redirect(reached)
    policy.require(request.user, "releases.deploy", row)
    offer = next((o for o in offers(row, lambda _: True) if o.name == step), None)
    if offer is None:
        return redirect(row)
    context = {
        "title": title,
        "text": f"{row.candidate.version} to {row.environment}. {row.detail}",
        "submit": offer.label,
        "keep": "Leave it as it is",
        "back": row.get_absolute_url(),
        "kind": "danger" if offer.step.tone == "bad" else "primary",
        "blockers": offer.blockers,
        "reason_hint": "It stays in the record with your name.",
        "form": form,
    }
    return render(request, "confirm.html", context)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 18 else 0
