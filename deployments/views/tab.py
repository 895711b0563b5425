"""The deployments of one release: what runs where, and what goes there next."""

from dataclasses import dataclass, field

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from core import gates
from core.forms import knock
from deployments import where
from deployments.actions import deployment as doors
from deployments.forms import ScheduleForm
from deployments.models import Deployment
from deployments.states import HOLDS_ENVIRONMENT, WAITING
from releases import frame
from releases.models import Environment, Release

SHOWN_MAX = 50
RIGHT = "releases.deploy"


@dataclass
class Stop:
    """One environment of the pipeline, as this release sees it."""

    environment: Environment
    running: where.Running | None
    holder: Deployment | None
    newest: Deployment | None
    waiting: list[Deployment] = field(default_factory=list)

    @property
    def is_verified(self) -> bool:
        return bool(self.newest and self.newest.state == "succeeded")


@login_required
def tab(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """The pipeline, the gates of the next environment, and the deployments so far."""
    release = the_release(request, product, version)
    return render(request, "deployments/tab.html", context_of(request, release))


def the_release(request: HttpRequest, product: str, version: str) -> Release:
    rows = Release.objects.visible_to(request.user).select_related("product", "manager", "candidate", "blocked_by")
    found = rows.filter(product__slug=product, version=version).exclude(state="cancelled").first()
    return found or get_object_or_404(rows.filter(product__slug=product, version=version).order_by("-pk")[:1])


def context_of(request: HttpRequest, release: Release) -> dict:
    """The tab's context. A constant number of queries, however many deployments and environments there are."""
    environments = list(release.product.environments.in_order().prefetch_related("hooks"))
    rows = list(
        release.deployments.select_related("candidate", "environment", "previous", "started_by", "created_by")[
            :SHOWN_MAX
        ]
    )
    running, live = where.running(environments), where.live(environments)
    stops = [_stop(environment, release, rows, running, live) for environment in environments]
    following = next((stop for stop in stops if not stop.is_verified), None)
    return frame.of(request, release, "deployments") | {
        "stops": stops,
        "following": following,
        "answers": start_answers(release, following.environment) if following and release.candidate else [],
        "deployments": rows,
        "may_deploy": policy.may(request.user, RIGHT, release),
        "refusal": policy.refusal_text(RIGHT),
        "live_states": HOLDS_ENVIRONMENT,
    }


def _stop(environment, release, rows, running, live) -> Stop:
    environment.product = release.product
    here = [row for row in rows if row.environment_id == environment.pk and row.candidate_id == release.candidate_id]
    forward = [row for row in here if not row.is_rollback]
    return Stop(
        environment,
        running.get(environment.pk),
        live.get(environment.pk),
        forward[0] if forward else None,
        [row for row in forward if row.state in WAITING],
    )


def start_answers(release: Release, environment: Environment) -> list[gates.Answer]:
    """What each gate would say to a deployment started now; the door asks the same."""
    step = Deployment.machine.steps["start"]
    planned = Deployment(release=release, candidate=release.candidate, environment=environment)
    return gates.answers(step.key, step.gates, planned)


@require_POST
@login_required
def deploy(request: HttpRequest, product: str, version: str, environment: str) -> HttpResponse:
    """Plan and start at once."""
    release = the_release(request, product, version)
    target = get_object_or_404(release.product.environments, slug=environment)
    made = doors.deploy(release.pk, target.pk, actor=request.user)
    messages.success(request, f"Deployment to {target} started\nYou may leave this page and come back.")
    return redirect(made)


@login_required
def plan(request: HttpRequest, product: str, version: str, environment: str) -> HttpResponse:
    """Plan a deployment, to start by itself at an instant or by hand."""
    release = the_release(request, product, version)
    target = get_object_or_404(release.product.environments, slug=environment)
    policy.require(request.user, RIGHT, release)
    if release.candidate is None:
        raise Http404
    form = ScheduleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        at = form.cleaned_data["scheduled_for"]
        made = knock(form, lambda: doors.plan_deployment(release.pk, target.pk, actor=request.user, scheduled_for=at))
        if made:
            messages.success(
                request, "Deployment planned" + ("\nIt starts by itself if its gates are clear then." if at else "")
            )
            return redirect(made)
    context = frame.of(request, release, "deployments") | {"form": form, "environment": target}
    return render(request, "deployments/plan.html", context, status=422 if form.errors else 200)
