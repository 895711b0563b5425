"""What the engine should look at now, read from the rows that are the queue of record."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from deployments.models import Deployment, Run
from deployments.querysets import LONGEST_WAIT
from deployments.states import HOLDS_ENVIRONMENT, DeploymentState, RunState
from releases.models import Environment

AT_ONCE = 500
TASK_OF_DEPLOYMENT = {DeploymentState.VERIFYING: "verify", DeploymentState.SUCCEEDED: "promote"}
TASK_OF = {
    RunState.WAITING: "start_run",
    RunState.CLAIMED: "start_run",
    RunState.RUNNING: "poll_run",
    RunState.CANCELLED: "stop_run",
}


def everything(limit: int = AT_ONCE) -> list[tuple[str, int]]:
    """[(task, id)] of due runs and deployments, the longest due first, at most `limit` of each."""
    runs = Run.objects.due().order_by("due_at").values_list("state", "pk")[:limit]
    deployments = Deployment.objects.due().order_by("due_at").values_list("state", "pk")[:limit]
    return [(TASK_OF[RunState(state)], pk) for state, pk in runs] + [
        (TASK_OF_DEPLOYMENT.get(DeploymentState(state), "advance"), pk) for state, pk in deployments
    ]


def unasked(now: datetime) -> QuerySet[Environment]:
    """Environments whose service is asked how it is now, those that waited longest first.

    They have an address and a verification, or something was verified there; their product is not retired; no deployment
    holds them; and whoever asked them last did so long enough ago, or by a clock that was set back since.
    """
    here = Deployment.objects.filter(environment=OuterRef("pk"))
    return (
        Environment.objects.filter(product__is_active=True)
        .exclude(url="")
        .filter(Q(verification__isnull=False) | Exists(here.filter(verified_at__isnull=False)))
        .filter(Q(health__isnull=True) | Q(health__due_at__lte=now) | Q(health__due_at__gt=_longest(now)))
        .exclude(Exists(here.filter(state__in=HOLDS_ENVIRONMENT)))
        .select_related("product", "verification", "health")
        .order_by("health__due_at", "pk")
    )


def _longest(now: datetime) -> datetime:
    """Later than this no look is put off."""
    return now + LONGEST_WAIT + timedelta(seconds=2 * settings.HEALTH_EVERY_S)
