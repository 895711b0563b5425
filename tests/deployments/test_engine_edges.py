"""The engine where a tool, a line or a clock behaves oddly: nothing is taken for more than it is, and nothing is told twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments.actions import deployment as doors
from deployments.actions import run as run_doors
from deployments.drivers import BadCallback, Progress, Unreachable
from deployments.models import Deployment, LogLine, Run
from releases.models import Environment
from tests.deployments.conftest import fresh, runs_of, turn
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db
RUNNING = Progress("running")


@pytest.fixture
def running(place, tool) -> Deployment:
    """A deployment whose tool works on it."""
    tool.answers["ship"] = RUNNING
    made = place.into_staging()
    turn(3)
    assert runs_of(made) == [("1-1", "running")]
    return made


def codes_of(door, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as refusal:
        door(*args, **kwargs)
    return [b.code for b in refusal.value.blockers]


def test_a_tool_that_is_late_and_cannot_be_told_to_stop_leaves_the_outcome_open(running, tool, monkeypatch, later):
    monkeypatch.setattr(tool, "cancel", lambda call, handle: False)
    Run.objects.update(deadline_at=running.created_at)
    turn(3)
    assert (runs_of(running), fresh(running).state) == ([("1-1", "running")], "running")
    later(run_doors.STOP_S)
    turn()
    assert runs_of(running) == [("1-1", "unknown")]
    assert fresh(running).state == "paused"
    assert "cannot be told to stop" in fresh(running).detail


@pytest.mark.parametrize("said", ["unknown", "a word of next year"])
def test_what_a_look_leaves_open_is_open(running, tool, said):
    tool.answers["ship"] = Progress(said, "", 0, "Somebody else was there.")
    turn()
    assert (runs_of(running), fresh(running).state) == ([("1-1", "unknown")], "paused")


def test_a_driver_that_breaks_while_it_looks_ends_nothing(running, tool, monkeypatch):
    def broken(*_):
        raise RuntimeError("a library of next year")

    with monkeypatch.context() as patched:
        patched.setattr(tool, "poll", broken)
        turn(3)
        run = Run.objects.get()
        assert (run.state, run.detail) == ("running", "The driver tool broke: a library of next year")
    tool.answers.clear()
    turn()
    assert fresh(running).state == "succeeded"


def test_a_tool_that_cannot_be_reached_until_its_time_is_over_has_failed(place, tool):
    tool.answers["ship"] = Unreachable("Nobody listens.")
    made = place.into_staging()
    turn(3)
    assert runs_of(made) == [("1-1", "waiting")]
    Run.objects.update(deadline_at=timezone.now())
    turn()
    assert (runs_of(made), fresh(made).state) == ([("1-1", "failed")], "failed")


def test_a_run_starts_once_and_its_time_is_counted_from_its_first_call(place, tool):
    tool.answers["ship"] = Unreachable("Nobody listens.")
    place.into_staging()
    turn(1)
    first = Run.objects.get().deadline_at
    turn(3)
    assert len(tool.started) > 1
    assert Run.objects.get().deadline_at == first
    assert Event.objects.filter(name="run.started").count() == 1


def test_a_word_of_a_tool_that_was_never_called_is_not_believed(place, tool):
    place.into_staging()
    run = Run.objects.get()
    with pytest.raises(BadCallback, match="not made yet"):
        run_doors.receive_callback(run.token, {"signed": "yes"}, b"succeeded")
    assert fresh(run).state == "waiting"


def test_a_callback_that_comes_twice_is_heard_once_while_the_run_goes_on(running, tool, monkeypatch):
    says = Progress("running", "half way\n", 0, "Half way.", message_id="msg-1")
    monkeypatch.setattr(tool, "callback", lambda *_: says)
    for _ in range(2):
        run_doors.receive_callback(Run.objects.get().token, {}, b"")
    assert [line.text for line in LogLine.objects.all()] == ["half way"]


def test_what_was_put_off_by_a_clock_that_was_wrong_is_due(running, tool):
    Run.objects.update(due_at=timezone.now() + timedelta(days=30))
    tool.answers.clear()
    turn()
    assert fresh(running).state == "succeeded"


def test_a_tool_that_does_not_stop_is_left_after_a_while_and_that_is_said(running, place, tool, monkeypatch):
    monkeypatch.setattr(tool, "cancel", lambda call, handle: True)
    doors.abort(running.pk, actor=place.deployer, reason="Wrong afternoon.")
    turn(3)
    run = Run.objects.get()
    assert run.is_stopping
    Run.objects.update(ended_at=timezone.now() - timedelta(seconds=run_doors.STOP_S), due_at=timezone.now())
    turn(3)
    assert not fresh(run).is_stopping


def test_a_step_whose_tool_is_still_stopping_is_not_called_again(running, place, tool, monkeypatch):
    monkeypatch.setattr(tool, "cancel", lambda call, handle: True)
    run = Run.objects.get()
    run.cancel()
    run.save()
    doors.pause(running.pk, actor=place.deployer, reason="Wait.")
    asked = {"actor": place.deployer, "reason": "Again."}
    assert codes_of(doors.resume, running.pk, **asked) == ["still-stopping"]
    assert fresh(running).state == "paused"


def test_a_step_whose_hook_was_removed_is_skipped_and_not_called_again(place, tool):
    place.staging.hooks.update(on_failure="pause")
    tool.answers["ship"] = Progress("failed", "", 0, "No room left.")
    made = place.into_staging()
    turn()
    Run.objects.update(hook=None)
    assert codes_of(doors.resume, made.pk, actor=place.deployer, reason="Again.") == ["hook-removed"]
    doors.resume(made.pk, actor=place.deployer, reason="Done by hand.", how="skip")
    assert runs_of(made) == [("1-1", "skipped")]


def test_what_was_cancelled_before_it_was_called_is_nothing_to_stop(place, tool):
    made = place.into_staging()
    doors.abort(made.pk, actor=place.deployer, reason="Wrong afternoon.")
    turn()
    run = Run.objects.get()
    assert (run.state, run.is_stopping, tool.started, tool.stopped) == ("cancelled", False, [], [])


def test_a_release_enters_no_environment_of_another_product(place, tool):
    other = releases.product()
    elsewhere, _ = releases.pipeline(other)
    both = accounts.person(roles=["deployer"])
    with pytest.raises(Environment.DoesNotExist):
        doors.deploy(place.release.pk, elsewhere.pk, actor=both)
    assert not Deployment.objects.exists()
