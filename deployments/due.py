"""What the engine should look at now, read from the rows that are the queue of record."""

from deployments.models import Deployment, Run
from deployments.states import DeploymentState, RunState

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
