"""Doors of a run: claim in a short transaction, call the tool with nothing locked, settle in a second one.

A claim that lapses is handed on: the driver is called again with the same key, which never starts a second run.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.events import record
from core.locking import locked
from deployments.actions import output, steps
from deployments.actions.calls import LATE_SINCE, TOLD, call_of, driver_of, handle_of, secret_of
from deployments.doorbell import ring_after_commit
from deployments.drivers import DRIVERS, BadCallback, Call, HookError, HookRefused, Progress, Unreachable
from deployments.drivers.masking import traced
from deployments.models import Deployment, Run
from deployments.states import UNDER_WAY, DeploymentState, Purpose, RunState

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
        outcome, settle = HookError(_fault(run, error)), _settle_not_started
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
    run.deadline_at = run.deadline_at or timezone.now() + timedelta(seconds=run.timeout_s + GRACE_S)
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
        row.detail = output.fit(str(error), secret_of(run))
        if isinstance(error, Unreachable) and timezone.now() < row.deadline_at:
            row.hand_back()
            row.due_at = timezone.now() + timedelta(seconds=TRY_AGAIN_S)
            if _is_held(row):
                row.rest()
            row.save()
        elif isinstance(error, Unreachable | HookRefused) and not row.in_doubt:
            _end(row, row.fail)
        else:
            _end(row, row.lose)
    return True


def _is_held(run: Run) -> bool:
    """Paused before its tool had any call. One in doubt is looked for all the same: its tool may be at work."""
    paused = run.deployment.state == DeploymentState.PAUSED
    return paused and not run.in_doubt and run.purpose != Purpose.VERIFY


def _tell_to_stop_if_cancelled(run: Run) -> None:
    """It was cancelled between claim and settle: the engine tells the tool anew, which has the call by now."""
    Run.objects.filter(pk=run.pk, state=RunState.CANCELLED).update(due_at=timezone.now())


def poll_run(run_id: int) -> bool:
    """Ask the tool how a run does and keep what it says. False when the run is not due, or another worker has it."""
    run = _claim(run_id, (RunState.RUNNING,), lease_s=_lease_for(2, POLL_LEASE_S))
    if run is None:
        return False
    call, notes = call_of(run), {}
    progress = _asked(run, call, broken="running")
    if progress.status == "running" and timezone.now() >= run.deadline_at:
        notes = {LATE_SINCE: _late_since(run), TOLD: _told_to_stop(run, call)}
        progress = _out_of_time(run, progress, notes)
    _settle_progress(run, progress, polled=True, notes=notes)
    return True


def _asked(run: Run, call: Call, *, broken: str) -> Progress:
    """What the tool says of a run, or `broken` as its status where the driver cannot ask it."""
    try:
        return driver_of(run).poll(call, handle_of(run), run.log_offset)
    except Exception as error:  # a fault of ours
        return Progress(broken, "", run.log_offset, _fault(run, error))


def _told_to_stop(run: Run, call: Call) -> bool:
    """Tell its tool. Whether it has heard, now or before: many refuse to be told a second time."""
    try:
        return driver_of(run).cancel(call, handle_of(run)) or run.handle.get(TOLD, False)
    except Exception as error:  # a fault of ours
        _fault(run, error)
        return run.handle.get(TOLD, False)


def _fault(run: Run, error: Exception) -> str:
    """What is told of a driver that broke; where it did stands in the server's log."""
    log.error("Run %s: the driver broke\n%s", run.key, traced(error, secret_of(run)))
    return f"The driver {run.driver} broke: {error}"


def _late_since(run: Run) -> float:
    """When it was first seen to run past its deadline; now, where that is this moment or a clock was set back since."""
    now = timezone.now().timestamp()
    return min(float(run.handle.get(LATE_SINCE, now)), now)


def _out_of_time(run: Run, progress: Progress, notes: dict) -> Progress:
    """Past its deadline it is told to stop at each look, and runs until the tool has ended, by the tool's own word.

    A tool that still runs after STOP_S seconds of that leaves the outcome open.
    """
    told = notes[TOLD]
    if timezone.now().timestamp() < notes[LATE_SINCE] + STOP_S:
        how = "is told to stop" if told else "could not be told to stop yet"
        said = f"It runs longer than its time limit of {run.timeout_s} s and {how}."
        return replace(progress, detail=f"{said} {progress.detail}".strip())
    why = f"did not stop within {STOP_S} s" if told else "cannot be told to stop"
    said = f"No result within {run.timeout_s} s, and the tool {why}."
    return replace(progress, status="unknown", detail=f"{said} {progress.detail}".strip())


def receive_callback(token: str, headers: dict[str, str], body: bytes) -> Run:
    """Take in what a tool reports by itself. A repeat changes nothing, and neither does a word after the end.

    Raises Run.DoesNotExist for an unknown token, BadCallback for a message that is not believed.
    """
    run = Run.objects.select_related("hook").get(token=token)
    if run.state == RunState.WAITING and not run.in_doubt:
        raise BadCallback("The call was not made yet.")
    progress = driver_of(run).callback(call_of(run), handle_of(run), headers, body)
    _settle_progress(run, progress, polled=False)
    return run


def _settle_progress(run: Run, progress: Progress, *, polled: bool, notes: dict | None = None) -> None:
    """Keep output, progress, outcome and `notes`. Whichever of poll and callback comes first ends the run, once."""
    with settling(run) as row:
        if row.state not in UNDER_WAY or not _is_news(row, run, progress, polled):
            return
        if row.state == RunState.WAITING:  # in doubt, and handed back: its tool has the call after all
            row.claim()
        output.append(row, progress.output, secret=secret_of(run))
        if polled:
            row.log_offset = progress.log_offset
        if progress.progress is not None:
            row.progress = progress.progress
        row.handle = row.handle | (notes or {})
        row.detail = output.fit(_worded(row, progress), secret_of(run))
        if progress.status == "running":
            if row.state == RunState.RUNNING:  # else a worker has it, and is about to say which run it is
                row.due_at = timezone.now() + timedelta(seconds=POLL_S * _patience(run))
            row.save()
        else:
            _end(row, {"succeeded": row.succeed, "failed": row.fail}.get(progress.status, row.lose))


def _worded(row: Run, progress: Progress) -> str:
    if progress.status == "failed" and LATE_SINCE in row.handle:
        return f"It ran longer than its time limit of {row.timeout_s} s. {progress.detail}".strip()
    return progress.detail


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
    output.flush(run, secret=secret_of(run))
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
        output.append(row, progress.output, secret=secret_of(run))
        row.log_offset = progress.log_offset
        row.handle = row.handle | {TOLD: told}
        still = not over and (progress.status == "running" or not handle_of(row))
        row.due_at = timezone.now() + timedelta(seconds=POLL_S * _patience(run)) if still else None
        if not still:
            output.flush(row, secret=secret_of(run))
            heard = told or progress.status in ("succeeded", "failed")
            said = progress.detail if heard else f"The tool could not be told to stop. {progress.detail}".strip()
            row.detail = output.fit(said, secret_of(run))
        row.save()
    return True
