"""The HTTP check, against a real server."""

import time

import pytest

from deployments.checks import CHECKS
from tests.deployments.counterpart import Counterpart

CHECK = CHECKS["http"]
FACTS = {"version": "4.8.0", "environment": "staging", "product": "payments"}


@pytest.fixture
def service():
    with Counterpart() as server:
        yield server


def look(service, config, *, secret="", timeout_s=2, **facts):
    return CHECK.look(config, secret, FACTS | {"address": service.url} | facts, timeout_s)


def test_a_path_is_asked_below_the_address_of_the_environment(service):
    service.answers["/app/ready"] = (200, b"yes")

    found = look(service, {"address": "/ready"}, address=service.url + "/app/")

    assert (found.ok, found.status, found.detail) == (True, 200, "Answered 200.")
    assert found.elapsed_ms >= 0


def test_a_whole_address_is_asked_as_it_stands_and_no_token_goes_with_it(service):
    service.answers["/status"] = (204, b"")

    assert look(service, {"address": service.url + "/status", "status": 204}, address="").ok
    assert "Authorization" not in service.requests[0][2]


def test_another_status_or_text_is_not_well_and_says_so(service):
    service.answers["/ready"] = (503, b"warming up")
    service.answers["/page"] = (200, b"version 4.7.0")

    assert look(service, {"address": "/ready"}).detail == "Answered 503, expected 200: warming up"
    found = look(service, {"address": "/page", "text": "version {version}"})
    assert (found.ok, found.detail) == (False, "The answer does not contain “version 4.8.0”.")


def test_what_cannot_be_asked_is_no_answer_and_never_well(service):
    assert look(service, {"address": "/ready"}, address="").ok is None
    unknown = look(service, {"address": "/ready", "text": "{version}"}, version="")
    assert (unknown.ok, unknown.detail) == (None, "No version is known to fill in.")
    assert service.requests == []


def test_a_service_that_hangs_is_not_well_in_time(service):
    service.answers["/ready"] = "hang"
    began = time.monotonic()

    assert look(service, {"address": "/ready"}, timeout_s=0.3).ok is False
    assert time.monotonic() - began < 1.5


def test_the_token_is_sent_and_does_not_leave_the_origin(service):
    with Counterpart() as other:
        other.answers["/"] = (200, b"fine")
        service.answers["/ready"] = (302, b"", {"Location": other.url + "/"})

        found = look(service, {"address": "/ready"}, secret="s3cret-token")

        assert found.ok is False
        assert "another origin" in found.detail
        assert other.requests == []
    assert service.requests[0][2]["Authorization"] == "Bearer s3cret-token"


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({"address": "/ready"}, set()),
        ({"address": "https://status.example.org/x?y=1", "status": 204}, set()),
        ({}, {"address"}),
        ({"address": "ready"}, {"address"}),
        ({"address": "//elsewhere.example.org/"}, {"address"}),
        ({"address": "/re ady"}, {"address"}),
        ({"address": "file:///etc/passwd"}, {"address"}),
        ({"address": "https://user:secret@example.org/"}, {"address"}),
        ({"address": "/ready", "status": 99}, {"status"}),
        ({"address": "/ready", "status": "200"}, {"status"}),
        ({"address": "/ready", "colour": "red"}, {"colour"}),
    ],
)
def test_the_configuration_is_judged_field_by_field(config, fields):
    assert set(CHECK.validate(config)) == fields


def test_only_hosts_that_the_settings_allow_are_asked(settings):
    settings.HOOK_HOSTS = ["ci.example.org"]
    assert CHECK.validate({"address": "https://elsewhere.example.org/"})
    assert not CHECK.validate({"address": "https://ci.example.org/"})
    assert not CHECK.validate({"address": "/ready"})


def test_what_is_asked_is_told_without_what_may_be_secret():
    assert CHECK.asked({"address": "https://a.example.org:8443/x?token=1", "text": "ok"}) == (
        "a.example.org:8443/x answers 200 with “ok”"
    )
    assert CHECK.asked({"address": "/ready?key=1", "status": 204}) == "/ready answers 204"
