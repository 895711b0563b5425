"""What is told to stop holds its place until its tool has ended, and whatever may be at work is told."""

import pytest

from core.blockers import Refused
from deployments.actions import deployment as doors
from deployments.actions import run as run_doors
from deployments.drivers import OutcomeUnknown, Progress, Unreachable
from deployments.models import Deployment, Run
from tests.deployments.conftest import fresh, runs_of, turn
from tests.factories import deployments as shipping
from tests.factories import releases

pytestmark = pytest.mark.django_db
RUNNING = Progress("running", "", 0, "Step 3 of 4.")


@pytest.fixture
def running(place, tool) -> Deployment:
    """A deployment whose tool works on it."""
    tool.answers["ship"] = RUNNING
    made = place.into_staging()
    turn(3)
    return made


@pytest.fixture
def deaf(tool, monkeypatch) -> list[bool]:
    """What the tool says to being told to stop, in turn; it goes on with its work. The last word stays."""
    words = [True]

    def cancel(call, handle):
        tool.stopped.append(call.key)
        return words.pop(0) if len(words) > 1 else words[0]

    monkeypatch.setattr(tool, "cancel", cancel)
    return words


def out_of_time(deployment: Deployment) -> None:
    Run.objects.update(deadline_at=deployment.created_at)


def abort(deployment: Deployment, place) -> None:
    doors.abort(deployment.pk, actor=place.deployer, reason="Wrong afternoon.")


def codes_of(door, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as refusal:
        door(*args, **kwargs)
    return [b.code for b in refusal.value.blockers]


# The time limit


def test_past_its_time_limit_a_tool_holds_the_environment_until_it_has_stopped(running, place, tool, deaf):
    out_of_time(running)
    turn(3)

    run = Run.objects.get()
    assert (run.state, fresh(running).state) == ("running", "running")
    assert run.detail == "It runs longer than its time limit of 600 s and is told to stop. Step 3 of 4."
    assert codes_of(place.into_staging) == ["environment-taken"]

    tool.answers["ship"] = Progress("failed", "", 0, "Killed.")
    turn()
    assert fresh(running).state == "failed"
    assert fresh(running).detail == "Ship failed: It ran longer than its time limit of 600 s. Killed."


def test_a_rollback_by_itself_does_not_begin_while_the_late_tool_still_works(place, tool, deaf):
    shipping.verified(place.staging, "4.7.0")
    releases.rollback_plan(place.release, automatic=True)
    tool.answers["ship"] = RUNNING
    made = place.into_staging()
    turn(3)
    out_of_time(made)
    turn(3)
    assert not Deployment.objects.filter(rolls_back=made).exists()

    tool.answers["ship"] = Progress("failed", "", 0, "Killed.")
    turn(3)
    assert Deployment.objects.filter(rolls_back=made).exists()


def test_what_ended_well_although_it_was_late_has_succeeded(running, tool, deaf):
    out_of_time(running)
    turn(3)
    tool.answers.clear()
    turn()

    assert fresh(running).state == "succeeded"
    assert runs_of(running) == [("1-1", "succeeded")]


def test_what_failed_within_its_time_is_not_said_to_have_been_late(running, tool):
    tool.answers["ship"] = Progress("failed", "", 0, "No disk.")
    out_of_time(running)  # nobody looked meanwhile
    turn()

    assert fresh(running).detail == "Ship failed: No disk."
    assert tool.stopped == []


def test_a_late_tool_that_does_not_stop_leaves_the_outcome_open(running, tool, deaf, later):
    out_of_time(running)
    turn(3)
    later(run_doors.STOP_S - 1)
    turn(3)
    assert runs_of(running) == [("1-1", "running")]
    later(1)
    turn(3)

    assert (runs_of(running), fresh(running).state) == ([("1-1", "unknown")], "paused")
    assert Run.objects.get().detail == "No result within 600 s, and the tool did not stop within 45 s. Step 3 of 4."


def test_a_tool_has_its_time_to_stop_also_where_nobody_looked_for_long(running, tool, deaf, later):
    later(86_400)
    turn(3)
    assert runs_of(running) == [("1-1", "running")]
    assert tool.stopped


def test_a_late_tool_that_misses_the_first_word_is_told_again(running, tool, deaf):
    deaf[:] = [False, True]
    out_of_time(running)
    turn(1)
    assert "could not be told to stop yet" in Run.objects.get().detail
    turn(1)
    assert "is told to stop" in Run.objects.get().detail
    assert len(tool.stopped) == 2


def test_a_tool_that_has_heard_and_refuses_to_be_told_twice_counts_as_told(running, place, tool, deaf, later):
    deaf[:] = [True, False]
    out_of_time(running)
    turn(3)
    assert "is told to stop" in Run.objects.get().detail

    deaf[:] = [False]
    abort(running, place)
    turn(3)
    later(run_doors.STOP_S)
    turn(1)
    assert (Run.objects.get().is_stopping, Run.objects.get().detail) == (False, "Step 3 of 4.")


def test_a_driver_never_sees_what_the_engine_notes_beside_its_handle(running, tool, deaf, monkeypatch):
    seen = []
    poll = tool.poll
    monkeypatch.setattr(tool, "poll", lambda call, handle, offset: (seen.append(handle), poll(call, handle, offset))[1])
    out_of_time(running)
    turn(3)

    assert len(seen) == 3
    assert all(handle == {"run": f"{running.key}-1-1"} for handle in seen)


# What may have been begun


def handed_back_in_doubt(place, tool) -> Run:
    """A worker was killed after the call; the next one could not reach the tool."""
    place.into_staging()
    run = Run.objects.get()
    run_doors._claim(run.pk, ("waiting",), lease_s=-1, begin=run_doors._begin)
    tool.answers["ship"] = Unreachable("Nobody listens.")
    turn(1)
    run = fresh(run)
    assert (run.state, run.in_doubt) == ("waiting", True)
    return run


def test_a_call_in_doubt_that_was_handed_back_is_told_to_stop(place, tool):
    run = handed_back_in_doubt(place, tool)
    tool.answers["ship"] = RUNNING  # it is back, and at work
    abort(run.deployment, place)

    assert fresh(run).is_stopping
    assert codes_of(place.into_staging) == ["environment-stopping"]
    turn(1)
    assert tool.stopped == [run.key]


def test_a_call_whose_handle_came_late_is_told_to_stop(place, tool):
    place.into_staging()
    run = Run.objects.get()
    Run.objects.update(handle={"run": run.key})
    abort(run.deployment, place)
    assert fresh(run).is_stopping


@pytest.mark.parametrize("how", ["abort", "roll_back"])
def test_a_run_that_was_lost_sight_of_is_told_to_stop(place, tool, how):
    shipping.verified(place.staging, "4.7.0")
    tool.answers["ship"] = OutcomeUnknown("No answer.")
    made = place.into_staging()
    turn()
    assert runs_of(made) == [("1-1", "unknown")]

    tool.answers["ship"] = RUNNING
    getattr(doors, how)(made.pk, actor=place.deployer, reason="Wrong afternoon.")

    assert runs_of(made) == [("1-1", "cancelled")]
    assert made.runs.get().is_stopping
    turn(1)
    assert tool.stopped == [f"{made.key}-1-1"]


def test_an_attempt_that_a_person_has_called_anew_is_left_as_it_was(place, tool):
    tool.answers["ship"] = OutcomeUnknown("No answer.")
    made = place.into_staging()
    turn()
    tool.answers["ship"] = RUNNING
    doors.resume(made.pk, actor=place.deployer, reason="Nothing runs there.", how="retry")
    turn(3)
    abort(made, place)
    assert runs_of(made) == [("1-1", "unknown"), ("1-2", "cancelled")]


def test_one_word_that_did_not_arrive_does_not_end_the_stopping(running, place, tool, deaf):
    deaf[:] = [False]
    abort(running, place)
    turn(3)

    assert Run.objects.get().is_stopping
    assert len(tool.stopped) == 3
    assert codes_of(place.into_staging) == ["environment-stopping"]
    tool.answers["ship"] = Progress("failed", "", 0, "Killed.")
    turn()
    assert not Run.objects.get().is_stopping
    assert Run.objects.get().detail == "Killed."
    assert place.into_staging().state == "running"


# A pause


@pytest.fixture
def out_of_reach(place, tool) -> Deployment:
    """A deployment whose tool is down."""
    tool.answers["ship"] = Unreachable("Nobody listens.")
    made = place.into_staging()
    turn(1)
    assert runs_of(made) == [("1-1", "waiting")]
    return made


def pause(deployment: Deployment, place) -> None:
    doors.pause(deployment.pk, actor=place.deployer, reason="The pager rang.")


def test_a_step_whose_tool_is_down_is_not_called_while_the_deployment_is_paused(out_of_reach, place, tool):
    pause(out_of_reach, place)
    tool.answers.clear()
    tool.started.clear()
    turn()
    assert (tool.started, runs_of(out_of_reach)) == ([], [("1-1", "waiting")])

    doors.resume(out_of_reach.pk, actor=place.deployer, reason="False alarm.")
    turn()
    assert fresh(out_of_reach).state == "succeeded"


def test_a_step_that_no_worker_has_taken_yet_is_not_called_while_the_deployment_is_paused(place, tool):
    made = place.into_staging()
    pause(made, place)
    turn()
    assert tool.started == []


def test_a_step_has_its_whole_time_after_a_pause(out_of_reach, place, tool, later):
    pause(out_of_reach, place)
    later(86_400)
    tool.answers["ship"] = RUNNING
    doors.resume(out_of_reach.pk, actor=place.deployer, reason="False alarm.")
    turn(4)

    assert (runs_of(out_of_reach), tool.stopped) == ([("1-1", "running")], [])


def test_a_call_that_comes_back_undone_while_the_deployment_is_being_paused_rests(place, tool):
    made = place.into_staging()
    tool.answers["ship"] = Unreachable("Nobody listens.")
    tool.on_start = lambda call: pause(made, place)
    turn(3)

    assert len(tool.started) == 1
    assert Run.objects.get().due_at is None


def test_a_call_in_doubt_is_looked_for_although_the_deployment_is_paused(place, tool):
    run = handed_back_in_doubt(place, tool)
    pause(run.deployment, place)
    tool.answers.clear()
    turn()
    assert fresh(run).state == "succeeded"
    assert fresh(run.deployment).state == "paused"


def test_nothing_is_due_of_a_deployment_that_is_paused_once_its_step_has_ended(running, place, tool):
    pause(running, place)
    tool.answers.clear()
    turn()
    assert runs_of(running) == [("1-1", "succeeded")]
    assert fresh(running).due_at is None
    assert fresh(running).state == "paused"


# What a tool reports by itself


def test_a_call_in_doubt_that_was_handed_back_may_report_by_itself(place, tool):
    run = handed_back_in_doubt(place, tool)
    run_doors.receive_callback(run.token, {"signed": "yes"}, b"succeeded")
    turn()
    assert fresh(run).state == "succeeded"
    assert fresh(run.deployment).state == "succeeded"


def test_a_report_that_overtakes_the_answer_of_the_call_takes_no_claim_away(place, tool):
    due = []

    def call_back(call):
        run = Run.objects.get(key=call.key)
        run_doors.receive_callback(run.token, {"signed": "yes"}, b"running")
        due.append((run.due_at, fresh(run).due_at))

    tool.on_start = call_back
    tool.answers["ship"] = RUNNING
    place.into_staging()
    turn(1)
    ((before, after),) = due
    assert before == after
