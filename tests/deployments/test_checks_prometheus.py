"""The Prometheus check: against a server that answers as the HTTP API does, and against a real Prometheus where there is one."""

import http.server
import shutil
import socket
import subprocess
import threading
import time
from base64 import b64encode
from urllib.parse import parse_qs

import pytest

from deployments.checks import CHECKS
from deployments.drivers.wire import NotSent, exchange
from tests.deployments.counterpart import Counterpart

CHECK = CHECKS["prometheus"]
FACTS = {"version": "4.8.0", "environment": "staging", "product": "payments"}
PATH = "/api/v1/query"


@pytest.fixture
def server():
    with Counterpart() as made:
        yield made


def vector(*values, **more):
    """An instant vector as the API writes it: each value a text, with labels job and n."""
    series = [
        {"metric": {"__name__": "errors", "n": str(n)}, "value": [1794517200.123, v]} for n, v in enumerate(values)
    ]
    return 200, {"status": "success", "data": {"resultType": "vector", "result": series}} | more


def look(server, answer=None, *, secret="", timeout_s=2, facts=FACTS, **config):
    if answer is not None:
        server.answers[PATH] = answer
    made = {"address": server.url, "query": "errors", "operator": "<", "threshold": 1} | config
    assert not CHECK.validate(made)
    return CHECK.look(made, secret, facts, timeout_s)


def test_an_instant_query_is_posted_with_its_time_limit(server):
    found = look(server, vector("0.25"), query='sum(rate(errors{env="{environment}",v=~"{version}.*"}[5m]))')

    assert (found.ok, found.value, found.detail) == (True, 0.25, "0.25, must be below 1.")
    method, path, headers, body = server.requests[0]
    assert (method, path, headers["Content-Type"]) == ("POST", PATH, "application/x-www-form-urlencoded")
    assert parse_qs(body.decode()) == {
        "query": ['sum(rate(errors{env="staging",v=~"4.8.0.*"}[5m]))'],
        "timeout": ["2000ms"],  # a duration of Prometheus takes no fraction
    }


@pytest.mark.parametrize(
    ("operator", "value", "ok"),
    [
        ("<", "0.99", True),
        ("<", "1", False),
        ("<=", "1", True),
        ("<=", "1.01", False),
        (">", "1", False),
        (">", "1.01", True),
        (">=", "1", True),
        (">=", "0.99", False),
        ("==", "1", True),
        ("==", "2", False),
        ("!=", "1", False),
        ("!=", "2", True),
        ("<", "-Inf", True),
        (">", "+Inf", True),
        ("<", "NaN", False),
        ("!=", "NaN", False),
        (">=", "NaN", False),
    ],
)
def test_a_figure_is_compared_with_the_threshold_and_nan_never_holds(server, operator, value, ok):
    assert look(server, vector(value), operator=operator).ok is ok


@pytest.mark.parametrize(
    ("operator", "values", "ok", "worst"),
    [
        ("<", ("0.1", "0.9", "0.5"), True, 0.9),
        ("<", ("0.1", "7", "0.5"), False, 7),
        (">", ("3", "2", "5"), True, 2),
        (">", ("3", "0.5", "5"), False, 0.5),
        ("==", ("1", "1"), True, 1),
        ("==", ("1", "4", "2"), False, 4),
        ("!=", ("2", "3"), True, 2),
        ("!=", ("2", "1"), False, 1),
        ("<", ("0.1", "NaN"), False, None),
    ],
)
def test_of_several_series_all_must_hold_and_the_worst_is_shown(server, operator, values, ok, worst):
    found = look(server, vector(*values), operator=operator)
    assert (found.ok, found.value) == (ok, worst)
    assert found.detail.startswith(f"{len(values)} series, the worst {{n=")


def test_a_scalar_is_a_figure_too(server):
    answer = (200, {"status": "success", "data": {"resultType": "scalar", "result": [1794517200, "3"]}})
    assert look(server, answer, operator="==", threshold=3).ok


def test_an_empty_answer_is_no_answer_unless_that_is_said_to_be_well(server):
    found = look(server, vector())
    assert (found.ok, found.detail) == (None, "The answer is empty: no series.")
    assert look(server, vector(), empty_is_ok=True).ok is True
    assert look(server, vector("7"), empty_is_ok=True).ok is False


def test_an_error_of_the_query_is_told_in_its_own_words(server):
    error = {"status": "error", "errorType": "bad_data", "error": 'parse error: unexpected "}"'}
    found = look(server, (400, error))
    assert (found.ok, found.detail) == (None, 'Prometheus answered 400, bad_data: parse error: unexpected "}"')


def test_warnings_are_told_beside_the_figure(server):
    found = look(server, vector("0.5", warnings=["partial answer: one store is down"]))
    assert (found.ok, found.detail) == (
        True,
        "0.5, must be below 1. Prometheus warns: partial answer: one store is down",
    )


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>sign in</html>"),
        (200, b""),
        (502, b"bad gateway"),
        (200, {"status": "success"}),
        (200, {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}),
        (200, {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "x"]}]}}),
        (200, {"status": "success", "data": {"resultType": "vector", "result": 7}}),
        (200, {"status": "success", "data": {"resultType": "matrix", "result": []}}),
        (200, {"status": "success", "data": {"resultType": "string", "result": [1, "a"]}}),
        (200, {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "histogram": []}]}}),
        (200, b"[" * 100_000),
        (200, b" " * 2_000_000),
        (302, b"", {"Location": "/login"}),
    ],
    ids=[
        "a page",
        "nothing",
        "a proxy's error",
        "no data",
        "no value",
        "no number",
        "no list",
        "a range",
        "a text",
        "a histogram",
        "nested without end",
        "too long",
        "a redirect",
    ],
)
def test_what_gives_no_figure_is_no_answer(server, answer):
    found = look(server, answer)
    assert found.ok is None
    assert found.value is None
    assert found.detail


@pytest.mark.parametrize("answer", ["hang", "close", "half", "drip"])
def test_no_whole_answer_is_no_answer_in_time(server, answer):
    began = time.monotonic()
    found = look(server, answer, timeout_s=0.4)
    assert (found.ok, found.detail[:10]) == (None, "No answer:")
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("secret", "header"),
    [("glsa_token", "Bearer glsa_token"), ("ann:pass:word", f"Basic {b64encode(b'ann:pass:word').decode()}")],
)
def test_it_signs_in_with_a_token_or_by_name_and_password(server, secret, header):
    look(server, vector("0"), secret=secret)
    assert server.requests[0][2]["Authorization"] == header


@pytest.mark.parametrize("version", ['4.8"} or vector(0) #', "4.8\\", "4.8\n", "", None])
def test_a_value_that_is_missing_or_could_break_out_of_its_quotes_is_never_filled_in(server, version):
    found = look(server, vector("0"), query='errors{v="{version}"}', facts=FACTS | {"version": version})
    assert found.ok is None
    assert server.requests == []


def test_below_an_address_with_a_path_the_api_is_found(server):
    server.answers["/prometheus" + PATH] = vector("0")
    assert look(server, address=server.url + "/prometheus/").ok


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"address": "prometheus:9090"}, "address"),
        ({"query": ""}, "query"),
        ({"operator": "~"}, "operator"),
        ({"threshold": "1"}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"threshold": None}, "threshold"),
        ({"empty_is_ok": "yes"}, "empty_is_ok"),
        ({"step": 5}, "step"),
    ],
)
def test_the_configuration_is_judged_field_by_field(change, field):
    config = {"address": "http://prometheus:9090", "query": "up", "operator": "<", "threshold": 0}
    assert CHECK.validate(config) == {}
    assert set(CHECK.validate(config | change)) == {field}


def test_approvers_see_the_query_and_its_bound():
    config = {
        "address": "http://p.example.org:9090/x?t=1",
        "query": "sum(\n  errors)",
        "operator": ">=",
        "threshold": 2.5,
    }
    assert CHECK.asked(config) == "p.example.org:9090/x: sum( errors) is at least 2.5"


class Metrics(http.server.BaseHTTPRequestHandler):
    """What a service shows to Prometheus: the gauge `errors`, as the test sets it."""

    value = "0.2"

    def do_GET(self):
        body = f'# TYPE errors gauge\nerrors{{env="staging"}} {Metrics.value}\n'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing is printed."""


@pytest.fixture
def prometheus(tmp_path):
    """The address of a real Prometheus that scrapes what the test shows, every second."""
    if not shutil.which("prometheus"):
        pytest.skip(
            "!!! No real Prometheus was asked: there is no `prometheus` on the PATH (Debian: apt install prometheus)"
        )
    target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{target.server_port}']}}]}}]\n"
    )
    process = subprocess.Popen(
        [
            shutil.which("prometheus"),
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        _await_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        target.shutdown()
        target.server_close()


def _await_ready(address, process):
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at:
        assert process.poll() is None, "Prometheus did not start"
        try:
            if exchange("GET", f"{address}/-/ready", timeout_s=1).status == 200:
                return
        except NotSent:
            pass
        time.sleep(0.1)
    raise AssertionError("Prometheus was not ready in a minute")


def until(found, wanted):
    """Look until what was seen is what is wanted, at most 30 s."""
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at:
        if wanted(result := found()):
            return result
        time.sleep(0.3)
    raise AssertionError(f"not seen in 30 s; last: {result}")


@pytest.mark.prometheus
def test_a_real_prometheus_answers_and_is_seen_to_go_bad(prometheus):
    config = {"address": prometheus, "query": 'errors{env="{environment}"}', "operator": "<", "threshold": 1}

    def ask(**change):
        return CHECK.look(config | change, "", FACTS, 5)

    Metrics.value = "0.2"
    good = until(ask, lambda result: result.ok)
    assert (good.value, good.detail, good.status) == (0.2, "0.2, must be below 1.", 200)
    assert ask(query="no_such_metric").ok is None
    assert ask(query="no_such_metric", empty_is_ok=True).ok is True
    assert ask(query="scalar(sum(errors))").ok is True
    assert ask(query="errors offset 1h").detail == "The answer is empty: no series."
    assert "range of values" in ask(query="errors[1m]").detail
    assert "bad_data" in ask(query="errors{").detail
    several = ask(query="errors or up", threshold=2)
    assert (several.ok, several.value) == (True, 1)
    assert several.detail.startswith('2 series, the worst {instance="127.0.0.1:')
    assert ask(query="0/0").ok is False

    Metrics.value = "7"
    bad = until(ask, lambda result: result.ok is False)
    assert (bad.value, bad.detail) == (7, "7, must be below 1.")
