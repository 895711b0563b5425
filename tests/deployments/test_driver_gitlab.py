"""The `gitlab` driver against a counterpart that follows GitLab's API; the moods are in test_rigs."""

import pytest

from deployments.drivers import DRIVERS, Call, HookRefused, OutcomeUnknown, Unreachable
from tests.deployments.rigs import RIGS

KEY = "deploy-7-20261112210004-1-1"
driver = DRIVERS["gitlab"]


@pytest.fixture
def lab(tmp_path, settings):
    settings.HOOK_HOSTS = []
    with RIGS["gitlab"](tmp_path) as rig:
        yield rig


@pytest.fixture
def call(lab):
    def make(key=KEY, **config):
        repeated = config.pop("repeated", False)
        inputs = {"version": "4.8.0", "environment": "staging"}
        return Call(key, lab.config | config, inputs, 60, lab.secret, repeated=repeated)

    return make


def posts(lab):
    return [path for method, path, *_ in lab.server.requests if method == "POST"]


def test_the_pipeline_gets_its_variables_and_the_key(lab, call):
    driver.start(call())
    assert lab.pipelines[0]["held"] == {"VERSION": "4.8.0", "TIER": "staging", "SLIPWAY_KEY": KEY}


def test_a_project_may_be_named_by_number(lab, call):
    driver.start(call(project="42"))
    assert lab.starts() == [KEY]


def test_an_unknown_ref_is_refused_with_gitlabs_words(lab, call):
    with pytest.raises(HookRefused, match=r"GitLab CI/CD answered 400: .*Reference not found"):
        driver.start(call(ref="v{version}"))


def test_a_project_that_is_not_seen_is_refused(lab, call):
    with pytest.raises(HookRefused, match="answered 404"):
        driver.start(call(project="harbour/other"))


def test_a_wrong_token_is_refused_and_not_repeated(lab, caplog):
    caplog.set_level("DEBUG")
    with pytest.raises(HookRefused, match="answered 401") as refusal:
        driver.start(Call(KEY, lab.config, {}, 60, "glpat-of-somebody-else"))
    assert "somebody-else" not in str(refusal.value) + caplog.text


@pytest.mark.parametrize(
    ("state", "status"),
    [("success", "succeeded"), ("failed", "failed"), ("canceled", "failed"), ("skipped", "failed")]
    + [
        (word, "running")
        for word in (
            "created",
            "waiting_for_resource",
            "preparing",
            "pending",
            "running",
            "canceling",
            "manual",
            "scheduled",
            "a_state_of_next_year",
        )
    ],
)
def test_only_success_is_success(lab, call, state, status):
    handle = driver.start(call())
    lab.pipelines[0]["status"] = state
    progress = driver.poll(call(), handle)
    assert progress.status == status
    assert f"GitLab says: {state.replace('_', ' ')}." in progress.detail


def test_a_pipeline_that_waits_for_a_person_says_for_which_job(lab, call):
    handle = driver.start(call())
    lab.pipelines[0] |= {"status": "manual"}
    lab.pipelines[0]["jobs"][0] |= {"status": "success"}
    lab.pipelines[0]["jobs"][1] |= {"status": "manual"}
    assert driver.poll(call(), handle).detail == "GitLab says: manual. ship"


def test_the_trace_is_followed_while_it_grows(lab, call):
    handle = driver.start(call())
    build, ship = lab.pipelines[0]["jobs"]
    build["trace"] = "compiling\n€ "
    first = driver.poll(call(), handle)
    assert (first.output, first.progress) == ("── build ──\ncompiling\n€ ", 0.0)
    build |= {"trace": "compiling\n€ done", "status": "success"}
    ship |= {"trace": "shipping\n", "status": "running"}
    second = driver.poll(call(), handle, first.log_offset)
    assert (second.output, second.progress) == ("done\n── ship ──\nshipping\n", 0.5)
    lab.finish(KEY, log="")
    build["trace"], ship["trace"] = "compiling\n€ done", "shipping\nlive\n"
    third = driver.poll(call(), handle, second.log_offset)
    assert (third.status, third.output, third.progress) == ("succeeded", "live\n", 1.0)


def test_a_job_that_is_tried_again_is_read_beside_its_first_attempt_and_hides_no_other(lab, call):
    handle = driver.start(call())
    jobs = lab.pipelines[0]["jobs"]
    build, ship = jobs
    build |= {"trace": "first attempt\n", "status": "failed"}
    first = driver.poll(call(), handle)
    build["retried"] = True
    jobs.append(
        {"id": ship["id"] + 1, "name": "build", "stage": "build", "status": "running", "trace": "second attempt\n"}
    )
    second = driver.poll(call(), handle, first.log_offset)
    assert second.output == "── build ──\nsecond attempt\n"
    jobs[2]["status"] = "success"
    ship |= {"trace": "shipping\n", "status": "running"}
    third = driver.poll(call(), handle, second.log_offset)
    assert first.output + second.output + third.output == (
        "── build ──\nfirst attempt\n── build ──\nsecond attempt\n── ship ──\nshipping\n"
    )


def test_the_log_of_a_job_that_a_person_starts_later_is_read(lab, call):
    handle = driver.start(call())
    build, ship = lab.pipelines[0]["jobs"]
    build |= {"trace": "built\n", "status": "success"}
    ship["status"] = "manual"
    first = driver.poll(call(), handle)
    ship |= {"trace": "played\n", "status": "running"}
    second = driver.poll(call(), handle, first.log_offset)
    assert (first.output, second.output) == ("── build ──\nbuilt\n", "── ship ──\nplayed\n")


def test_a_job_that_waits_for_a_person_keeps_no_other_from_being_followed(lab, call):
    handle = driver.start(call())
    build, ship = lab.pipelines[0]["jobs"]
    build["status"] = "manual"
    ship |= {"trace": "shipping\n", "status": "running"}
    assert driver.poll(call(), handle).output == "── ship ──\nshipping\n"


def test_a_call_in_doubt_is_found_by_its_variable_among_others(lab, call):
    for n in range(5):
        driver.start(call(key=f"other-{n}"))
    driver.start(call())
    before = len(posts(lab))
    assert driver.start(call(repeated=True))["pipeline"] == lab.pipelines[-1]["id"]
    with pytest.raises(OutcomeUnknown, match="Look there first"):
        driver.start(call(key="never-made", repeated=True))
    assert len(posts(lab)) == before


def test_a_busy_gitlab_is_called_later_and_nobody_sleeps_meanwhile(lab, call, monkeypatch):
    monkeypatch.setattr(lab, "answer", lambda *_: (429, {"message": "Too many"}, {"Retry-After": "60"}))
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("It slept."))
    with pytest.raises(Unreachable, match="asks to wait 60 s"):
        driver.start(call())
    assert len(posts(lab)) == 1


def test_a_broken_gitlab_is_asked_once(lab, call, monkeypatch):
    monkeypatch.setattr(lab, "answer", lambda *_: (502, {"message": "Bad gateway"}))
    with pytest.raises(OutcomeUnknown):
        driver.start(call())
    assert len(posts(lab)) == 1


def test_a_pipeline_is_cancelled(lab, call):
    handle = driver.start(call())
    assert driver.cancel(call(), handle)
    assert driver.poll(call(), handle).status == "failed"
    assert lab.stopped() == [KEY]


def test_the_summary_names_project_and_variables_and_shows_no_value(lab):
    config = lab.config | {"variables": ["VERSION={version}", "NOTE=hush"], "url": "https://gitlab.example.org"}
    assert driver.summary(config) == "harbour/payments main with VERSION, NOTE gitlab.example.org"
