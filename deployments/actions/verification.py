"""The verification of a deployment: samples are opened, asked with nothing locked, closed and judged.

A sample is one look at everything: the environment's own health path, its checks, and the hooks called for the verification.
Whoever opens it asks all checks at once within LOOK_S seconds; hooks run as runs of the sample, under keys that name it, and
keep it open until they have ended. A worker that dies while it asks leaves a sample whose lease lapses: nobody saw the answers,
so it closes as not well, and its hooks are not called again.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts import policy
from accounts.models import User
from core.blockers import Blocker, refuse_if
from core.events import record
from core.locking import locked
from deployments import clock, guards
from deployments.actions import asking, shipping, steps
from deployments.actions.steps import held
from deployments.checks import ask_together
from deployments.models import Deployment, Run, Sample, Verification
from deployments.states import UNDER_WAY, DeploymentState, OnFailure, Purpose, RunState
from deployments.steadiness import watched_for
from releases.models import Environment

LOOK_S = 10
LEASE_S = 30
AGAIN_S = 1
LOOKS_MAX = 5_000
RIGHT = "releases.manage_environments"
NOTHING_TO_ASK = "There is nothing to ask here, so the word of the hooks stands."
LOST = "The worker that asked was lost, so nobody saw the answer."


def verify(deployment_id: int) -> bool:
    """Take the next step of a verification. False when it does not verify, is not due, or another worker is at it."""
    claimed = _claim(deployment_id)
    if claimed is None:
        return False
    deployment, sample, is_ours = claimed
    questions = asking.questions(deployment, sample) if is_ours else []
    answers = ask_together(questions, timeout_s=LOOK_S) if is_ours else []
    with held(deployment_id) as row:
        if row.state == DeploymentState.VERIFYING and row.verifying_since == deployment.verifying_since:
            _settle(row, sample, asking.results(questions, answers) if is_ours else None)
    return True


def _claim(deployment_id: int) -> tuple[Deployment, Sample | None, bool] | None:
    """(deployment, its open sample, whether it was opened just now and is ours to ask).

    No sample where hooks of an earlier one have not ended. None when there is nothing to do for this worker.
    """
    now = timezone.now()
    with transaction.atomic(durable=True):
        rows = Deployment.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        deployment = rows.due().filter(pk=deployment_id, state=DeploymentState.VERIFYING).first()
        if deployment is None:
            return None
        deployment.due_at = now + timedelta(seconds=LEASE_S)
        deployment.save(update_fields=["due_at"])
        sample = deployment.samples.filter(is_open=True).order_by("-pk").first()
        if sample is None:
            if _has_calls_under_way(deployment):
                return deployment, None, False
            return deployment, _open(deployment), True
        if sample.asked_until is not None and not _is_given_up(sample):
            return None
    return deployment, sample, False


def _is_given_up(sample: Sample) -> bool:
    """The lease is over; or it ends so late that a clock must have been set."""
    left = sample.asked_until - clock.now()
    return not timedelta() < left <= timedelta(seconds=LEASE_S)


def _has_calls_under_way(deployment: Deployment) -> bool:
    calls = deployment.runs.filter(purpose=Purpose.VERIFY)
    return calls.filter(state__in=UNDER_WAY).exists() or calls.stopping().exists()


def _open(deployment: Deployment) -> Sample:
    """A new sample and the calls that belong to it, both or neither."""
    now = clock.now()
    sample = Sample.objects.create(
        deployment=deployment,
        since=deployment.verifying_since,
        at=now,
        ok=False,
        is_open=True,
        asked_until=now + timedelta(seconds=LEASE_S),
    )
    calls = deployment.runs.filter(purpose=Purpose.VERIFY)
    attempt = (calls.aggregate(last=Max("attempt"))["last"] or 0) + 1
    for position, hook in enumerate(asking.hooks(deployment.environment), start=1):
        steps.call_now(steps.lay_out_run(deployment, hook, position, attempt, sample=sample))
    return sample


def _settle(deployment: Deployment, sample: Sample | None, answers: list[dict] | None) -> None:
    """Keep the answers; close and judge the sample once its hooks have ended, or the time is over."""
    is_over = _is_over(deployment)
    if sample is None:
        return _fail_or_wait(deployment, is_over, "A hook of an earlier sample has not ended.")
    sample = Sample.objects.select_for_update(of=("self",), no_key=True).get(pk=sample.pk)
    if not sample.is_open or (answers is not None and sample.asked_until is None):
        return None  # it took so long that another worker gave it up
    if sample.asked_until is not None:
        sample.results, sample.asked_until = answers if answers is not None else _lost(deployment), None
        sample.save()
    calls = list(sample.runs.order_by("position"))
    if not is_over and any(run.state in UNDER_WAY for run in calls):
        return steps.look_again(deployment, in_s=AGAIN_S)
    _close(sample, calls)
    return _judge(deployment, sample, calls, is_over)


def _lost(deployment: Deployment) -> list[dict]:
    return [asking.lost(question, LOST) for question in asking.questions(deployment, None)]


def _close(sample: Sample, calls: list[Run]) -> None:
    sample.results = [*sample.results, *(asking.result_of(run) for run in calls)]
    sample.ok = all(result["ok"] for result in sample.results)
    sample.is_open, sample.closed_at = False, clock.now()
    sample.detail = asking.summary(sample.results) or NOTHING_TO_ASK
    built_in = next((result for result in sample.results if result["kind"] == asking.BUILT_IN), {})
    sample.elapsed_ms, sample.status = built_in.get("elapsed_ms"), built_in.get("status")
    sample.save()


def _judge(deployment: Deployment, sample: Sample, calls: list[Run], is_over: bool) -> None:
    asks = [
        run for run in calls if run.on_failure == OnFailure.PAUSE and run.state in (RunState.FAILED, RunState.UNKNOWN)
    ]
    if asks:
        reason = " ".join(f"{run.name}: {run.detail or run.get_state_display()}" for run in asks)
        return steps.pause(deployment, reason, actor=steps.the_system())
    if not guards.not_verified(deployment):
        return _succeed(deployment, sample)
    return _fail_or_wait(deployment, is_over or _is_over(deployment), _troubles(sample), sample)


def _fail_or_wait(deployment: Deployment, is_over: bool, troubles: str, sample: Sample | None = None) -> None:
    how = guards.verification_of(deployment.environment)
    if is_over:
        steps.fail(deployment, f"Not verified within {how.timeout_s} s. {troubles}", actor=steps.the_system())
    elif sample is None:
        steps.look_again(deployment, in_s=AGAIN_S)
    else:
        took_s = (sample.closed_at - sample.at).total_seconds()
        deployment.due_at = timezone.now() + timedelta(seconds=max(0, min(how.interval_s, how.interval_s - took_s)))
        deployment.save(update_fields=["due_at"])


def _is_over(deployment: Deployment) -> bool:
    """Whether the time limit is reached, counting only time in which somebody looked."""
    how, began, now = guards.verification_of(deployment.environment), deployment.verifying_since, clock.now()
    looks = guards.looks_at(deployment)
    opened = deployment.samples.filter(is_open=True, since=began).values_list("at", flat=True).first()
    watched = watched_for(looks, began, how.interval_s, how.delay_s, min(opened, now) if opened else now)
    under_way = max(now - opened, timedelta()) if opened else timedelta()
    return watched + under_way >= timedelta(seconds=how.timeout_s)


def _troubles(sample: Sample) -> str:
    if sample.ok:
        return "All was well in the last sample, but not for long enough on end."
    return sample.detail


def _succeed(deployment: Deployment, sample: Sample) -> None:
    system = steps.the_system()
    deployment.succeed()
    deployment.save()
    proof = [result["check"] for result in sample.results]
    record("deployment.succeeded", deployment, actor=system, checks=proof, **steps.facts(deployment))
    if deployment.is_rollback:
        steps.finish_rollback(deployment, actor=system)
    else:
        shipping.proven(deployment, actor=system)


def set_verification(environment_id: int, *, actor: User, **fields) -> Verification:
    """Say how an environment is verified. `fields` are the model's.

    Raises Environment.DoesNotExist, PermissionDenied, or Refused: times that cannot be met, or a verification that runs now.
    """
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        verification = guards.verification_of(environment)
        before = {name: getattr(verification, name) for name in fields}
        for name, value in fields.items():
            setattr(verification, name, value)
        refuse_if([*verifying_now(environment), *_impossible(verification)])
        verification.save()
        changed = {name: [before[name], value] for name, value in fields.items() if before[name] != value}
        record("environment.verification_set", environment, actor=actor, changed=changed)
    return verification


def verifying_now(environment: Environment) -> list[Blocker]:
    """What is asked stands while it is being asked."""
    running = environment.deployments.filter(state=DeploymentState.VERIFYING).select_related("candidate").first()
    if running is None:
        return []
    return [
        Blocker(
            "verifying",
            f"{running.candidate.version} is being verified in {environment} with these checks. Wait for the end, or pause it.",
            running.get_absolute_url(),
            "See the deployment",
        )
    ]


def _impossible(how: Verification) -> list[Blocker]:
    found = []
    if how.delay_s + how.steady_s >= how.timeout_s:
        text = "This is over before the first look and the steady time can be. Give more time."
        found.append(Blocker("verification-too-short", text, field="timeout_s"))
    if how.timeout_s > LOOKS_MAX * max(how.interval_s, 1):
        text = f"That would be more than {LOOKS_MAX:,} looks. Look less often, or give up sooner."
        found.append(Blocker("verification-too-many", text, field="interval_s"))
    return found
