"""Doors of a run: claim in a short transaction, call the tool with nothing locked, settle in a second one.

A claim that lapses is handed on: the driver is called again with the same key, which never starts a second run.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from core.events import record
from core.locking import locked
from deployments.actions import output, steps
from deployments.doorbell import ring_after_commit
from deployments.drivers import DRIVERS, BadCallback, Call, Driver, HookError, HookRefused, Progress, Unreachable
from deployments.models import Deployment, Run
from deployments.states import RunState

log = logging.getLogger(__name__)

START_LEASE_S, POLL_LEASE_S = 60, 30
POLL_S, TRY_AGAIN_S = 1, 5
GRACE_S = 15
STOP_S = 45
HEARD_MAX = 50


def start_run(run_id: int) -> bool:
    """Call the tool of one run. False when the run is not due, or another worker has it."""
    run = _claim(run_id, (RunState.WAITING, RunState.CLAIMED), lease_s=_lease_s(), begin=_begin)
    if run is None:
        return False
    call, settle = call_of(run), _settle_started
    try:
        outcome = driver_of(run).start(call)
    except HookError as error:
        outcome, settle = error, _settle_not_started
    except Exception as error:  # a fault of ours: whether the tool was called is not known
        log.exception("Run %s: the driver broke", run.key)
        outcome, settle = HookError(f"The driver {run.driver} broke: {error}"), _settle_not_started
    if not settle(run, outcome):
        _tell_to_stop_if_cancelled(run)
    return True


def _lease_s() -> float:
    return getattr(settings, "HOOK_LEASE_S", _lease_for(1, START_LEASE_S))


def _lease_for(talks: int, at_least_s: float) -> float:
    """Longer than so many calls of a driver, each of which takes at most twice HOOK_TIMEOUT_S."""
    return max(at_least_s, 2 * talks * settings.HOOK_TIMEOUT_S + 10)


def _begin(run: Run) -> None:
    if run.state != RunState.WAITING:  # claimed before, by a worker that never said what came of it
        run.in_doubt = True
        run.save(update_fields=["in_doubt"])
        return
    first = run.started_at is None
    run.claim()
    run.deadline_at = run.deadline_at or run.started_at + timedelta(seconds=run.timeout_s + GRACE_S)
    run.save()
    if first:
        record("run.started", run, actor=steps.the_system(), step=run.name, key=run.key, driver=run.driver)


def _claim(
    run_id: int, states: tuple, *, lease_s: float, begin: Callable[[Run], None] = lambda run: None
) -> Run | None:
    """Take a due run for `lease_s` seconds. None when it is not due or somebody else is at it."""
    with transaction.atomic(durable=True):
        rows = Run.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        run = rows.due().filter(pk=run_id, state__in=states).first()
        if run is None:
            return None
        begin(run)
        run.due_at = timezone.now() + timedelta(seconds=lease_s)
        run.save(update_fields=["due_at"])
    return run


def _settle_started(run: Run, handle: dict) -> bool:
    """The tool has the call. False when the run is not ours to settle any more."""
    with settling(run) as row:
        row.handle = row.handle | handle
        ours = row.state == RunState.CLAIMED
        if ours:
            row.run()
            row.due_at = timezone.now()
            ring_after_commit("poll_run", row.pk)
        row.save()
    return ours


def _settle_not_started(run: Run, error: HookError) -> bool:
    with settling(run) as row:
        if row.state != RunState.CLAIMED:
            return False
        row.detail = str(error)
        if isinstance(error, Unreachable) and timezone.now() < row.deadline_at:
            row.hand_back()
            row.due_at = timezone.now() + timedelta(seconds=TRY_AGAIN_S)
            row.save()
        elif isinstance(error, Unreachable | HookRefused) and not row.in_doubt:
            _end(row, row.fail)
        else:
            _end(row, row.lose)
    return True


def _tell_to_stop_if_cancelled(run: Run) -> None:
    """It was cancelled between claim and settle: the engine tells the tool anew, which has the call by now."""
    Run.objects.filter(pk=run.pk, state=RunState.CANCELLED).update(due_at=timezone.now())


def poll_run(run_id: int) -> bool:
    """Ask the tool how a run does and keep what it says. False when the run is not due, or another worker has it."""
    run = _claim(run_id, (RunState.RUNNING,), lease_s=_lease_for(2, POLL_LEASE_S))
    if run is None:
        return False
    progress = _asked(run, call_of(run), broken="running")
    if progress.status == "running" and timezone.now() >= run.deadline_at:
        progress = _out_of_time(run, progress)
    _settle_progress(run, progress, polled=True)
    return True


def _asked(run: Run, call: Call, *, broken: str) -> Progress:
    """What the tool says of a run, or `broken` as its status where the driver cannot ask it."""
    try:
        return driver_of(run).poll(call, run.handle, run.log_offset)
    except Exception as error:  # a fault of ours
        log.exception("Run %s: the driver broke", run.key)
        return Progress(broken, "", run.log_offset, f"The driver {run.driver} broke: {error}")


def _told_to_stop(run: Run, call: Call) -> bool:
    try:
        return driver_of(run).cancel(call, run.handle)
    except Exception:  # a fault of ours
        log.exception("Run %s: the driver broke", run.key)
        return False


def _out_of_time(run: Run, progress: Progress) -> Progress:
    """Past its deadline: told to stop it has failed; where it cannot be told, nobody knows."""
    told = _told_to_stop(run, call_of(run))
    said = f"Stopped: it ran longer than its time limit of {run.timeout_s} s."
    if not told:
        said = f"No result within {run.timeout_s} s, and the tool cannot be told to stop. {progress.detail}".strip()
    return Progress("failed" if told else "unknown", progress.output, progress.log_offset, said, progress.progress)


def receive_callback(token: str, headers: dict[str, str], body: bytes) -> Run:
    """Take in what a tool reports by itself. A repeat changes nothing, and neither does a word after the end.

    Raises Run.DoesNotExist for an unknown token, BadCallback for a message that is not believed.
    """
    run = Run.objects.select_related("hook").get(token=token)
    if run.state == RunState.WAITING:
        raise BadCallback("The call was not made yet.")
    progress = driver_of(run).callback(call_of(run), run.handle, headers, body)
    _settle_progress(run, progress, polled=False)
    return run


def _settle_progress(run: Run, progress: Progress, *, polled: bool) -> None:
    """Keep output, progress and outcome. Whichever of poll and callback comes first ends the run, once."""
    with settling(run) as row:
        if row.state not in (RunState.CLAIMED, RunState.RUNNING) or not _is_news(row, run, progress, polled):
            return
        output.append(row, progress.output, secret=_secret(run))
        if polled:
            row.log_offset = progress.log_offset
        if progress.progress is not None:
            row.progress = progress.progress
        row.detail = progress.detail
        if progress.status == "running":
            row.due_at = timezone.now() + timedelta(seconds=POLL_S * _patience(run))
            row.save()
        else:
            _end(row, {"succeeded": row.succeed, "failed": row.fail}.get(progress.status, row.lose))


def _patience(run: Run) -> float:
    """How many times POLL_S a driver leaves its tool alone between two polls: one far away is asked less often."""
    return getattr(DRIVERS.get(run.driver), "patience", 1)


def _is_news(row: Run, seen: Run, progress: Progress, polled: bool) -> bool:
    """A poll counts if none came in between (its output would be doubled), a callback if its id was not heard yet."""
    if polled:
        return row.log_offset == seen.log_offset
    if not progress.message_id:
        return True
    is_new = progress.message_id not in row.heard
    row.heard = [*row.heard, progress.message_id][-HEARD_MAX:]
    return is_new


def _end(run: Run, transition: Callable[[], None]) -> None:
    """End a run and let the engine look at its deployment at once."""
    transition()
    output.flush(run, secret=_secret(run))
    if run.state == RunState.SUCCEEDED:
        run.progress = 1.0
    run.save()
    record(
        "run.ended",
        run,
        actor=steps.the_system(),
        step=run.name,
        detail=run.detail,
        seconds=round((run.ended_at - run.started_at).total_seconds(), 1),
    )
    steps.look_again(run.deployment)


@contextmanager
def settling(run: Run) -> Iterator[Run]:
    """The second transaction: the deployment and then the run are locked. Yields the fresh row."""
    with locked(Deployment.objects, run.deployment_id) as deployment:
        row = Run.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
        row.deployment = deployment
        yield row


def stop_run(run_id: int) -> bool:
    """Tell the tool of a cancelled run to stop, and follow it until it has, or STOP_S seconds. False when it is not due.

    While a call is on its way (no handle yet) the tool may begin only now, so it is told again.
    """
    run = _claim(run_id, (RunState.CANCELLED,), lease_s=_lease_for(2, POLL_LEASE_S))
    if run is None:
        return False
    call = call_of(run)
    told = _told_to_stop(run, call)
    progress = _asked(run, call, broken="unknown")
    over = timezone.now() >= run.ended_at + timedelta(seconds=STOP_S)
    with settling(run) as row:
        output.append(row, progress.output, secret=_secret(run))
        row.log_offset = progress.log_offset
        still = not over and ((told and progress.status == "running") or not row.handle)
        row.due_at = timezone.now() + timedelta(seconds=POLL_S) if still else None
        if not still:
            output.flush(row, secret=_secret(run))
            row.detail = progress.detail if told else f"The tool could not be told to stop. {progress.detail}".strip()
        row.save()
    return True


def driver_of(run: Run) -> Driver:
    """Raises HookRefused when there is no such driver (any more)."""
    try:
        return DRIVERS[run.driver]
    except KeyError:
        raise HookRefused(f"There is no driver {run.driver}.") from None


def call_of(run: Run) -> Call:
    """The call as it was laid out when the deployment started; only the secret is read anew."""
    return Call(
        key=run.key,
        config=run.config,
        inputs=inputs_of(run),
        timeout_s=run.timeout_s,
        secret=_secret(run),
        repeated=run.in_doubt,
        callback_url=settings.BASE_URL + reverse("deployments:callback", args=[run.token]),
    )


def _secret(run: Run) -> str:
    return run.hook.secret if run.hook else ""


def inputs_of(run: Run) -> dict:
    """What is deployed, for the tool; all of it JSON-able and the same at each repeat."""
    deployment = run.deployment
    candidate, previous = deployment.candidate, deployment.previous
    return {
        "action": run.purpose,
        "product": deployment.environment.product.slug,
        "environment": deployment.environment.slug,
        "deployment": deployment.pk,
        "release": candidate.release.version,
        "candidate": candidate.number,
        "version": candidate.version,
        "commit": candidate.commit,
        "artifacts": candidate.artifacts,
        "artifact_digest": candidate.artifacts[0]["digest"] if candidate.artifacts else "",
        "previous_version": previous.version if previous else "",
        "previous_commit": previous.commit if previous else "",
    }
