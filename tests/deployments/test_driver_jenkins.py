"""The `jenkins` driver against a counterpart that follows Jenkins' remote access API; the moods are in test_rigs."""

import pytest

from deployments.drivers import DRIVERS, Call, HookRefused, OutcomeUnknown, Unreachable
from tests.deployments.rigs import RIGS

KEY = "deploy-7-20261112210004-1-1"
driver = DRIVERS["jenkins"]


@pytest.fixture
def ci(tmp_path, settings):
    settings.HOOK_HOSTS = []
    with RIGS["jenkins"](tmp_path) as rig:
        yield rig


@pytest.fixture
def call(ci):
    def make(key=KEY, *, repeated=False, **config):
        return Call(key, ci.config | config, {"version": "4.8.0"}, 60, ci.secret, repeated=repeated)

    return make


def asked(ci, part):
    return [path for _, path, *_ in ci.server.requests if part in path]


def test_the_job_gets_its_parameters_the_key_and_a_crumb(ci, call):
    driver.start(call())
    assert ci.items[0]["parameters"] == {"VERSION": "4.8.0", "SLIPWAY_KEY": KEY}
    assert next(path for _, path, *_ in ci.server.requests) == "/ci/crumbIssuer/api/json"


def test_a_jenkins_without_crumbs_is_called_as_well(ci, call, monkeypatch):
    monkeypatch.setattr(ci, "_crumb", lambda: ci.failure(404, "Not Found"))
    with pytest.raises(HookRefused, match="No valid crumb"):  # this one asks for them all the same
        driver.start(call())
    assert asked(ci, "buildWithParameters")


def test_a_wrong_token_is_refused_and_appears_in_no_form(ci, caplog):
    caplog.set_level("DEBUG")
    with pytest.raises(HookRefused, match="Jenkins answered 401") as refusal:
        driver.start(Call(KEY, ci.config, {}, 60, "11of-somebody-else"))
    assert "somebody-else" not in str(refusal.value) + caplog.text


def test_a_job_that_is_not_there_is_refused(ci, call):
    with pytest.raises(HookRefused, match="answered 404"):
        driver.start(call(job="ship/other"))


def test_a_crumb_that_cannot_be_had_means_that_nothing_began(ci, call, monkeypatch):
    monkeypatch.setattr(ci, "_crumb", lambda: ci.failure(503, "starting"))
    with pytest.raises(Unreachable):
        driver.start(call())
    assert ci.starts() == []


@pytest.mark.parametrize(
    "answer", [(302, b"", {"Location": "/ci/login"}), (200, b""), (201, b"", {"Location": "/ci/queue/item/x/"})]
)
def test_an_answer_that_names_no_queue_item_leaves_it_open(ci, call, monkeypatch, answer):
    monkeypatch.setattr(ci, "_build", lambda asked: answer)
    with pytest.raises(OutcomeUnknown):
        driver.start(call())
    assert len(asked(ci, "buildWithParameters")) == 1


def test_waiting_in_the_queue_says_why(ci, call):
    ci.keeps_waiting = True
    progress = driver.poll(call(), driver.start(call()))
    assert (progress.status, progress.detail) == ("running", "Waiting for next available executor")


def test_what_waits_is_taken_out_of_the_queue(ci, call):
    ci.keeps_waiting = True
    handle = driver.start(call())
    assert driver.cancel(call(), handle)
    assert driver.poll(call(), handle).status == "failed"
    assert ci.stopped() == [KEY]


def test_a_build_is_stopped_although_jenkins_answers_by_leading_elsewhere(ci, call):
    handle = driver.start(call())
    assert driver.cancel(call(), handle)
    progress = driver.poll(call(), handle)
    assert (progress.status, progress.detail) == ("failed", "Build 1: aborted.")


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ("SUCCESS", "succeeded"),
        ("FAILURE", "failed"),
        ("UNSTABLE", "failed"),
        ("ABORTED", "failed"),
        ("NOT_BUILT", "failed"),
    ],
)
def test_only_success_is_success(ci, call, result, status):
    handle = driver.start(call())
    ci.items[0]["result"] = result
    assert driver.poll(call(), handle).status == status


def test_the_console_is_read_on_from_where_it_was_left(ci, call):
    handle = driver.start(call())
    item = ci.items[0]
    item["console"] = "Started €\nhalf a li".encode()
    first = driver.poll(call(), handle)
    assert (first.output, first.log_offset) == ("Started €\n", 12)  # Jenkins gives whole lines while it builds
    item["console"] = "Started €\nhalf a line\nlive".encode()
    second = driver.poll(call(), handle, first.log_offset)
    assert second.output == "half a line\n"
    item["result"] = "SUCCESS"
    third = driver.poll(call(), handle, second.log_offset)
    assert (third.output, third.log_offset) == ("live", len(item["console"]))
    assert asked(ci, "progressiveText")[-1].endswith(f"start={second.log_offset}")


def test_each_line_is_read_once_although_jenkins_hides_notes_and_sends_other_line_ends(ci, call):
    handle = driver.start(call())
    item, said, offset = ci.items[0], "", 0
    for n in range(4):
        item["console"] += f"\x1b[8mha:AAAA{'x' * 40}==\x1b[0mline {n} €\nplain {n}\n".encode()
        progress = driver.poll(call(), handle, offset)
        said, offset = said + progress.output, progress.log_offset
    assert said == "".join(f"line {n} €\nplain {n}\n" for n in range(4))
    assert offset == len(item["console"])


def test_short_lines_are_not_repeated_although_they_arrive_longer_than_they_are(ci, call):
    handle = driver.start(call())
    ci.items[0]["console"] = b"a\n" * 50
    first = driver.poll(call(), handle)
    assert first.output == "a\n" * 50
    assert driver.poll(call(), handle, first.log_offset).output == ""


def test_a_build_that_is_over_is_followed_until_its_console_is(ci, call):
    handle = driver.start(call())
    item = ci.items[0]
    item |= {"result": "SUCCESS", "log_goes_on": True, "console": b"Sending mail\n"}
    first = driver.poll(call(), handle)
    assert (first.status, first.output) == ("running", "Sending mail\n")
    item |= {"log_goes_on": False, "console": b"Sending mail\nFinished: SUCCESS\n"}
    second = driver.poll(call(), handle, first.log_offset)
    assert (second.status, second.output) == ("succeeded", "Finished: SUCCESS\n")


def test_a_build_is_followed_when_jenkins_has_forgotten_its_queue_item(ci, call):
    handle = driver.start(call())
    ci.forgets = True
    ci.finish(KEY, log="live")
    progress = driver.poll(call(), handle)
    assert (progress.status, progress.output) == ("succeeded", "live")


@pytest.mark.parametrize("waits", [True, False])
def test_a_call_in_doubt_is_found_in_the_queue_and_among_the_builds(ci, call, waits):
    driver.start(call(key="another"))
    ci.keeps_waiting = waits
    driver.start(call())
    handle = driver.start(call(repeated=True))
    assert {name: value for name, value in handle.items() if name != "sent_at"} == (
        {"queue": 41} if waits else {"build": 2}
    )
    assert ci.starts() == ["another", KEY]
    with pytest.raises(OutcomeUnknown, match="Look there first"):
        driver.start(call(key="never-made", repeated=True))


def test_the_environment_adds_no_headers(ci, call, monkeypatch):
    monkeypatch.setenv("JENKINS_API_EXTRA_HEADERS", "X-Odd: 1")
    driver.start(call())
    assert all("X-Odd" not in headers for _, _, headers, _ in ci.server.requests)


@pytest.mark.parametrize("job", ["", "/deploy", "ship//deploy", "a?b", "a#b", "a/../b", ".."])
def test_a_job_that_is_none_is_refused_at_its_field(ci, job):
    assert "job" in driver.validate(ci.config | {"job": job})


def test_the_summary_names_server_and_job_and_shows_no_value(ci):
    config = {"url": "https://ci.example.org/x", "job": "ship/deploy", "parameters": ["NOTE=hush"], "user": "slipway"}
    assert driver.summary(config) == "ci.example.org/x ship/deploy with NOTE slipway"
