"""A tool answers late, never, with an error or with rubbish; it is down; it says the same thing twice; the clock jumps."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from deployments.actions import deployment as doors
from deployments.actions import run as run_doors
from deployments.drivers import BadCallback, HookRefused
from tests.deployments.rigs import Mood
from tests.faults.world import Case, until_all_run

pytestmark = pytest.mark.journey
BELIEVE_REPORTS = {"http"}
"""The drivers that take a report of the tool itself."""
KILLED = {"ansible", "command"}
"""What does not stop when it is told to is killed by its supervisor."""


@pytest.mark.parametrize("mood", [Mood.LATE, Mood.NEVER, Mood.SERVER_ERROR, Mood.GARBAGE, Mood.DOWN])
def test_a_tool_that_misbehaves_when_it_is_called_is_never_called_twice_for_one_key(cases, outcome, mood):
    first = {}
    for case in cases.values():
        case.rig.be(mood)
        case.turn()
        case.turn()
        first[case.driver] = case.run.key
        case.rig.be(Mood.WELL)
    for case in cases.values():
        if mood == Mood.NEVER:
            case.let_the_time_run_out()
        case.go_on_to_the_end()
        case.check()
        assert case.rig.starts().count(first[case.driver]) <= 1
        if mood == Mood.DOWN:
            assert not case.asked, f"{case.driver}: it certainly did not arrive, yet somebody was asked: {case.asked}"
        outcome(f"tool is called, {worded(mood)}", case)


@pytest.mark.parametrize("mood", [Mood.LATE, Mood.NEVER, Mood.SERVER_ERROR, Mood.GARBAGE, Mood.DOWN])
def test_a_tool_that_misbehaves_when_it_is_asked_does_not_fail_the_deployment(cases, outcome, mood):
    until_all_run(cases)
    for case in cases.values():
        case.rig.be(mood, on="look")
        case.turn()
        assert case.fresh.state in ("running", "paused"), case.story()
        case.rig.be(Mood.WELL, on="look")
        case.go_on_to_the_end()
        case.check()
        outcome(f"tool is asked, {worded(mood)}", case)


@pytest.mark.parametrize("mood", [Mood.SERVER_ERROR, Mood.NEVER])
def test_a_tool_that_does_not_answer_when_it_is_told_to_stop_holds_its_environment(cases, outcome, mood):
    until_all_run(cases)
    for case in cases.values():
        case.rig.be(mood, on="stop")
        doors.abort(case.deployment.pk, actor=case.deployer, reason="Wrong afternoon.")
        case.turn(2)
        has_ended = case.run.key in case.rig.stopped() or case.driver in KILLED
        assert case.run.is_stopping or has_ended, f"{case.driver} still works: {case.story()}"
        if case.run.is_stopping:
            assert case.deployed_again() == ["environment-stopping"]
    for case in cases.values():
        case.rig.be(Mood.WELL, on="stop")
        case.turn_until(lambda case=case: not case.run.is_stopping)
        assert case.run.key in case.rig.stopped() or case.driver in KILLED, case.story()
        assert (case.fresh.state, case.run.state) == ("aborted", "cancelled")
        assert case.deployed_again() == []
        outcome(f"is told to stop, {worded(mood)}", case, "stopped")


@pytest.mark.parametrize("mood", [Mood.WELL, Mood.NEVER])
def test_a_tool_whose_time_is_over_is_told_to_stop_and_believed_when_it_has(cases, outcome, mood):
    until_all_run(cases)
    for case in cases.values():
        case.rig.be(mood, on="stop")
        case.let_the_time_run_out()
        case.turn()
        assert (case.run.state, case.fresh.state) == ("running", "running"), f"{case.driver}: {case.story()}"
    for case in cases.values():
        case.rig.be(Mood.WELL, on="stop")
        case.turn_until(case.is_settled)
        assert "longer than its time limit" in case.fresh.detail, f"{case.driver}: {case.story()}"
        assert case.run.key in case.rig.stopped() or case.driver in KILLED, case.story()
        case.go_on_to_the_end()
        case.check()
        outcome(f"time is over, and told to stop it {worded(mood)}", case)


def worded(mood: Mood) -> str:
    return {
        Mood.WELL: "stops",
        Mood.LATE: "answers late",
        Mood.NEVER: "never answers",
        Mood.SERVER_ERROR: "answers 500",
        Mood.GARBAGE: "answers rubbish",
        Mood.DOWN: "is down",
    }[mood]


def signed_by(case: Case, message_id: str) -> tuple[dict, bytes]:
    """(headers, body) of what the tool reports by itself, signed with the hook's secret where that can sign."""
    body, now = json.dumps({"status": "succeeded", "detail": "It called back."}), datetime.now(UTC)
    try:
        signature = Webhook(case.rig.secret).sign(message_id, now, body)
    except (ValueError, EmptyWebhookSecretError):
        signature = "v1,bm90IHNpZ25lZA=="
    headers = {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return headers, body.encode()


def test_a_tool_that_reports_twice_and_is_polled_besides_ends_its_run_once(cases, outcome):
    until_all_run(cases)
    for case in cases.values():
        case.let_end()
        believed = 0
        for _ in range(2):
            try:
                run_doors.receive_callback(case.run.token, *signed_by(case, "msg-1"))
                believed += 1
            except (BadCallback, HookRefused):
                assert case.run.state == "running"
        case.go_on_to_the_end()
        case.check()
        assert not case.asked
        assert believed == (2 if case.driver in BELIEVE_REPORTS else 0), case.driver
        outcome("tool reports twice, and is polled", case)


def test_a_worker_that_dies_while_it_hears_a_callback_loses_nothing(cases, die_at, outcome):
    until_all_run(cases)
    for case in cases.values():
        case.let_end()
        die_at_callback(case, die_at)
        assert case.run.state == "running"
        case.let_the_claim_lapse()
        case.go_on_to_the_end()
        case.check()
        assert not case.asked
        outcome("web process dies during a callback", case)


def die_at_callback(case: Case, die_at) -> None:
    """Where the driver believes no callback of this secret, the process dies in a poll at the same point."""
    message = signed_by(case, "msg-2")
    try:
        run_doors.driver_of(case.run).callback(run_doors.call_of(case.run), case.run.handle, *message)
    except (BadCallback, HookRefused):
        die_at("before the commit", "poll_run", (case.run.pk,), case.rig.settings)
    else:
        die_at("before the commit", "receive_callback", (case.run.token, *message), case.rig.settings)


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_jumps_and_jumps_back_loses_nothing(cases, outcome, monkeypatch, hours):
    """The clock of the machine is wrong by hours while the engine looks, and is set right a moment later."""
    until_all_run(cases)
    for case in cases.values():
        now = timezone.now
        with monkeypatch.context() as wrong:
            wrong.setattr(timezone, "now", lambda now=now: now() + timedelta(hours=hours))
            case.turn(3)
        case.let_the_claim_lapse()
        case.go_on_to_the_end()
        case.check()
        outcome(f"clock jumps by {hours:+d} h and back", case)


def test_a_clock_that_is_set_back_for_good_does_not_make_the_engine_wait_until_it_has_caught_up(
    cases, outcome, monkeypatch
):
    until_all_run(cases)
    for case in cases.values():
        now = timezone.now
        with monkeypatch.context() as behind:
            behind.setattr(timezone, "now", lambda now=now: now() - timedelta(hours=3))
            case.go_on_to_the_end()
            case.check()
        outcome("clock is set back by 3 h", case)
