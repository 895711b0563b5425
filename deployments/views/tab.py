"""The deployments of one release: what runs where, and what goes there next."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from approvals import tally
from approvals.states import RequestState
from core import gates
from core.wording import full
from deployments import queue, way_back
from deployments.actions import deployment as doors
from deployments.actions import waiting
from deployments.actions.progression import ALLOW, PREVENT
from deployments.actions.promotion import OVER
from deployments.models import Deployment
from deployments.states import HOLDS_ENVIRONMENT
from deployments.views import track
from releases import frame
from releases.models import Environment, Release

SHOWN_MAX = 50
RIGHT = "releases.deploy"


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
    """The tab's context; `?to=<environment>` chooses whose gates are shown. A constant number of queries."""
    rows = list(
        release.deployments.select_related(
            "candidate", "environment", "previous", "started_by", "created_by", "held_by"
        )[:SHOWN_MAX]
    )
    drawn = track.of(release, rows)
    following = next((s for s in drawn.stops if s.environment.slug == request.GET.get("to")), None) or drawn.following
    answers = start_answers(release, following.environment) if following and release.candidate else []
    return (
        frame.of(request, release, "deployments")
        | {
            "track": drawn,
            "following": following,
            "answers": answers,
            "queue_rule": queue.RULE,
            "deployments": rows,
            "is_over": release.state in OVER,
            "may_deploy": policy.may(request.user, RIGHT, release),
            "may_stop": policy.may(request.user, PREVENT, release),
            "may_let_go_on": policy.may(request.user, ALLOW, release),
            "refusal": policy.refusal_text(RIGHT),
            "live_states": HOLDS_ENVIRONMENT,
            "approved_ahead": approved_ahead(release),
        }
        | _waits(release, following, answers)
        | _undone(release)
    )


def _waits(release: Release, following, answers: list[gates.Answer]) -> dict:
    """Whether it may queue, what keeps even that from helping, and until when others booked the environment."""
    blocking = {blocker.code for answer in answers for blocker in answer.blockers}
    if not blocking or not blocking <= waiting.ONLY_TAKEN:
        return {"only_taken": False, "in_vain": [], "booked_until": None}
    planned = Deployment(release=release, candidate=release.candidate, environment=following.environment)
    until = waiting.booked_until(planned)
    in_vain = waiting.in_vain(planned, until)
    return {"only_taken": not in_vain, "in_vain": in_vain, "booked_until": until}


def _undone(release: Release) -> dict:
    """How production would be taken back: whether that was tried, and where there is no way back. {} without a candidate."""
    if release.candidate_id is None:
        return {"rehearsal": None}
    return {
        "rehearsal": way_back.rehearsal_of(release),
        "demanded": way_back.is_demanded(release),
        "place": way_back.place_to_rehearse(release),
        "no_return": way_back.points_in_production(release),
        "rollback_plan": way_back.plan_of(release),
    }


def approved_ahead(release: Release) -> str:
    """That production is approved before anything goes there, and for how long that counts; "" where it is not so."""
    if release.state not in ("approving", "ready"):
        return ""
    request = tally.live_request(release)
    if request is None or request.state != RequestState.APPROVED:
        return ""
    answer = gates.answers("release.start_deploying", ["approval"], release)[0]
    if not answer.clear:
        return ""
    until = f"until {full(release.window_ends_at)}, and " if release.window_ends_at else ""
    return f"{answer.because} It counts {until}as long as nothing changes that was approved. It keeps no place in any queue."


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
