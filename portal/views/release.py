"""One release: can it ship, and if not, what is in the way? And its log."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import ledger, matching, tally
from approvals.models import Signoff
from core import gates
from core.events import stream_of
from core.models import Event
from portal import feed
from portal.links import address
from portal.views.events import keyset
from releases import frame
from releases.models import Candidate, Release
from releases.states import ReleaseState
from reports.log import prove

CANDIDATES, CHANGES, DEPLOYMENTS, EVENTS = 4, 12, 8, 12
REQUESTS = ("requests__requester", "requests__rules", "requests__votes__person", "requests__questions")
TO = {
    "plan": "Gates to a confirmed plan",
    "start_build": "Gates to the build",
    "start_testing": "Gates to testing",
    "request_approval": "Gates to approval",
    "expedite": "Gates to emergency approval",
    "mark_ready": "Gates to ready",
    "start_deploying": "Gates to deployment",
    "mark_released": "Gates to released",
    "close": "Gates to closing",
}


@dataclass(frozen=True)
class Column:
    """One candidate with its sign-offs in the order of the kinds; None where there is none yet."""

    candidate: Candidate
    current: bool
    cells: list[Signoff | None]


def seen(user, product: str, version: str) -> Release:
    """The release at this address in the reader's sight; of several with one version the one not cancelled. Raises Http404."""
    found = (
        Release.objects.visible_to(user)
        .filter(product__slug=product, version=version)
        .select_related("product", "manager", "candidate", "blocked_by", "rollback_plan__owner", "notes_reviewed_by")
        .order_by(ExpressionWrapper(Q(state=ReleaseState.CANCELLED), BooleanField()), "-pk")
    )
    release = found.first()
    if release is None:
        raise Http404("There is no such release in your sight.")
    return release


def with_gates(found: Release) -> Release:
    """The release with everything that the gates of its next step read, and its requests with their votes, newest first."""
    step = frame.due_step(found)
    lookups = gates.prefetches(f"release.{step}") if step else []
    prefetch_related_objects([found], *REQUESTS, *(p for p in lookups if p not in REQUESTS))
    return found


@require_safe
@login_required
def release(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """The overview of one release. A constant number of queries, whatever hangs on it."""
    found = with_gates(seen(request.user, product, version))
    context = frame.of(request, found, "overview")
    due = context["frame"]["next"]
    requests = list(found.requests.all())
    asked = tally.live_request(found) or next(iter(requests), None)
    kinds, columns = candidates(found)
    events = activity(found, requests)
    context |= {
        "gates": due.answers if due else (),
        "gates_title": TO.get(due.name, "Gates") if due else "",
        "approval": asked,
        "ledger": ledger.of(asked) if asked else None,
        "kinds": kinds,
        "columns": columns,
        "changes": list(found.changes.select_related("product").order_by("pk")[:CHANGES]),
        "changes_count": found.changes.count(),
        "deployments": list(found.deployments.select_related("candidate", "environment").order_by("-pk")[:DEPLOYMENTS]),
        "feed": feed.told(
            events.exclude(name__in=feed.QUIET).select_related("actor", "on_behalf_of").order_by("-pk")[:EVENTS],
            around=found,
        ),
        "risks": list(found.risks.all()),
        "dependencies": list(found.dependencies.select_related("needs__product")),
        "rollback": getattr(found, "rollback_plan", None),
        "status_url": request.build_absolute_uri(address("portal:status", found.status_token)),
        "address": address,
    }
    return render(request, "portal/release.html", context)


def candidates(found: Release) -> tuple[list[tuple[str, str]], list[Column]]:
    """The kinds of tests that the release needs or has, and its candidates, newest first, with their sign-offs by kind."""
    rows = list(
        found.candidates.prefetch_related("signoffs__signed_by", "signoffs__reported_by").order_by("-number")[
            :CANDIDATES
        ]
    )
    labels = dict(Signoff._meta.get_field("kind").choices)
    wanted = dict.fromkeys([*matching.required_kinds(found), *(s.kind for c in rows for s in c.signoffs.all())])
    kinds = [(kind, labels[kind]) for kind in wanted]
    columns = []
    for candidate in rows:
        by_kind = {s.kind: s for s in candidate.signoffs.all()}
        columns.append(Column(candidate, candidate.pk == found.candidate_id, [by_kind.get(kind) for kind, _ in kinds]))
    return kinds, columns


def activity(found: Release, requests) -> QuerySet[Event]:
    """Events of the release and of everything that hangs on it. A queryset."""
    streams = [stream_of(found), *(stream_of(r) for r in requests)]
    for name in ("changes", "deployments"):
        model = getattr(found, name).model._meta.model_name
        streams += [f"{model}:{pk}" for pk in getattr(found, name).values_list("pk", flat=True)]
    streams += [f"signoff:{pk}" for pk in Signoff.objects.filter(candidate__release=found).values_list("pk", flat=True)]
    return Event.objects.filter(stream__in=streams)


@require_safe
@login_required
def log(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """Every event of the release's own stream, newest first, and the proof that none was changed."""
    found = seen(request.user, product, version)
    events = Event.objects.filter(stream=stream_of(found)).select_related("actor", "on_behalf_of")
    rows, newer, older = keyset(events, request.GET)
    context = frame.of(request, found, "log") | {
        "lines": feed.told(rows, around=found),
        "proof": prove(stream_of(found)),
        "newer_url": f"?after={newer}" if newer else "",
        "older_url": f"?before={older}" if older else "",
        "filtered": False,
    }
    return render(request, "portal/release_log.html", context)
