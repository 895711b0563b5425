"""What each tool's own states mean to Slipway, state by state, beyond what a well-behaved counterpart ever shows."""

from types import SimpleNamespace

import pytest

from deployments.drivers import DRIVERS, Call, HookRefused, Progress
from deployments.drivers.argocd import judged
from deployments.drivers.gitlab import _trace
from tests.deployments.rigs import RIGS

BEFORE, END, AFTER = "2026-11-12T20:59:59Z", "2026-11-12T21:00:00Z", "2026-11-12T21:00:01Z"
KEY = "deploy-1"


def status(health: str | None = "Healthy", reconciled: str | None = AFTER) -> dict:
    found = {"sync": {"status": "Synced"}}
    found |= {"health": {"status": health}} if health else {}
    return found | ({"reconciledAt": reconciled} if reconciled else {})


@pytest.mark.parametrize(
    ("phase", "seen", "outcome"),
    [
        ("Running", status(), "running"),
        ("Terminating", status(), "running"),
        ("Failed", status(), "failed"),
        ("Error", status(), "failed"),
        ("Succeeded", status(), "succeeded"),
        ("Succeeded", status("Degraded"), "failed"),
        ("Succeeded", status("Progressing"), "running"),
        ("Succeeded", status("Suspended"), "running"),
        ("Succeeded", status("Missing"), "running"),
        ("Succeeded", status("Unknown"), "running"),
        ("Succeeded", status(None), "running"),
        ("Succeeded", status(reconciled=END), "succeeded"),
        ("Succeeded", status(reconciled=BEFORE), "running"),
        ("Succeeded", status("Degraded", BEFORE), "running"),
        ("Succeeded", status(reconciled=None), "running"),
        ("A phase of next year", status(), "running"),
    ],
)
def test_a_sync_of_argo_cd_has_succeeded_once_it_is_healthy_and_was_compared_after_its_end(phase, seen, outcome):
    assert judged({"phase": phase, "finishedAt": END}, seen).status == outcome


def test_a_sync_without_an_end_has_not_succeeded():
    assert judged({"phase": "Succeeded"}, status()).status == "running"


@pytest.fixture
def argo(tmp_path, settings):
    settings.HOOK_TIMEOUT_S = 10
    with RIGS["argocd"](tmp_path) as rig:
        yield rig


def asking(rig, key=KEY, **more) -> Call:
    return Call(key, rig.config, {"version": "4.8.0"}, 60, rig.secret, **more)


def test_a_sync_in_doubt_is_found_while_it_waits_and_once_it_has_begun(argo):
    driver = DRIVERS["argocd"]
    driver.start(asking(argo))
    assert driver.start(asking(argo, repeated=True))["key"] == KEY  # asked for and not taken up
    argo.turn()
    assert driver.start(asking(argo, repeated=True))["key"] == KEY
    assert argo.starts() == [KEY]


def test_what_a_sync_did_is_told_once(argo):
    driver, call = DRIVERS["argocd"], asking(argo)
    handle = driver.start(call)
    argo.finish(KEY, log="configured")
    said, offset = [], 0
    for _ in range(6):
        seen = driver.poll(call, handle, offset)
        said, offset = [*said, seen.output], seen.log_offset
    assert "".join(said).count("configured") == 1
    assert seen.status == "succeeded"


# Jenkins


@pytest.fixture
def ci(tmp_path, settings):
    settings.HOOK_HOSTS = []
    with RIGS["jenkins"](tmp_path) as rig:
        yield rig


@pytest.mark.parametrize(
    ("building", "result", "outcome"),
    [(True, None, "running"), (True, "FAILURE", "running"), (True, "SUCCESS", "running"), (False, None, "running"),
     (False, "SUCCESS", "succeeded"), (False, "FAILURE", "failed")],
)  # fmt: skip
def test_a_build_of_jenkins_has_ended_once_it_builds_no_more_and_has_a_result(
    ci, monkeypatch, building, result, outcome
):
    import jenkins

    driver, call = DRIVERS["jenkins"], asking(ci)
    handle = driver.start(call)
    driver.poll(call, handle)
    real = jenkins.Jenkins.get_build_info
    said = {"building": building, "result": result}
    monkeypatch.setattr(jenkins.Jenkins, "get_build_info", lambda *asked, **more: real(*asked, **more) | said)
    ci.items[0]["result"] = "SUCCESS"  # so that its console has come to an end
    assert driver.poll(call, handle).status == outcome


@pytest.mark.parametrize(("expected_ms", "began_ago_s", "share"), [(-1, 5, None), (0, 5, None), (10_000, 10**6, 0.99)])
def test_a_build_is_never_said_to_be_all_done_before_it_is(expected_ms, began_ago_s, share):
    import time

    from deployments.drivers.jenkins import _share

    row = {"estimatedDuration": expected_ms, "timestamp": (time.time() - began_ago_s) * 1000}
    assert _share(row) == share


# GitLab


WAITS = ("created", "pending", "preparing", "scheduled", "waiting_for_resource", "skipped", "manual", "canceled")


@pytest.mark.parametrize("state", [*WAITS, "running", "success", "failed"])
def test_the_trace_of_a_job_is_asked_for_once_it_has_begun(tmp_path, settings, state):
    settings.HOOK_HOSTS = []
    with RIGS["gitlab"](tmp_path) as rig:
        call = asking(rig)
        handle = DRIVERS["gitlab"].start(call)
        for job in rig.pipelines[0]["jobs"]:
            job |= {"status": state, "trace": "said\n"}
        DRIVERS["gitlab"].poll(call, handle)
        traces = [path for _, path, *_ in rig.server.requests if path.endswith("/trace")]
    assert bool(traces) is (state not in WAITS)


def test_a_trace_that_is_no_text_is_read_all_the_same():
    job = SimpleNamespace(get=lambda number, lazy: SimpleNamespace(trace=lambda: b"said\xff"))
    assert _trace(SimpleNamespace(jobs=job), SimpleNamespace(id=7)) == "said\ufffd"


# What holds for all of them


@pytest.mark.parametrize("name", ["argocd", "github_actions", "gitlab", "jenkins", "kubernetes"])
def test_a_tool_is_not_called_with_a_configuration_that_is_no_longer_allowed(name, tmp_path, settings):
    with RIGS[name](tmp_path) as rig:
        settings.HOOK_HOSTS = ["ci.example.org"]
        with pytest.raises(HookRefused, match="HOOK_HOSTS"):
            DRIVERS[name].start(asking(rig))
        assert rig.starts() == []


@pytest.mark.parametrize("name", ["argocd", "github_actions", "gitlab", "jenkins", "kubernetes"])
def test_a_look_that_fails_ends_nothing(name, monkeypatch):
    def broken(*_):
        raise RuntimeError("a library of next year")

    monkeypatch.setattr(type(DRIVERS[name]), "look", broken)
    seen = DRIVERS[name].poll(Call(KEY, {}, {}, 60, "secret-of-a-hook"), {"any": 1, "queue": 1, "pipeline": 1}, 5)
    assert isinstance(seen, Progress)
    assert (seen.status, seen.log_offset) == ("running", 5)
