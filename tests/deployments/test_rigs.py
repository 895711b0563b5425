"""Every counterpart keeps its contract: what a driver meets well and badly, and that nothing is started twice."""

import time

import pytest

from deployments.drivers import DRIVERS, Call, HookError, HookRefused, OutcomeUnknown, Unreachable
from tests.deployments.rigs import RIGS, Mood

KEY = "deploy-7-20261112210004-1-1"
INPUTS = {
    "action": "deploy",
    "product": "payments",
    "environment": "staging",
    "deployment": 7,
    "release": "4.8.0",
    "candidate": 1,
    "version": "4.8.0",
    "commit": "4be1f02c9d7a",
    "artifacts": [],
    "artifact_digest": "",
    "previous_version": "4.7.0",
    "previous_commit": "",
}


@pytest.fixture(params=sorted(RIGS))
def rig(request, tmp_path, settings, monkeypatch):
    settings.VAR_DIR = tmp_path
    with RIGS[request.param](tmp_path) as made:
        for name, value in made.settings.items():
            setattr(settings, name, value)
        be_as_told = made.be

        def be(mood, **of):
            """A tool that means well may be as slow as the machine; any other is given up soon."""
            settings.HOOK_TIMEOUT_S = 10 if mood == Mood.WELL else 1
            be_as_told(mood, **of)

        monkeypatch.setattr(made, "be", be)
        settings.HOOK_TIMEOUT_S = 10
        yield made


@pytest.fixture
def driver(rig):
    return DRIVERS[rig.driver]


@pytest.fixture
def call(rig):
    def make(key=KEY, **more):
        return Call(key, rig.config, INPUTS, 60, rig.secret, "https://slipway.example.org/hooks/x/", **more)

    return make


def wait_for(condition, within_s=10):
    ends_at = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < ends_at, "waited in vain"
        time.sleep(0.05)
    return found


def followed(driver, call, handle):
    """The last progress of a run and all that was said until then."""
    said, offset = "", 0

    def ended():
        nonlocal said, offset
        progress = driver.poll(call, handle, offset)
        said, offset = said + progress.output, progress.log_offset
        return progress if progress.status != "running" else None

    return wait_for(ended), said


def test_its_configuration_is_one_that_the_driver_takes(rig, driver):
    assert driver.validate(rig.config) == {}


@pytest.mark.parametrize(("ok", "status"), [(True, "succeeded"), (False, "failed")])
def test_a_run_ends_as_the_tool_says_and_is_started_once(rig, driver, call, ok, status):
    handle = driver.start(call())
    wait_for(rig.starts)
    assert driver.poll(call(), handle).status == "running"
    rig.finish(KEY, ok=ok, log="this was said")
    progress, said = followed(driver, call(), handle)
    assert progress.status == status
    assert rig.starts() == [KEY]
    assert rig.stopped() == []
    assert "this was said" in said + progress.detail


def test_a_call_that_is_repeated_finds_its_run(rig, driver, call):
    driver.start(call())
    wait_for(rig.starts)
    handle = driver.start(call(repeated=True))
    rig.finish(KEY)
    assert followed(driver, call(), handle)[0].status == "succeeded"
    assert rig.starts() == [KEY]


def test_a_run_that_is_stopped_has_not_succeeded(rig, driver, call):
    handle = driver.start(call())
    wait_for(rig.starts)
    assert driver.cancel(call(), handle)
    assert followed(driver, call(), handle)[0].status == "failed"
    assert rig.stopped() == [KEY]


def test_a_tool_that_is_down_was_certainly_not_called(rig, driver, call):
    rig.be(Mood.DOWN)
    with pytest.raises(Unreachable):
        driver.start(call())
    assert rig.starts() == []
    rig.be(Mood.WELL)
    driver.start(call())
    assert wait_for(rig.starts) == [KEY]


def test_a_tool_that_refuses_has_started_nothing(rig, driver, call):
    rig.be(Mood.REFUSES)
    with pytest.raises(HookRefused):
        driver.start(call())
    assert rig.starts() == []


@pytest.mark.parametrize("mood", [Mood.LATE, Mood.NEVER, Mood.SERVER_ERROR, Mood.GARBAGE])
def test_a_tool_whose_answer_is_not_heard_is_never_taken_for_success(rig, driver, call, mood):
    """A command has no answer but its exit: it is followed. All others leave the outcome open."""
    rig.be(mood)
    if rig.driver in ("command", "ansible"):
        assert driver.poll(call(), driver.start(call())).status in ("running", "failed")
        rig.finish(KEY, ok=False)
        assert driver.cancel(call(), {})
        return
    with pytest.raises(OutcomeUnknown):
        driver.start(call())
    wait_for(lambda: rig.starts() == ([] if mood == Mood.NEVER else [KEY]))


@pytest.mark.parametrize("mood", [Mood.LATE, Mood.SERVER_ERROR, Mood.GARBAGE])
def test_what_was_started_unheard_is_found_again_and_not_started_twice(rig, driver, call, mood):
    rig.be(mood)
    try:
        driver.start(call())
    except HookError:
        rig.be(Mood.WELL)
    handle = driver.start(call(repeated=True))
    wait_for(rig.starts)
    rig.finish(KEY)
    followed(driver, call(), handle)
    assert rig.starts() == [KEY]


@pytest.mark.parametrize("mood", [Mood.LATE, Mood.SERVER_ERROR, Mood.GARBAGE, Mood.DOWN])
def test_a_look_that_fails_is_no_end_that_anybody_saw(rig, driver, call, mood):
    handle = driver.start(call())
    wait_for(rig.starts)
    rig.be(mood, on="look")
    assert driver.poll(call(), handle).status in ("running", "unknown")
    rig.be(Mood.WELL, on="look")
    rig.finish(KEY)
    assert rig.starts() == [KEY]
