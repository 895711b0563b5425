"""The external gate, against a real server that checks the signature."""

import json

import pytest
from standardwebhooks.webhooks import Webhook

from deployments.checks import CHECKS
from tests.deployments.counterpart import Counterpart

CHECK = CHECKS["external"]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FACTS = {
    "product": "payments",
    "environment": "staging",
    "version": "4.8.0",
    "commit": "9f3c1ab",
    "previous_version": "4.7.0",
    "deployment": 7,
    "sample": 12,
    "check": "Change window",
    "look": "deploy-7-20261112210000-s12-3",
    "statement": {"comment": "not for others"},
}


@pytest.fixture
def gate():
    with Counterpart() as server:
        yield server


def look(gate, answer=None, secret=SECRET, timeout_s=2):
    if answer is not None:
        gate.answers["/gate"] = answer
    return CHECK.look({"url": gate.url + "/gate"}, secret, FACTS, timeout_s)


def test_it_is_told_what_is_deployed_in_a_message_signed_as_standard_webhooks_has_it(gate):
    assert look(gate, (200, {"ok": True, "detail": "Inside the window."})).ok

    method, _, headers, body = gate.requests[0]
    message = Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()})
    assert (method, message["type"]) == ("POST", "deployment.check")
    assert headers["webhook-id"] == "deploy-7-20261112210000-s12-3"
    told = message["data"]
    assert (told["version"], told["environment"], told["sample"], told["check"]) == (
        "4.8.0",
        "staging",
        12,
        "Change window",
    )
    assert b"not for others" not in body


@pytest.mark.parametrize(
    ("answer", "ok", "detail"),
    [
        ((200, {"ok": True}), True, "It says: well."),
        ((200, {"ok": False, "detail": "Open incident 4711."}), False, "Open incident 4711."),
        ((200, {"ok": None, "detail": "Still comparing."}), None, "Still comparing."),
        ((200, {}), None, "It has not decided yet."),
        ((202, b""), None, "No answer that can be read: nothing"),
        ((200, {"ok": "true"}), None, 'Its answer is neither true nor false: "true"'),
        ((200, {"ok": 1}), None, "Its answer is neither true nor false: 1"),
        ((200, ["ok"]), None, 'No answer that can be read: ["ok"]'),
        ((200, b"<html>ok</html>"), None, "No answer that can be read: <html>ok</html>"),
        ((500, {"ok": True}), None, 'No answer: it answered 500. {"ok": true}'),
        ((302, b"", {"Location": "/ok"}), None, "No answer: it answered 302."),
    ],
)
def test_only_true_is_well_and_what_is_no_answer_is_none(gate, answer, ok, detail):
    found = look(gate, answer)
    assert (found.ok, found.detail) == (ok, detail)


@pytest.mark.parametrize("answer", ["hang", "close", "half", "drip"])
def test_no_whole_answer_is_no_answer(gate, answer):
    found = look(gate, answer, timeout_s=0.4)
    assert found.ok is None
    assert found.detail.startswith("No answer: ")


def test_a_huge_answer_is_not_read_to_its_end(gate):
    found = look(gate, (200, json.dumps({"ok": True, "detail": "x" * 200_000}).encode()))
    assert found.ok is None


def test_it_is_never_asked_unsigned():
    assert CHECK.secret_trouble("") == "Give the signing secret."
    assert "base64" in CHECK.secret_trouble("not base64!")
    assert CHECK.secret_trouble(SECRET) == ""


def test_the_address_is_shown_without_its_query():
    assert CHECK.asked({"url": "https://gate.example.org/ok?token=1"}) == "gate.example.org/ok says that it is well"
