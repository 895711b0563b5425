"""The parts that drivers share, by themselves: addresses, placeholders, reports, and what is never repeated to people."""

import base64
import json

import pytest

from deployments.drivers import Call
from deployments.drivers.fields import Field
from deployments.drivers.hosts import host_matches, same_origin
from deployments.drivers.masking import HIDDEN
from deployments.drivers.placeholders import PLACEHOLDERS, filled, trouble_with, values_of
from deployments.drivers.signed import parse_report
from deployments.drivers.talk import Talk, is_refusal

BASE = "https://ci.example.org/run"


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("", ""),
        ("/runs/7", "https://ci.example.org/runs/7"),
        ("https://ci.example.org:443/runs/7", "https://ci.example.org:443/runs/7"),
        ("https://CI.example.org/runs/7", "https://CI.example.org/runs/7"),
        ("http://ci.example.org/runs/7", ""),
        ("https://ci.example.org:8443/runs/7", ""),
        ("https://ci.example.org.evil/runs/7", ""),
        ("https://ci.example.org@evil/", ""),
        ("//evil/runs/7", ""),
        ("http://[", ""),
    ],
)
def test_an_address_stays_with_its_scheme_host_and_port(address, whole):
    assert same_origin(address, BASE) == whole


@pytest.mark.parametrize(
    ("allowed", "host", "port", "matches"),
    [
        ("ci.example", "ci.example", None, True),
        ("CI.Example", "ci.example", 8443, True),
        ("ci.example", "a.ci.example", None, False),
        ("ci.example", "evilci.example", None, False),
        ("*.ci.example", "a.b.ci.example", None, True),
        ("*.ci.example", "ci.example", None, False),
        ("*.ci.example", "evilci.example", None, False),
        ("ci.example:8443", "ci.example", 8443, True),
        ("ci.example:8443", "ci.example", 443, False),
        ("ci.example:8443", "ci.example", None, False),
        ("*.ci.example:8443", "a.ci.example", 8443, True),
    ],
)
def test_a_host_is_allowed_by_its_whole_name(allowed, host, port, matches):
    assert host_matches(allowed, host, port) is matches


# Placeholders


@pytest.mark.parametrize("text", ["", "v{version}", "{{version}}", "{action}{key}"])
def test_a_text_with_known_names_can_be_filled_in(text):
    assert trouble_with(text) == ""


@pytest.mark.parametrize(
    "text", ["{branch}", "{version!r}", "{version:>99}", "{version.__class__}", "{0}", "{}", "{version", "}", "a\0b"]
)
def test_nothing_but_a_plain_known_name_is_filled_in(text):
    assert trouble_with(text)


def test_each_name_has_a_text_and_what_is_not_known_is_empty():
    call = Call("deploy-7-1", {}, {"version": "4.8.0", "commit": None, "candidate": 0}, 60, "", "https://slipway/x")
    assert values_of(call) == dict.fromkeys(PLACEHOLDERS, "") | {
        "version": "4.8.0",
        "candidate": "0",
        "key": "deploy-7-1",
        "callback_url": "https://slipway/x",
    }
    assert filled("{{{version}}}{commit}", call) == "{4.8.0}"


def test_the_key_of_a_call_cannot_be_given_by_what_is_deployed():
    call = Call("deploy-7-1", {}, {"key": "another", "callback_url": "https://evil/"}, 60)
    assert filled("{key} {callback_url}", call) == "deploy-7-1 "


# Reports


@pytest.mark.parametrize(
    ("share", "progress"),
    [(0, 0.0), (0.5, 0.5), (1, 1.0), (1.01, None), (-0.1, None), (True, None), ("0.5", None), (None, None)],
)
def test_how_far_a_run_is_lies_between_nought_and_one(share, progress):
    assert parse_report(json.dumps({"status": "running", "progress": share}).encode()).progress == progress


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"null", b'{"status": "splendid"}', b'{"status": 7}', b"[" * 10_000]
)
def test_what_is_no_report_is_none(body):
    assert parse_report(body) is None


def test_only_texts_are_taken_from_a_report():
    report = parse_report(b'{"status": "running", "detail": ["x"], "log": 7, "poll_url": null, "key": {}}')
    assert (report.detail, report.log, report.poll_url, report.key) == ("", "", "", "")


# What is said to people


@pytest.mark.parametrize("secret", ["hunter2-and/more?", "glpat-üml", "x" * 200])
def test_a_secret_is_hidden_in_each_shape_in_which_it_travels(secret):
    from urllib.parse import quote

    talk = Talk(secret)
    shapes = [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]
    said = talk.fit_for_people(" and ".join(shapes))
    assert not any(shape.rstrip("=") in said for shape in shapes)
    assert said.count(HIDDEN) == 3


def test_the_longer_of_two_secrets_is_hidden_whole():
    talk = Talk("token-of")
    talk.hide("token-of-somebody")
    assert talk.fit_for_people("it said token-of-somebody") == f"it said {HIDDEN}"


@pytest.mark.parametrize(
    ("status", "refused"),
    [(399, False), (400, True), (404, True), (408, False), (409, False), (499, True), (500, False)],
)
def test_a_refusal_is_an_answer_that_began_nothing(status, refused):
    assert is_refusal(status) is refused


@pytest.mark.parametrize(
    ("method", "refused", "begun"),
    [
        ("GET", False, False),
        ("head", False, False),
        ("POST", False, True),
        ("POST", True, False),
        ("DELETE", False, True),
    ],
)
def test_only_what_writes_and_was_not_turned_down_may_have_begun_something(method, refused, begun):
    talk = Talk()
    assert not talk.has_begun_nothing  # nobody watched
    talk.note(method, refused=refused)
    assert (talk.may_have_begun, talk.has_begun_nothing) == (begun, not begun)


# Fields


@pytest.mark.parametrize(
    ("field", "value", "fits"),
    [
        (Field("x", "X"), "", False),
        (Field("x", "X", required=False), "", True),
        (Field("x", "X", default="main"), "", True),
        (Field("x", "X", pattern="[a-z]+"), "abc", True),
        (Field("x", "X", pattern="[a-z]+"), "abc\n", False),
        (Field("x", "X", pattern="[a-z]+"), "abc; rm", False),
        (Field("x", "X"), "two\nlines", True),
        (Field("x", "X", kind="number"), 3, True),
        (Field("x", "X", kind="number"), 3.5, False),
        (Field("x", "X", kind="number"), True, False),
        (Field("x", "X", kind="inputs"), ["a=1", "b="], True),
        (Field("x", "X", kind="inputs"), ["a b=1"], False),
        (Field("x", "X", kind="inputs"), ["a=1", "a=2"], False),
        (Field("x", "X", kind="inputs"), ["a={version}"], True),
        (Field("x", "X", kind="inputs", filled=True), ["a={nothing}"], False),
        (Field("x", "X", kind="lines"), ["a", 3], False),
    ],
)
def test_a_field_takes_what_fits(field, value, fits):
    assert (field.trouble({"x": value}) == "") is fits


def test_a_summary_shows_names_of_inputs_and_nothing_that_is_not_shown():
    assert Field("x", "X", kind="inputs").summary({"x": ["password=hunter2", "a=b"]}) == "with password, a"
    assert Field("x", "X", shown=False).summary({"x": "hunter2"}) == ""
    assert Field("x", "X", kind="address").summary({"x": "https://u:hunter2@ci.example:8443/a?t=hunter2#f"}) == (
        "ci.example:8443/a"
    )
