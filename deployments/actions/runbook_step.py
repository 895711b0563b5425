"""Doors of a step while its runbook runs. Lock order: release, environment (of a deployment), runbook, step."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from accounts import policy
from accounts.models import User
from core import texts
from core.blockers import Refused, refuse
from deployments.actions import steps
from deployments.actions.deployment import plan
from deployments.actions.runbook import RIGHT, opened
from deployments.actions.runbook_going import go_on, told
from deployments.models import Deployment, Runbook, RunbookStep
from deployments.states import DeploymentState, RunbookState, StepKind, StepState

NOT_YOURS = "Only its owner, a member of its team, or somebody who may deploy does this step. Take it over first."
BAD_ENDS = {
    DeploymentState.FAILED: "failed",
    DeploymentState.ABORTED: "was aborted",
    DeploymentState.ROLLED_BACK: "was rolled back",
    DeploymentState.ROLLBACK_FAILED: "could not be rolled back",
    DeploymentState.EXPIRED: "did not start in time",
    DeploymentState.SUPERSEDED: "was superseded",
}
TAKEN_BACK = (DeploymentState.ROLLED_BACK, DeploymentState.ROLLBACK_FAILED)


def may_act(user: User, step: RunbookStep) -> bool:
    """Whether a person may begin and end a step: its owner, a member of its team, or who may deploy."""
    mine = step.owner_id == user.pk or (step.team_id is not None and user.teams.filter(pk=step.team_id).exists())
    return mine or policy.may(user, RIGHT, step)


def begin_step(step_id: int, *, actor: User) -> RunbookStep:
    """Begin a step that is ready, or once more one that failed. One of a deployment starts it, in the name of `actor`.

    Raises RunbookStep.DoesNotExist, Http404/PermissionDenied, or Refused; a deployment's blockers are then those of its gates.
    """
    if RunbookStep.objects.values_list("kind", flat=True).get(pk=step_id) == StepKind.DEPLOYMENT:
        with deploying(step_id) as step:
            require(actor, step)
            policy.require(actor, RIGHT, step)
            _deploy(step, actor=actor)
        return step
    with going(step_id) as step:
        require(actor, step)
        step.begin()
        step.done_by = actor
        step.save()
        told(step, "step.begun", actor)
    return step


def finish_step(step_id: int, *, actor: User, note: str = "") -> RunbookStep:
    """Say that a step is done; those that waited for it are handed over. A deployment says so itself."""
    with going(step_id) as step:
        require(actor, step)
        if step.kind == StepKind.DEPLOYMENT:
            refuse("step-of-deployment", "Its deployment ends this step. To go on without it, let it fail and skip it.")
        step.finish()
        step.done_by, step.note = actor, texts.fit(note, "note")
        step.save()
        told(step, "step.done", actor)
        go_on(step.runbook, actor=actor)
    return step


def fail_step(step_id: int, *, actor: User, reason: str) -> RunbookStep:
    """Say that a step failed, and why. It may be begun again, or skipped."""
    with going(step_id) as step:
        require(actor, step)
        if step.kind == StepKind.DEPLOYMENT and step.state == StepState.RUNNING:
            refuse("step-of-deployment", "Its deployment ends this step. Abort the deployment on its own page.")
        _fail(step, reason, actor=actor)
    return step


def _fail(step: RunbookStep, reason: str, *, actor: User) -> None:
    step.fail(reason=reason)
    step.save()
    told(step, "step.failed", actor, reason=step.note)


def skip_step(step_id: int, *, actor: User, reason: str) -> RunbookStep:
    """Go on without a step; whoever may deploy answers for that."""
    with going(step_id) as step:
        policy.require(actor, RIGHT, step)
        policy.require_person(actor)
        step.skip(reason=reason)
        step.done_by = actor
        step.save()
        told(step, "step.skipped", actor, reason=step.note)
        go_on(step.runbook, actor=actor)
    return step


def take_over(step_id: int, *, actor: User) -> RunbookStep:
    """Become the owner of a step that is not over yet: of one's own team, or where one may deploy."""
    with going(step_id) as step:
        require(actor, step)
        if step.ended_at and step.state != StepState.FAILED:
            refuse("step-over", f"“{step.name}” is over already.")
        was, step.owner = step.owner, actor
        step.save()
        told(step, "step.taken_over", actor, was=was.name if was else "")
    return step


def require(actor: User, step: RunbookStep) -> None:
    """Raise Http404 when they may not see the product, PermissionDenied when the step is not theirs."""
    policy.require(actor, "releases.view_product", step)
    policy.require_person(actor)
    if not may_act(actor, step):
        raise PermissionDenied(NOT_YOURS)


# Deployments


def deploy_ready(step_id: int) -> bool:
    """Start the deployment of a step that was handed over, in the name of who started the runbook. False when it is not ready.

    A closed gate makes the step fail, with every blocker as its note. Harmless to repeat.
    """
    if not RunbookStep.objects.filter(pk=step_id, kind=StepKind.DEPLOYMENT, state=StepState.READY).exists():
        return False
    with deploying(step_id, over=True) as step:
        if step.state != StepState.READY or step.runbook.state != RunbookState.RUNNING:
            return False
        starter = step.runbook.started_by
        try:
            with transaction.atomic():
                policy.require(starter, RIGHT, step)
                _deploy(step, actor=starter)
        except Refused as refusal:
            _refused(step, str(refusal))
        except (PermissionDenied, Http404):
            _refused(step, f"{starter} may not deploy any more.")
    return True


def _refused(step: RunbookStep, why: str) -> None:
    runbook = step.runbook
    step.refresh_from_db()
    step.runbook = runbook
    runbook.release.refresh_from_db()
    _fail(step, why, actor=steps.the_system())


def _deploy(step: RunbookStep, *, actor: User) -> None:
    """Plan and start; the step runs as long as the deployment does. Raises Refused by the gates of either."""
    step.begin()
    deployment = plan(step.runbook.release, step.environment, actor=actor)
    steps.start(deployment, actor=actor)
    step.deployment, step.done_by, step.note = deployment, actor, ""
    step.save()
    told(step, "step.begun", actor, deployment=deployment.pk)


def settle_deployment(deployment_id: int) -> bool:
    """The deployment of a step has ended: so has the step; one that is done says so when its deployment is taken back later.

    False where nothing was to be said. Harmless to repeat.
    """
    found = RunbookStep.objects.filter(deployment=deployment_id, state__in=(StepState.RUNNING, StepState.DONE))
    step_id = found.values_list("pk", flat=True).first()
    if step_id is None:
        return False
    with going(step_id, over=True) as step:
        deployment = Deployment.objects.select_related("environment").get(pk=deployment_id)
        if step.deployment_id != deployment_id:
            return False
        if step.state == StepState.DONE:
            return _say_undone(step, deployment)
        if step.state != StepState.RUNNING:
            return False
        system = steps.the_system()
        if deployment.state == DeploymentState.SUCCEEDED:
            step.finish()
            step.save()
            told(step, "step.done", system, deployment=deployment_id)
            if step.runbook.state == RunbookState.RUNNING:
                go_on(step.runbook, actor=system)
        elif deployment.state in BAD_ENDS:
            _fail(step, _ended_badly(deployment), actor=system)
        else:
            return False
    return True


def _say_undone(step: RunbookStep, deployment: Deployment) -> bool:
    """Note at a step that is done that its deployment was taken back since, and tell it once. A rehearsal puts it there again."""
    if deployment.state not in TAKEN_BACK:
        return False
    rehearsals = Deployment.objects.filter(rolls_back=deployment, is_rehearsal=True)
    if deployment.state == DeploymentState.ROLLED_BACK and rehearsals.exists():
        return False
    said = f"Done, and undone since: {_ended_badly(deployment)}"
    if step.note == said:
        return False
    step.note = said
    step.save(update_fields=["note"])
    told(step, "step.undone", steps.the_system(), deployment=deployment.pk, reason=said)
    return True


def _ended_badly(deployment: Deployment) -> str:
    why = deployment.detail or deployment.reason
    return f"#{deployment.pk} to {deployment.environment} {BAD_ENDS[deployment.state]}. {why}".strip()


# Late


def flag_late() -> int:
    """Tell once of each step that takes longer, or waits longer for somebody, than was planned for it. Returns how many."""
    now = timezone.now()
    open_ones = RunbookStep.objects.filter(
        runbook__state=RunbookState.RUNNING, state__in=[StepState.READY, StepState.RUNNING], late_at__isnull=True
    )
    due = [step.pk for step in open_ones if late_from(step) <= now]
    return sum(_flag(pk) for pk in due)


def late_from(step: RunbookStep):
    """When a step that is ready or runs is late: its planned minutes after it was begun, or handed over."""
    return (step.started_at or step.ready_at) + timedelta(minutes=step.planned_minutes)


def _flag(step_id: int) -> bool:
    with going(step_id, over=True) as step:
        is_open = step.runbook.state == RunbookState.RUNNING and step.state in (StepState.READY, StepState.RUNNING)
        if not is_open or step.late_at or late_from(step) > timezone.now():
            return False
        step.late_at = timezone.now()
        step.save(update_fields=["late_at"])
        told(step, "step.late", steps.the_system(), planned_minutes=step.planned_minutes)
    return True


# Transactions


@contextmanager
def going(step_id: int, *, over: bool = False) -> Iterator[RunbookStep]:
    """A door's transaction around a step of a runbook that runs; with `over` also of one that does no more."""
    runbook_id = RunbookStep.objects.values_list("runbook_id", flat=True).get(pk=step_id)
    with opened(runbook_id) as runbook:
        yield _the_step(step_id, runbook, over=over)


@contextmanager
def deploying(step_id: int, *, over: bool = False) -> Iterator[RunbookStep]:
    """The same, with the environment locked that its deployment goes to."""
    row = RunbookStep.objects.select_related("runbook").get(pk=step_id)
    with steps.entered(row.runbook.release_id, row.environment_id) as (release, environment):
        runbook = Runbook.objects.select_for_update(of=("self",), no_key=True).get(pk=row.runbook_id)
        runbook.release = release
        step = _the_step(step_id, runbook, over=over)
        step.environment = environment
        yield step


def _the_step(step_id: int, runbook: Runbook, *, over: bool) -> RunbookStep:
    step = RunbookStep.objects.select_for_update(of=("self",), no_key=True).get(pk=step_id)
    step.runbook = runbook
    if not over and runbook.state != RunbookState.RUNNING:
        refuse(
            "runbook-not-running",
            f"“{runbook.name}” is {runbook.get_state_display().lower()}, so its steps stay as they are.",
        )
    return step
