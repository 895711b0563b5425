"""The `github_actions` driver against a counterpart that follows GitHub's API description; the moods are in test_rigs."""

import json

import pytest

from deployments.drivers import DRIVERS, Call, HookRefused, Unreachable
from tests.deployments.rigs import RIGS

KEY = "deploy-7-20261112210004-1-1"
driver = DRIVERS["github_actions"]


@pytest.fixture
def hub(tmp_path, settings):
    settings.HOOK_HOSTS = []
    with RIGS["github_actions"](tmp_path) as rig:
        yield rig


@pytest.fixture
def call(hub):
    def make(**config):
        inputs = {"version": "4.8.0", "environment": "staging"}
        return Call(KEY, hub.config | config, inputs, 60, hub.secret, "https://slipway.example.org/hooks/x/")

    return make


def jobs_of(hub):
    return hub.runs[0]["jobs"]


def end(job, log, conclusion="success"):
    steps = [step | {"status": "completed"} for step in job["steps"]]
    job |= {"status": "completed", "conclusion": conclusion, "log": log, "steps": steps}


def test_the_workflow_gets_its_inputs_and_the_key(hub, call):
    driver.start(call())
    assert hub.bodies == [
        {
            "ref": "main",
            "inputs": {"version": "4.8.0", "environment": "staging", "slipway_key": KEY},
            "return_run_details": True,
        }
    ]


def test_the_ref_is_filled_in(hub, call):
    with pytest.raises(HookRefused, match=r"No ref found for: v4\.8\.0"):
        driver.start(call(ref="v{version}"))


def test_an_input_that_the_workflow_does_not_declare_is_named(hub, call):
    with pytest.raises(HookRefused, match=r"Unexpected inputs provided.*tier"):
        driver.start(call(inputs=["tier=one"]))
    assert hub.starts() == []


@pytest.mark.parametrize("config", [{"workflow": "other.yml"}, {"repository": "harbour/other"}])
def test_what_is_not_there_is_refused(hub, call, config):
    with pytest.raises(HookRefused, match="GitHub Actions answered 404"):
        driver.start(call(**config))


def test_a_wrong_token_is_refused_and_not_repeated(hub, call, caplog):
    caplog.set_level("DEBUG")
    wrong = Call(KEY, hub.config, {}, 60, "github_pat_of_somebody_else")
    with pytest.raises(HookRefused, match="GitHub Actions answered 401") as refusal:
        driver.start(wrong)
    assert "somebody_else" not in str(refusal.value) + caplog.text


def test_no_token_is_said_before_anything_is_sent(hub):
    with pytest.raises(HookRefused, match="No token is set"):
        driver.start(Call(KEY, hub.config, {}, 60))
    assert hub.server.requests == []


def test_a_server_that_does_not_say_which_run_it_is_lets_it_be_found_by_its_name(hub, call):
    hub.knows_run_details = False
    handle = driver.start(call())
    assert handle.keys() == {"sent_at"}
    assert driver.poll(call(), handle).status == "running"
    hub.finish(KEY)
    assert driver.poll(call(), handle).status == "succeeded"
    assert hub.starts() == [KEY]


def test_a_workflow_whose_runs_do_not_bear_the_key_is_told_how_to(hub, call):
    hub.knows_run_details = False
    handle = driver.start(call())
    hub.runs[0]["display_title"] = "Deploy"
    progress = driver.poll(call(), handle)
    assert progress.status == "running"
    assert "run-name: ${{ inputs.slipway_key }}" in progress.detail


@pytest.mark.parametrize("status", ["queued", "in_progress", "waiting", "requested", "pending"])
def test_a_run_that_is_not_completed_is_running(hub, call, status):
    handle = driver.start(call())
    hub.runs[0]["status"] = status
    progress = driver.poll(call(), handle)
    assert progress.status == "running"
    assert f"GitHub says: {status.replace('_', ' ')}." in progress.detail


@pytest.mark.parametrize(
    ("conclusion", "status"),
    [("success", "succeeded")]
    + [
        (word, "failed")
        for word in (
            "failure",
            "cancelled",
            "timed_out",
            "action_required",
            "neutral",
            "skipped",
            "stale",
            "startup_failure",
        )
    ],
)
def test_only_success_is_success(hub, call, conclusion, status):
    handle = driver.start(call())
    hub._end(hub.runs[0], conclusion)
    progress = driver.poll(call(), handle)
    assert progress.status == status
    assert conclusion.replace("_", " ") in progress.detail


def test_steps_tell_how_far_it_is_and_what_runs(hub, call):
    handle = driver.start(call())
    build = jobs_of(hub)[0]
    build |= {"status": "in_progress"}
    build["steps"][0] |= {"status": "completed"}
    build["steps"][1] |= {"status": "in_progress"}
    progress = driver.poll(call(), handle)
    assert progress.progress == 0.25
    assert progress.detail == "GitHub says: in progress. build: Run"


def test_the_logs_of_finished_jobs_come_in_order_and_once(hub, call):
    handle = driver.start(call())
    assert driver.poll(call(), handle).output == ""
    end(jobs_of(hub)[1], "shipped early\n")
    assert driver.poll(call(), handle).output == ""  # the job before it is not over
    end(jobs_of(hub)[0], "built € 1")
    first = driver.poll(call(), handle)
    assert first.output == "── build ──\nbuilt € 1\n── ship ──\nshipped early\n"
    hub._end(hub.runs[0], "success")
    second = driver.poll(call(), handle, first.log_offset)
    assert (second.status, second.output) == ("succeeded", "")


def test_a_log_that_cannot_be_had_does_not_hide_the_outcome(hub, call, settings):
    handle = driver.start(call())
    end(jobs_of(hub)[0], "built")
    settings.HOOK_HOSTS = [f"127.0.0.1:{hub.port}"]
    assert driver.poll(call(), handle).output == ""
    hub._end(hub.runs[0], "failure", "boom")
    progress = driver.poll(call(), handle)
    assert progress.status == "failed"
    assert "── build ──\n[its log could not be read: The settings (HOOK_HOSTS)" in progress.output


def test_a_skipped_job_has_no_log_and_holds_nothing_up(hub, call):
    handle = driver.start(call())
    end(jobs_of(hub)[0], "", "skipped")
    end(jobs_of(hub)[1], "shipped\n")
    assert driver.poll(call(), handle).output == "── ship ──\nshipped\n"


def test_a_completed_run_cannot_be_cancelled(hub, call):
    handle = driver.start(call())
    hub.finish(KEY)
    assert driver.cancel(call(), handle) is False
    assert hub.stopped() == []


def test_too_many_calls_are_made_later(hub, call, monkeypatch):
    refused = (403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "60"})
    monkeypatch.setattr(hub, "answer", lambda *_: refused)
    with pytest.raises(Unreachable, match="asks to wait 60 s"):
        driver.start(call())


def test_the_newest_of_many_runs_bears_the_key(hub, call):
    for n in range(120):
        hub._made({"slipway_key": f"other-{n}"})
    driver.start(call())
    handle = driver.start(Call(KEY, hub.config, {}, 60, hub.secret, repeated=True))
    assert json.loads(json.dumps(handle))["run"] == hub.runs[-1]["id"]


@pytest.mark.parametrize(
    "config",
    [{"repository": "payments"}, {"repository": "a/b/c"}, {"workflow": "../x"}, {"ref": "a b"}, {"url": "github"}],
)
def test_a_configuration_that_will_not_do_is_refused_at_its_field(hub, call, config):
    assert driver.validate(hub.config | config).keys() == config.keys()


def test_the_summary_names_repository_and_workflow_and_shows_no_value(hub):
    config = hub.config | {"inputs": ["version={version}", "note=hush"], "url": "https://api.github.com"}
    assert driver.summary(config) == "harbour/payments deploy.yml main with version, note api.github.com"
