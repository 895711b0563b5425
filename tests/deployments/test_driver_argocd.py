"""The argocd driver against a server whose every question and answer fits Argo CD's published description."""

import pytest

from deployments.drivers import DRIVERS, Call, HookRefused, OutcomeUnknown, Unreachable
from tests.deployments.rigs.argocd import ArgoRig

driver = DRIVERS["argocd"]


@pytest.fixture
def rig(tmp_path, settings):
    settings.HOOK_TIMEOUT_S = 10
    with ArgoRig(tmp_path) as made:
        yield made


def calling(rig, key="deploy-1", **more):
    return Call(
        key, rig.config | more.pop("config", {}), {"version": "4.8.0"}, 60, more.pop("secret", rig.secret), **more
    )


def looked(rig, call, handle, times=6):
    """The last of several looks, and all that was said until then."""
    said, offset = "", 0
    for _ in range(times):
        progress = driver.poll(call, handle, offset)
        said, offset = said + progress.output, progress.log_offset
        if progress.status != "running":
            break
    return progress, said


def test_a_sync_asks_for_the_revision_and_bears_the_key(rig):
    driver.start(calling(rig))
    assert rig.application["operation"]["sync"] == {"revision": "v4.8.0"}
    assert rig.application["operation"]["info"] == [{"name": "slipway-key", "value": "deploy-1"}]


def test_a_sync_is_followed_until_the_application_is_healthy(rig):
    call = calling(rig)
    handle = driver.start(call)
    assert driver.poll(call, handle).detail == "Running: waiting for completion of hook"
    rig.finish("deploy-1", log="deployment.apps/payments-api configured")
    progress, said = looked(rig, call, handle)
    assert progress.status == "succeeded"
    assert progress.detail == "Succeeded: successfully synced (all tasks run). Now Synced, Healthy."
    assert said == "Deployment payments-api: deployment.apps/payments-api configured\n"


def test_a_failed_sync_has_failed_with_its_words(rig):
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1", ok=False, log="one or more objects failed to apply")
    progress, _ = looked(rig, call, handle)
    assert (progress.status, progress.detail) == ("failed", "Failed: one or more objects failed to apply")


@pytest.mark.parametrize(
    ("health", "status"),
    [("Degraded", "failed"), ("Progressing", "running"), ("Suspended", "running"), ("Missing", "running")],
)
def test_a_sync_that_went_well_is_not_yet_a_healthy_application(rig, health, status):
    rig.health_after = health
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1")
    progress, _ = looked(rig, call, handle)
    assert progress.status == status
    assert f"Now Synced, {health}." in progress.detail


def test_health_from_before_the_end_of_the_sync_does_not_count(rig):
    rig.compares_at_once, rig.health_after = False, "Degraded"
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1")
    driver.poll(call, handle)
    rig.application["status"]["reconciledAt"] = "2026-01-01T00:00:00Z"
    rig.turn()
    rig.application["status"] |= {"health": {"status": "Healthy"}, "reconciledAt": "2026-01-01T00:00:00Z"}
    rig.turn = lambda: None
    assert driver.poll(call, handle).status == "running"
    del rig.turn
    assert looked(rig, call, handle)[0].status == "failed"


def test_a_sync_that_was_asked_for_and_not_taken_up_is_running(rig):
    call = calling(rig)
    handle = driver.start(call)
    rig.turn = lambda: None
    progress = driver.poll(call, handle)
    assert (progress.status, progress.detail) == ("running", "The sync is asked for and has not begun.")


def test_another_sync_in_between_leaves_the_outcome_open(rig):
    call = calling(rig)
    handle = driver.start(call)
    rig.finish("deploy-1")
    rig.turn()
    rig.turn()
    rig.sync_by_somebody_else()
    progress = driver.poll(call, handle)
    assert progress.status == "unknown", progress
    assert "Somebody else has synced the application since" in progress.detail


def test_a_sync_waits_for_its_turn_while_another_is_under_way(rig):
    rig.sync_by_somebody_else()
    rig._begin({"sync": {"revision": "HEAD"}})
    with pytest.raises(Unreachable, match="another operation is already in progress"):
        driver.start(calling(rig))
    assert rig.starts() == []


def test_stopping_ends_our_sync_and_no_other(rig):
    call = calling(rig)
    handle = driver.start(call)
    driver.poll(call, handle)
    assert driver.cancel(call, handle)
    progress, _ = looked(rig, call, handle)
    assert (progress.status, progress.detail) == ("failed", "Failed: Operation terminated")
    rig._begin({"sync": {"revision": "HEAD"}})
    rig.turn()
    assert not driver.cancel(call, handle)
    assert rig.stopped() == ["deploy-1"]


def test_a_call_in_doubt_that_the_server_does_not_know_waits_for_a_person(rig):
    with pytest.raises(OutcomeUnknown, match="may have reached the tool"):
        driver.start(calling(rig, repeated=True))
    assert rig.starts() == []


def test_a_refusal_is_told_in_the_servers_words_without_the_token(rig):
    with pytest.raises(HookRefused, match="permission denied"):
        driver.start(calling(rig, config={"application": "not-there"}))
    with pytest.raises(HookRefused) as refused:
        driver.start(calling(rig, secret="a-wrong-token-of-somebody"))
    assert "invalid session" in str(refused.value)
    assert "a-wrong-token" not in str(refused.value)


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("body", [b"<html><h1>Not here</h1></html>", b"", b"[]", b'"no"', b'{"message": null}'])
def test_a_refusal_that_is_no_answer_of_argo_cds_keeps_its_status(rig, monkeypatch, status, body):
    monkeypatch.setattr(rig, "answer", lambda *_: (status, body, {"Content-Type": "text/html"}))
    with pytest.raises(HookRefused, match=f"Argo CD answered {status}: "):
        driver.start(calling(rig))


def test_a_page_in_place_of_an_answer_leaves_a_sync_open_and_a_look_without_news(rig, monkeypatch):
    handle = driver.start(calling(rig))
    monkeypatch.setattr(rig, "answer", lambda *_: (200, b"<html>Sign in</html>", {"Content-Type": "text/html"}))
    with pytest.raises(OutcomeUnknown, match="nothing that Argo CD would say: <html>Sign in"):
        driver.start(calling(rig, key="deploy-2"))
    progress = driver.poll(calling(rig), handle)
    assert progress.status == "running"
    assert "nothing that Argo CD would say" in progress.detail


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("server", "argocd.example.org", "http"),
        ("application", "../projects", "does not fit"),
        ("revision", "", "Give the revision"),
        ("revision", "{branch}", "unknown placeholder"),
        ("prune", "yes", "no such field"),
    ],
)
def test_a_configuration_that_will_not_do_is_refused_at_its_field(rig, field, value, reason):
    problems = driver.validate(rig.config | {field: value})
    assert list(problems) == [field]
    assert reason in problems[field]
