"""The engine, step by step, with a tool that does as it is told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments.actions import deployment as doors
from deployments.actions import run as run_doors
from deployments.actions.calls import LATE_SINCE
from deployments.drivers import DRIVERS, BadCallback, HookRefused, OutcomeUnknown, Progress, Unreachable
from deployments.models import LogLine, Run
from tests.deployments.conftest import fresh, runs_of, turn
from tests.factories import deployments as shipping
from tests.factories import releases

pytestmark = pytest.mark.django_db


def events_of(row) -> list[str]:
    return list(
        Event.objects.filter(stream=f"{row._meta.model_name}:{row.pk}").order_by("seq").values_list("name", flat=True)
    )


def test_a_deployment_calls_its_hooks_in_order_and_is_verified(place, tool):
    shipping.hook(place.staging, name="Warm up", driver="tool", config={"does": "warm"}, position=1)

    deployment = place.into_staging()
    turn()

    assert fresh(deployment).state == "succeeded"
    assert fresh(deployment).verified_at is not None
    assert [call.config["does"] for call in tool.started] == ["ship", "warm"]
    assert runs_of(deployment) == [("1-1", "succeeded"), ("2-1", "succeeded")]
    assert events_of(deployment) == [f"deployment.{e}" for e in ("planned", "started", "verifying", "succeeded")]


def test_the_second_hook_is_not_called_while_the_first_runs(place, tool):
    shipping.hook(place.staging, name="Warm up", driver="tool", config={"does": "warm"}, position=1)
    tool.answers["ship"] = Progress("running", "half of it\n", 0, "", 0.5)

    deployment = place.into_staging()
    turn(4)

    assert [call.config["does"] for call in tool.started] == ["ship"]
    assert runs_of(deployment) == [("1-1", "running"), ("2-1", "waiting")]
    assert Run.objects.first().progress == 0.5


def test_the_tool_is_told_what_is_deployed_and_what_ran_before(place, tool):
    before = shipping.verified(place.staging, "4.7.0")

    deployment = place.into_staging()
    turn()

    inputs = tool.started[0].inputs
    assert (inputs["version"], inputs["previous_version"]) == (
        place.release.candidate.version,
        before.candidate.version,
    )
    assert (inputs["action"], inputs["environment"], inputs["deployment"]) == ("deploy", "staging", deployment.pk)
    assert tool.started[0].key == f"{deployment.key}-1-1"


def test_a_failed_hook_fails_the_deployment_and_frees_the_environment(place, tool):
    tool.answers["ship"] = Progress("failed", "no disk\n", 0, "Exit status 1.")

    deployment = place.into_staging()
    turn()

    assert fresh(deployment).state == "failed"
    assert fresh(deployment).detail == "Ship failed: Exit status 1."
    assert [line.text for line in LogLine.objects.all()] == ["no disk"]
    tool.answers.clear()
    again = place.into_staging()
    turn()
    assert fresh(again).state == "succeeded"


def test_a_failed_hook_that_shall_ask_pauses_and_is_tried_again_under_a_new_key(place, tool):
    place.staging.hooks.update(on_failure="pause")
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")
    deployment = place.into_staging()
    turn()
    assert fresh(deployment).state == "paused"

    tool.answers.clear()
    doors.resume(deployment.pk, actor=place.deployer, reason="The disk was emptied.", how="retry")
    turn()

    assert fresh(deployment).state == "succeeded"
    assert runs_of(deployment) == [("1-1", "failed"), ("1-2", "succeeded")]
    assert [call.key for call in tool.started] == [f"{deployment.key}-1-1", f"{deployment.key}-1-2"]


def test_an_unknown_outcome_pauses_for_a_person_and_is_never_taken_for_success(place, tool):
    tool.answers["ship"] = OutcomeUnknown("ci.example.org was called, but gave no answer.")

    deployment = place.into_staging()
    turn()

    assert fresh(deployment).state == "paused"
    assert "gave no answer" in fresh(deployment).detail
    assert runs_of(deployment) == [("1-1", "unknown")]
    assert place.staging.deployments.running().count() == 0


@pytest.mark.parametrize(("how", "state"), [("succeeded", "succeeded"), ("skip", "skipped")])
def test_a_person_may_settle_an_unknown_outcome_with_a_reason(place, tool, how, state):
    tool.answers["ship"] = OutcomeUnknown("No answer.")
    deployment = place.into_staging()
    turn()

    doors.resume(deployment.pk, actor=place.deployer, reason="I saw it run.", how=how)
    turn()

    assert fresh(deployment).state == "succeeded"
    assert runs_of(deployment) == [("1-1", state)]
    assert len(tool.started) == 1


def test_a_failed_step_cannot_be_said_to_have_succeeded(place, tool):
    place.staging.hooks.update(on_failure="pause")
    tool.answers["ship"] = Progress("failed", "", 0, "Exit status 1.")
    deployment = place.into_staging()
    turn()

    with pytest.raises(Refused):
        doors.resume(deployment.pk, actor=place.deployer, reason="It is fine.", how="succeeded")

    assert fresh(deployment).state == "paused"
    assert events_of(deployment)[-1] == "deployment.paused"


def test_a_tool_that_cannot_be_reached_is_called_again_until_it_can(place, tool):
    tool.answers["ship"] = Unreachable("ci.example.org refused the connection.")
    deployment = place.into_staging()
    turn(3)
    assert runs_of(deployment) == [("1-1", "waiting")]

    tool.answers.clear()
    turn()

    assert fresh(deployment).state == "succeeded"
    assert {call.key for call in tool.started} == {f"{deployment.key}-1-1"}
    assert events_of(Run.objects.get()) == ["run.started", "run.ended"]


def test_a_tool_that_refuses_fails_the_deployment_with_its_words(place, tool):
    tool.answers["ship"] = HookRefused("The tool answered 403: no.")

    deployment = place.into_staging()
    turn()

    assert (fresh(deployment).state, fresh(deployment).detail) == ("failed", "Ship failed: The tool answered 403: no.")


def test_a_hook_that_hangs_is_stopped_at_its_deadline(place, tool):
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(3)
    Run.objects.update(deadline_at=deployment.created_at)

    turn()

    assert fresh(deployment).state == "failed"
    assert fresh(deployment).detail == "Ship failed: It ran longer than its time limit of 600 s. Cancelled."
    assert tool.stopped == [f"{deployment.key}-1-1"]


def test_a_claim_that_lapsed_is_handed_on_under_the_same_key(place, tool):
    deployment = place.into_staging()
    run = Run.objects.get()
    assert (
        run_doors._claim(run.pk, ("waiting",), lease_s=-1, begin=run_doors._begin).state == "claimed"
    )  # and died there

    turn()

    assert fresh(deployment).state == "succeeded"
    assert [call.key for call in tool.started] == [run.key]
    assert events_of(run) == ["run.started", "run.ended"]


def test_a_claim_that_stands_is_left_alone(place, tool):
    place.into_staging()
    run = Run.objects.get()
    assert run_doors._claim(run.pk, ("waiting",), lease_s=60, begin=run_doors._begin)

    assert run_doors.start_run(run.pk) is False
    assert tool.started == []


def test_a_callback_ends_the_run_and_a_later_poll_or_repeat_changes_nothing(place, tool):
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(3)
    run = Run.objects.get()

    for _ in range(2):
        run_doors.receive_callback(run.token, {"signed": "yes", "webhook-id": "1"}, b"succeeded")
    run_doors.receive_callback(run.token, {"signed": "yes", "webhook-id": "2"}, b"failed")
    turn()

    assert fresh(run).state == "succeeded"
    assert fresh(deployment).state == "succeeded"
    assert events_of(run) == ["run.started", "run.ended"]


def test_a_callback_that_overtakes_the_answer_of_the_call_counts(place, tool):
    def call_back(call):
        run = Run.objects.get(key=call.key)
        run_doors.receive_callback(run.token, {"signed": "yes"}, b"succeeded")

    tool.on_start = call_back
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn()

    assert runs_of(deployment) == [("1-1", "succeeded")]
    assert fresh(deployment).state == "succeeded"
    assert fresh(Run.objects.get()).handle == {"run": f"{deployment.key}-1-1"}


def test_a_callback_that_is_not_signed_changes_nothing(place, tool):
    tool.answers["ship"] = Progress("running")
    place.into_staging()
    turn(3)
    run = Run.objects.get()

    with pytest.raises(BadCallback):
        run_doors.receive_callback(run.token, {}, b"succeeded")

    assert fresh(run).state == "running"


def test_a_poll_that_was_overtaken_does_not_double_the_log(place, tool):
    tool.answers["ship"] = Progress("running", "one\n")
    place.into_staging()
    turn(1)
    run = Run.objects.get()
    seen = Progress("running", "one\n", 4)

    run_doors._settle_progress(run, seen, polled=True)
    run_doors._settle_progress(run, seen, polled=True)

    assert [line.text for line in LogLine.objects.all()] == ["one"]


def test_aborting_tells_the_tool_to_stop_and_undoes_nothing(place, tool):
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(3)

    doors.abort(deployment.pk, actor=place.deployer, reason="Wrong afternoon.")
    turn()

    assert (fresh(deployment).state, fresh(deployment).reason) == ("aborted", "Wrong afternoon.")
    assert tool.stopped == [f"{deployment.key}-1-1"]
    assert runs_of(deployment) == [("1-1", "cancelled")]


def test_a_run_cancelled_while_its_call_is_on_its_way_is_stopped_after_all(place, tool):
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    stopped_too_early = []

    def abort(call):
        doors.abort(deployment.pk, actor=place.deployer, reason="Wrong afternoon.")
        run_doors.stop_run(Run.objects.get().pk)
        stopped_too_early.extend(tool.stopped)
        tool.answers["ship"] = Progress("running")  # the tool begins only now
        assert Run.objects.get().is_stopping

    tool.on_start = abort
    run_doors.start_run(Run.objects.get().pk)
    turn()

    assert stopped_too_early == [f"{deployment.key}-1-1"]
    assert tool.stopped == [f"{deployment.key}-1-1"] * 2
    assert runs_of(deployment) == [("1-1", "cancelled")]
    assert not Run.objects.get().is_stopping


def test_an_environment_stays_taken_until_the_tool_has_stopped(place, tool):
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(3)
    doors.abort(deployment.pk, actor=place.deployer, reason="Wrong afternoon.")

    with pytest.raises(Refused) as refusal:
        place.into_staging()
    assert [b.code for b in refusal.value.blockers] == ["environment-stopping"]

    turn()
    assert place.into_staging().state == "running"


def test_pausing_lets_the_step_under_way_end_and_calls_no_other(place, tool):
    shipping.hook(place.staging, name="Warm up", driver="tool", config={"does": "warm"}, position=1)
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(3)
    doors.pause(deployment.pk, actor=place.deployer, reason="The pager rang.")
    tool.answers.clear()
    turn()
    assert runs_of(deployment) == [("1-1", "succeeded"), ("2-1", "waiting")]

    doors.resume(deployment.pk, actor=place.deployer, reason="False alarm.")
    turn()

    assert fresh(deployment).state == "succeeded"


def test_a_secret_never_reaches_the_log(place, tool):
    place.staging.hooks.get().secret = ""
    hook = place.staging.hooks.get()
    hook.secret = "whsec_c2VjcmV0c2VjcmV0"
    hook.save()
    tool.answers["ship"] = Progress("succeeded", "the token is whsec_c2VjcmV0c2VjcmV0\nand whsec_c2Vj")

    place.into_staging()
    turn()

    assert [line.text for line in LogLine.objects.all()] == ["the token is •••••", "and whsec_c2Vj"]


def test_a_log_is_kept_up_to_its_bound(place, tool, settings):
    settings.HOOK_LOG_MAX_BYTES = 100
    tool.answers["ship"] = Progress("succeeded", "0123456789\n" * 50)

    deployment = place.into_staging()
    turn()

    lines = [line.text for line in LogLine.objects.all()]
    assert fresh(deployment).state == "succeeded"
    assert len(lines) == 10
    assert lines[-1] == "The log is longer than 100 bytes; the rest was left out."


def test_a_service_that_is_not_well_in_time_fails_the_deployment(place, tool):
    place.staging.url = "http://127.0.0.1:9/"
    place.staging.save()
    type(place.staging.verification).objects.update(timeout_s=0, steady_s=5)

    deployment = place.into_staging()
    turn()

    assert fresh(deployment).state == "failed"
    assert fresh(deployment).detail.startswith("Not verified within 0 s. No answer:")
    assert [sample.ok for sample in deployment.samples.all()] == [False]


def test_a_hook_of_a_driver_that_breaks_pauses_the_deployment(place, tool):
    tool.answers["ship"] = RuntimeError("a fault")

    deployment = place.into_staging()
    turn()

    assert fresh(deployment).state == "paused"
    assert runs_of(deployment) == [("1-1", "unknown")]


def test_the_hook_that_was_changed_meanwhile_is_called_as_it_was(place, tool):
    place.into_staging()
    place.staging.hooks.update(config={"does": "something else"})

    turn()

    assert [call.config for call in tool.started] == [{"does": "ship"}]


def test_two_environments_are_deployed_to_at_the_same_time(place, tool):
    other = releases.release(releases.product("Ledger"), state="testing")
    staging, _ = releases.pipeline(other.product)
    shipping.hook(staging, name="Ship", driver="tool", config={"does": "ship"})
    first = place.into_staging()
    second = doors.deploy(other.pk, staging.pk, actor=_deployer_of(other))

    turn()

    assert (fresh(first).state, fresh(second).state) == ("succeeded", "succeeded")


def _deployer_of(release):
    from tests.factories import accounts

    return accounts.person(roles=["deployer"], on=release.product)


def test_a_run_whose_driver_is_gone_asks_a_person_when_its_time_is_over(place, tool, monkeypatch):
    tool.answers["ship"] = Progress("running", "", 0)
    deployment = place.into_staging()
    turn(3)
    monkeypatch.delitem(DRIVERS, "tool")  # a new version of Slipway came without it
    turn()
    run = Run.objects.get(deployment=deployment)
    assert (run.state, run.detail) == ("running", "The driver tool broke: There is no driver tool.")

    long_over = timezone.now() - timedelta(seconds=run_doors.STOP_S)
    Run.objects.update(deadline_at=long_over, handle=run.handle | {LATE_SINCE: long_over.timestamp()})
    turn(2)

    run.refresh_from_db()
    assert run.state == "unknown"
    assert "cannot be told to stop" in run.detail
    assert fresh(deployment).state == "paused"
