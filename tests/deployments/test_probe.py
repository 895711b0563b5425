"""Probing a real server."""

import time
from datetime import UTC, datetime

import pytest

from deployments.probe import probe, said_version
from tests.deployments.counterpart import Counterpart


@pytest.fixture
def service():
    with Counterpart() as server:
        yield server


def test_a_healthy_service_gives_a_good_sample(service):
    service.answers["/health"] = (200, {"healthy": True})
    before = datetime.now(UTC)
    sample = probe(service.url + "/health", timeout_s=1)
    assert (sample.ok, sample.status, sample.detail) == (True, 200, "Answered 200.")
    assert before <= sample.at <= datetime.now(UTC)
    assert 0 <= sample.elapsed_ms < 1000


def test_an_error_answer_is_a_bad_sample_with_its_words(service):
    service.answers["/health"] = (500, b"ledger is\nnot connected")
    sample = probe(service.url + "/health", timeout_s=1)
    assert (sample.ok, sample.status) == (False, 500)
    assert sample.detail == "Answered 500, expected 200: ledger is not connected"


def test_another_status_may_be_what_is_expected(service):
    service.answers["/gone"] = (410, b"")
    service.answers["/moved"] = (301, b"", {"Location": "https://elsewhere.example/"})
    assert probe(service.url + "/gone", expect_status=410, timeout_s=1).ok
    assert probe(service.url + "/moved", expect_status=301, timeout_s=1).ok


def test_an_expected_text_must_be_there(service):
    service.answers["/"] = (200, "all systems € go".encode())
    assert probe(service.url + "/", expect_text="€ go", timeout_s=1).ok
    assert "does not contain “no go”" in probe(service.url + "/", expect_text="no go", timeout_s=1).detail


@pytest.mark.parametrize(
    ("body", "ok"),
    [
        ({"version": "4.8.0"}, True),
        ({"version": "4.7.2", "next": "4.8.0"}, False),
        ({"version": None}, False),
        (b"payments 4.8.0 (9f3c1ab)", True),
        (b"payments 4.8.0.", True),
        (b"payments 14.8.0", False),
        (b"payments 4.8.0-rc.1", False),
        (b"payments 4.8.0.1", False),
        (b"payments 4x8x0", False),
        (b"", False),
    ],
)
def test_the_expected_version_must_answer(service, body, ok):
    service.answers["/version"] = (200, body)
    sample = probe(service.url + "/version", expect_version="4.8.0", timeout_s=1)
    assert sample.ok is ok
    assert "4.8.0" in sample.detail


@pytest.mark.parametrize("answer", ["hang", "close", "half", "drip"])
def test_a_service_that_gives_no_whole_answer_is_a_bad_sample_in_time(service, answer):
    service.answers["/"] = answer
    began = time.monotonic()
    sample = probe(service.url + "/", timeout_s=0.4)
    assert (sample.ok, sample.status) == (False, None)
    assert sample.detail.startswith("No answer: ")
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "file:///etc/passwd", "", "http://[", "http://nowhere.invalid/"]
)
def test_what_cannot_be_reached_is_a_bad_sample(url):
    sample = probe(url, timeout_s=1)
    assert (sample.ok, sample.status) == (False, None)


def test_a_redirect_on_the_same_host_is_followed(service):
    service.answers["/"] = (302, b"", {"Location": "/health"})
    service.answers["/health"] = (200, b"fine")
    assert probe(service.url + "/", expect_text="fine", timeout_s=1).ok


def test_a_redirect_to_another_host_is_not_followed(service):
    with Counterpart() as other:
        other.answers["/"] = (200, b"fine")
        service.answers["/"] = (302, b"", {"Location": other.url.replace("127.0.0.1", "localhost") + "/"})
        sample = probe(service.url + "/", timeout_s=1)
        assert not sample.ok
        assert "another host, localhost" in sample.detail
        assert other.requests == []


def test_only_hosts_that_the_settings_allow_are_probed(service, settings):
    service.answers["/health"] = (200, b"4.8.0")
    settings.HOOK_HOSTS = ["ci.example.org"]
    sample = probe(service.url + "/health", timeout_s=1)
    assert (sample.ok, sample.status) == (False, None)
    assert sample.detail.startswith("No answer: The settings (HOOK_HOSTS) do not allow calls to 127.0.0.1:")
    assert said_version(service.url + "/health") == ""
    assert service.requests == []
    settings.HOOK_HOSTS = ["127.0.0.1"]
    assert probe(service.url + "/health", timeout_s=1).ok


def test_a_redirect_to_another_port_is_followed_only_where_the_settings_allow_it(service, settings):
    with Counterpart() as other:
        other.answers["/"] = (200, b"inside")
        service.answers["/"] = (302, b"", {"Location": other.url + "/"})
        settings.HOOK_HOSTS = [service.url.removeprefix("http://")]
        sample = probe(service.url + "/", timeout_s=1)
        assert not sample.ok
        assert "HOOK_HOSTS" in sample.detail
        assert other.requests == []


def test_redirects_in_a_circle_end(service):
    service.answers["/"] = (302, b"", {"Location": "/"})
    assert "more than 5 redirects" in probe(service.url + "/", timeout_s=2).detail
    assert len(service.requests) == 6


def test_only_the_beginning_of_a_huge_answer_is_read(service):
    service.answers["/"] = (200, b"fine" + b"x" * 3_000_000 + b"end")
    assert probe(service.url + "/", expect_text="fine", timeout_s=2).ok
    assert not probe(service.url + "/", expect_text="end", timeout_s=2).ok
