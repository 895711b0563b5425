"""The `http` driver against a real server that answers right, late, wrongly, twice or not at all."""

import json
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from deployments.drivers import BadCallback, Call, HookRefused, OutcomeUnknown, Unreachable
from deployments.drivers.http import HttpDriver
from tests.deployments.counterpart import Counterpart

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
INPUTS = {"action": "deploy", "product": "payments", "version": "4.8.0", "environment": "staging"}


@pytest.fixture
def tool():
    with Counterpart() as server:
        yield server


@pytest.fixture
def driver():
    return HttpDriver(timeout_s=0.6, hosts=[])


@pytest.fixture
def call(tool):
    def make(path="/deploy", timeout_s=60, secret=SECRET, key="deployment-7-try-1"):
        return Call(key, {"url": tool.url + path}, INPUTS, timeout_s, secret, "https://slipway.example/callbacks/7")

    return make


def test_a_call_is_signed_and_carries_its_key_and_inputs(tool, driver, call):
    tool.answers["/deploy"] = (202, {"status": "running"})
    driver.start(call())

    [(method, path, headers, body)] = tool.requests
    assert (method, path) == ("POST", "/deploy")
    assert headers["Idempotency-Key"] == headers["webhook-id"] == "deployment-7-try-1"
    message = Webhook(SECRET).verify(body, headers)
    assert message == {
        "type": "deployment.deploy",
        "data": INPUTS
        | {"key": "deployment-7-try-1", "timeout_s": 60, "callback_url": "https://slipway.example/callbacks/7"},
    }


def test_a_call_without_a_secret_is_not_signed(tool, driver, call):
    tool.answers["/deploy"] = (202, b"")
    driver.start(call(secret=""))
    assert "webhook-signature" not in tool.requests[0][2]


def test_a_repeat_sends_the_same_key_and_the_same_body(tool, driver, call):
    tool.answers["/deploy"] = [(500, b"oops"), (200, {"status": "succeeded"})]
    with pytest.raises(OutcomeUnknown):
        driver.start(call())
    driver.start(call())
    first, second = tool.requests
    assert first[3] == second[3]
    assert first[2]["Idempotency-Key"] == second[2]["Idempotency-Key"]


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_an_answer_that_settles_the_run_at_once_is_taken(tool, driver, call, status):
    tool.answers["/deploy"] = (200, {"status": status, "log": "all of it\n", "detail": "in 2 s"})
    handle = json.loads(json.dumps(driver.start(call())))
    progress = driver.poll(call(), handle)
    assert (progress.status, progress.output, progress.detail) == (status, "all of it\n", "in 2 s")


@pytest.mark.parametrize("answer", [(202, b""), (200, b"ok", {"Content-Type": "text/plain"}), (200, {"id": 5})])
def test_an_acceptance_that_says_nothing_more_waits_for_a_callback(tool, driver, call, answer):
    tool.answers["/deploy"] = answer
    handle = driver.start(call())
    assert driver.poll(call(), handle).status == "running"
    assert len(tool.requests) == 1


def test_a_run_without_a_result_is_unknown_when_its_time_is_over(tool, driver, call):
    tool.answers["/deploy"] = (202, b"")
    handle = driver.start(call(timeout_s=0.05))
    time.sleep(0.1)
    progress = driver.poll(call(timeout_s=0.05), handle)
    assert progress.status == "unknown"
    assert "No result within 0.05 s" in progress.detail


def test_a_run_that_can_be_told_to_stop_runs_until_it_is_told_whatever_the_time(tool, driver, call):
    tool.answers["/deploy"] = (202, {"status": "running", "cancel_url": "/runs/5/cancel"})
    handle = driver.start(call(timeout_s=0.05))
    time.sleep(0.1)
    assert driver.poll(call(timeout_s=0.05), handle).status == "running"


def test_polling_streams_the_log_until_the_tool_has_a_result(tool, driver, call):
    tool.answers["/deploy"] = (202, {"status": "running", "poll_url": "/runs/5", "log": "queued\n"})
    tool.answers["/runs/5"] = [
        (200, {"status": "running", "log": "queued\nbuilt €\n", "progress": 0.5}),
        (200, {"status": "succeeded", "log": "queued\nbuilt €\nlive\n"}),
    ]
    handle = driver.start(call())
    first = driver.poll(call(), handle)
    assert (first.status, first.output, first.progress) == ("running", "queued\nbuilt €\n", 0.5)
    second = driver.poll(call(), handle, first.log_offset)
    assert (second.status, second.output) == ("succeeded", "live\n")
    _, _, headers, body = tool.requests[1]
    assert body == b""
    Webhook(SECRET).verify(b"", headers, json_parse=False)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/runs", "https://elsewhere.example/", "//elsewhere.example/", "http://["]
)
def test_a_poll_address_of_another_origin_is_never_called(tool, driver, call, address):
    tool.answers["/deploy"] = (202, {"status": "running", "poll_url": address})
    handle = driver.start(call())
    assert handle["poll_url"] == ""
    progress = driver.poll(call(), handle)
    assert progress.status == "running"
    assert "another origin" in progress.detail


@pytest.mark.parametrize("answer", ["hang", "close", (500, b"down"), (503, b""), (429, b"slow down")])
def test_a_poll_that_fails_leaves_the_run_running_with_the_reason(tool, driver, call, answer):
    tool.answers["/deploy"] = (202, {"status": "running", "poll_url": "/runs/5"})
    tool.answers["/runs/5"] = answer
    progress = driver.poll(call(), driver.start(call()), 12)
    assert (progress.status, progress.log_offset) == ("running", 12)
    assert "The last poll" in progress.detail


@pytest.mark.parametrize(
    "answer", [(404, b"gone"), (200, b"<html>sign in</html>"), (200, {}), (302, b"", {"Location": "/"})]
)
def test_a_poll_that_cannot_be_read_is_unknown_with_an_excerpt(tool, driver, call, answer):
    tool.answers["/deploy"] = (202, {"status": "running", "poll_url": "/runs/5"})
    tool.answers["/runs/5"] = answer
    progress = driver.poll(call(), driver.start(call()))
    assert progress.status == "unknown"
    assert f"answered {answer[0]}" in progress.detail


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_by_the_tool_is_a_refusal_with_its_words(tool, driver, call, status):
    tool.answers["/deploy"] = (status, b"no such\n environment " + b"x" * 1000)
    with pytest.raises(HookRefused, match=f"answered {status}: no such environment x+…$"):
        driver.start(call())


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"oops"),
        (502, b""),
        (408, b"late"),
        (409, b"a call with this key is under way"),
        (200, b"<html>sign in</html>", {"Content-Type": "text/html"}),
        (200, b"{", {"Content-Type": "application/json"}),
        (200, [1, 2]),
        (200, {"status": "splendid"}),
        (200, {"status": ["succeeded"]}),
        (200, b"[" * 100_000),
        (200, b"\xff\xfe\x00"),
        (200, b"x" * 6_000_000, {"Content-Type": "text/plain"}),
        "hang",
        "close",
        "half",
        "drip",
    ],
)
def test_whatever_leaves_open_if_the_run_started_is_unknown_and_quickly_so(tool, driver, call, answer):
    tool.answers["/deploy"] = answer
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        driver.start(call())
    assert time.monotonic() - began < 2
    assert len(tool.requests) == 1


def test_a_tool_that_is_not_there_is_unreachable(driver):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port} could not be reached"):
        driver.start(Call("k", {"url": f"http://127.0.0.1:{port}/"}))


def test_a_host_without_an_address_is_unreachable(driver):
    with pytest.raises(Unreachable):
        driver.start(Call("k", {"url": "http://nowhere.invalid/"}))


def test_a_tool_that_speaks_no_tls_is_unreachable_by_https(tool, driver):
    with pytest.raises(Unreachable):
        driver.start(Call("k", {"url": tool.url.replace("http:", "https:")}))
    assert tool.requests == []


def test_a_redirect_is_not_followed(tool, driver, call):
    tool.answers["/deploy"] = (307, b"", {"Location": "/elsewhere"})
    with pytest.raises(HookRefused, match="redirects are not followed"):
        driver.start(call())
    assert [path for _, path, _, _ in tool.requests] == ["/deploy"]


def test_a_packed_answer_is_not_unpacked(tool, driver, call):
    tool.answers["/deploy"] = (200, b"\x1f\x8b", {"Content-Encoding": "gzip"})
    with pytest.raises(OutcomeUnknown):
        driver.start(call())
    assert tool.requests[0][2]["Accept-Encoding"] == "identity"


def test_a_secret_that_is_no_base64_is_refused_before_anything_is_sent(tool, driver, call):
    with pytest.raises(HookRefused, match="base64"):
        driver.start(call(secret="whsec_a"))
    assert tool.requests == []


def test_cancelling_asks_the_tool_if_it_offered_that(tool, driver, call):
    tool.answers["/deploy"] = (202, {"status": "running", "cancel_url": "/runs/5/cancel"})
    tool.answers["/runs/5/cancel"] = [(202, b""), (409, b"too late"), "close"]
    handle = driver.start(call())
    assert driver.cancel(call(), handle) is True
    assert driver.cancel(call(), handle) is False
    assert driver.cancel(call(), handle) is False
    assert driver.cancel(call(), {}) is False


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "Give the address"),
        (7, "Give the address"),
        ("ftp://ci.example/", "must begin with http"),
        ("file:///etc/passwd", "must begin with http"),
        ("https://", "must begin with http"),
        ("https://ci.example/a b", "must begin with http"),
        ("http://[", "no valid address"),
        ("http://ci.example:port/", "no valid address"),
        ("https://user:pass@ci.example/", "user and password"),
    ],
)
def test_an_address_that_will_not_do_is_refused_at_its_field(driver, url, reason):
    assert reason in driver.validate({"url": url})["url"]
    with pytest.raises(HookRefused, match=reason):
        driver.start(Call("k", {"url": url}))


def test_a_field_that_is_not_known_is_refused(driver):
    assert list(driver.validate({"url": "https://ci.example/", "verify": False})) == ["verify"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://ci.example/", True),
        ("https://CI.example:8443/", True),
        ("https://a.builds.example/", True),
        ("https://builds.example/", False),
        ("https://evilbuilds.example/", False),
        ("https://ci.example.evil/", False),
        ("https://pinned.example:8443/", True),
        ("https://pinned.example/", False),
        ("http://169.254.169.254/latest", False),
    ],
)
def test_only_the_hosts_of_the_settings_are_called(url, allowed):
    driver = HttpDriver(1, ["ci.example", "*.builds.example", "pinned.example:8443"])
    assert (driver.validate({"url": url}) == {}) is allowed


def signed(body, *, secret=SECRET, at=None, message_id="msg-1"):
    """The headers and bytes of a callback."""
    at = at or datetime.now(UTC)
    data = body if isinstance(body, str) else json.dumps(body)
    headers = {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(message_id, at, data),
    }
    return headers, data.encode()


def test_a_signed_callback_settles_the_run(driver, call):
    headers, body = signed({"status": "succeeded", "detail": "in 4 min", "log": "live\n", "key": "deployment-7-try-1"})
    progress = driver.callback(call(), {}, headers, body)
    assert (progress.status, progress.detail, progress.output) == ("succeeded", "in 4 min", "live\n")
    assert progress.message_id == "msg-1"


def test_a_callback_that_is_not_proven_is_not_believed(driver, call):
    good_headers, good_body = signed({"status": "succeeded"})
    late, early = datetime.now(UTC) - timedelta(minutes=6), datetime.now(UTC) + timedelta(minutes=6)
    cases = {
        "no headers": ({}, good_body),
        "changed body": (good_headers, good_body.replace(b"succeeded", b"failed")),
        "other secret": signed({"status": "succeeded"}, secret="whsec_b3RoZXIgc2VjcmV0IG90aGVy"),
        "too old": signed({"status": "succeeded"}, at=late),
        "too new": signed({"status": "succeeded"}, at=early),
        "other id": (good_headers | {"Webhook-Id": "msg-2"}, good_body),
        "no number": (good_headers | {"Webhook-Timestamp": "now"}, good_body),
        "odd signature": (good_headers | {"Webhook-Signature": "v1"}, good_body),
        "odd base64": (good_headers | {"Webhook-Signature": "v1,a"}, good_body),
        "no text": (good_headers, b"\xff"),
    }
    for name, (headers, body) in cases.items():
        with pytest.raises(BadCallback, match="signature is not accepted"):
            pytest.fail(f"believed: {name}, {driver.callback(call(), {}, headers, body)}")


def test_without_a_secret_no_callback_is_believed(driver, call):
    headers, body = signed({"status": "succeeded"})
    with pytest.raises(BadCallback, match="no secret"):
        driver.callback(call(secret=""), {}, headers, body)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"status": "splendid"}', "[" * 100_000, '{"status": null}'])
def test_a_signed_callback_that_says_nothing_clear_is_refused(driver, call, body):
    with pytest.raises(BadCallback, match="status out of"):
        driver.callback(call(), {}, *signed(body))


def test_a_callback_about_another_run_is_refused(driver, call):
    with pytest.raises(BadCallback, match="another run"):
        driver.callback(call(), {}, *signed({"status": "succeeded", "key": "deployment-8-try-1"}))


def test_text_that_the_database_cannot_hold_is_replaced(driver, call):
    headers, body = signed('{"status": "failed", "log": "a\\u0000b\\ud800c"}')
    assert driver.callback(call(), {}, headers, body).output == "a\ufffdb?c"
