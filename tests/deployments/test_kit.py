"""What drivers on the kit share: the meaning of every way in which a tool fails, bounds, and a secret that stays one."""

import base64
import json
import socket
import time
from dataclasses import replace

import pytest
import requests

from deployments.drivers import BadCallback, Call, HookRefused, OutcomeUnknown, Progress, Unreachable
from deployments.drivers.kit import Field, Tool, fetched, session
from deployments.drivers.signed import signature
from tests.deployments.counterpart import Counterpart

SECRET = "glpat-3Qk/9+tokens=every where"


class Odd(Exception):
    """What a client library raises: a text of its own, and the status somewhere."""

    def __init__(self, text, status):
        super().__init__(text)
        self.response_code = status


class Forge(Tool):
    """Begins with a question and a POST, as most tools want it."""

    label = "Forge"
    fields = (
        Field("url", "Address", kind="address"),
        Field("ref", "Branch or tag", pattern=r"[\w./{}-]+", default="main", filled=True),
        Field("inputs", "Inputs", kind="inputs", required=False, filled=True),
        Field("notes", "Notes", kind="lines", required=False, shown=False),
        Field("jobs", "Jobs", kind="number", required=False),
    )
    asks_first = False

    def begin(self, call):
        if self.asks_first:
            self.get(call, "/ready")
        answer = self.at(call).post(call.config["url"] + "/runs", json={"key": call.key})
        self.checked(answer)
        return {"id": answer.json()["id"]}

    def find(self, call):
        found = self.get(call, "/runs").json()
        return {"id": found[0]["id"]} if found else None

    def look(self, call, handle, log_offset):
        return Progress(self.get(call, f"/runs/{handle['id']}").json()["status"], "", log_offset)

    def stop(self, call, handle):
        self.checked(self.at(call).delete(f"{call.config['url']}/runs/{handle['id']}"))

    def at(self, call):
        made = session()
        made.headers["Authorization"] = f"Bearer {call.secret}"
        return made

    def get(self, call, path):
        return self.checked(self.at(call).get(call.config["url"] + path))

    def checked(self, answer):
        if answer.status_code >= 300:
            raise Odd(f"{answer.status_code} {answer.text} {dict(answer.request.headers)}", answer.status_code)
        return answer


@pytest.fixture
def tool():
    with Counterpart() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(settings):
    settings.HOOK_TIMEOUT_S = 0.5
    settings.HOOK_HOSTS = []


@pytest.fixture
def forge():
    return Forge()


@pytest.fixture
def call(tool):
    def make(**more):
        return Call("deploy-7-1", {"url": tool.url}, {"version": "4.8.0"}, 60, SECRET, **more)

    return make


def posts(tool):
    return [path for method, path, *_ in tool.requests if method == "POST"]


def test_a_run_is_begun_once_and_its_handle_can_be_kept(tool, forge, call):
    tool.answers["/runs"] = (201, {"id": 5})
    handle = json.loads(json.dumps(forge.start(call())))
    assert handle["id"] == 5
    assert posts(tool) == ["/runs"]


def test_a_tool_that_is_not_there_was_not_called(forge):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port} could not be reached"):
        forge.start(Call("k", {"url": f"http://127.0.0.1:{port}"}))


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"oops"),
        (502, b""),
        (408, b"late"),
        (409, b"under way"),
        (201, b"<html>sign in</html>"),
        (201, [1]),
        (201, b"x" * 6_000_000, {"Content-Type": "application/json"}),
        "hang",
        "close",
        "half",
        "drip",
    ],
)
def test_whatever_leaves_open_if_the_run_began_is_unknown_quickly_and_not_tried_again(tool, forge, call, answer):
    tool.answers["/runs"] = answer
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        forge.start(call())
    assert time.monotonic() - began < 2
    assert posts(tool) == ["/runs"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_one_and_says_the_tools_words(tool, forge, call, status):
    tool.answers["/runs"] = (status, b"no such branch")
    with pytest.raises(HookRefused, match=f"Forge answered {status}.*no such branch"):
        forge.start(call())


@pytest.mark.parametrize(
    "answer",
    [
        (429, b"slow down", {"Retry-After": "30"}),
        (403, b"secondary rate limit", {"Retry-After": "30"}),
        (403, b"rate limit", {"X-RateLimit-Remaining": "0"}),
    ],
)
def test_a_tool_with_too_many_calls_is_called_later(tool, forge, call, answer):
    tool.answers["/runs"] = answer
    with pytest.raises(Unreachable, match="too many calls"):
        forge.start(call())


@pytest.mark.parametrize("answer", [(500, b"oops"), "hang", "close", "half", (200, b"x" * 6_000_000)])
def test_a_question_that_fails_before_anything_was_begun_may_be_asked_again(tool, forge, call, answer):
    forge.asks_first = True
    tool.answers["/ready"] = answer
    with pytest.raises(Unreachable):
        forge.start(call())
    assert posts(tool) == []


def test_a_refusal_after_something_was_begun_leaves_it_open(tool, forge, call, monkeypatch):
    tool.answers |= {"/runs": (201, {"id": 5}), "/ready": (404, b"gone")}
    begin = forge.begin
    monkeypatch.setattr(forge, "begin", lambda call: begin(call) and forge.get(call, "/ready"))
    with pytest.raises(OutcomeUnknown, match="not known"):
        forge.start(call())


def test_an_error_of_a_library_that_says_nothing_is_unknown(forge, call, monkeypatch):
    monkeypatch.setattr(forge, "begin", lambda call: {}["status"])
    with pytest.raises(OutcomeUnknown):
        forge.start(call())


def test_an_error_of_another_transport_is_read_by_its_kind(forge, call, monkeypatch):
    def raises(error):
        def begin(call):
            raise error

        monkeypatch.setattr(forge, "begin", begin)
        with pytest.raises((Unreachable, HookRefused, OutcomeUnknown)) as caught:
            forge.start(call())
        return caught.type

    import urllib3

    refused = urllib3.exceptions.NewConnectionError(None, "refused")
    assert raises(urllib3.exceptions.MaxRetryError(None, "/", refused)) is Unreachable
    assert raises(requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", refused))) is Unreachable
    assert raises(urllib3.exceptions.ReadTimeoutError(None, "/", "late")) is OutcomeUnknown
    assert raises(requests.ReadTimeout("late")) is OutcomeUnknown
    assert raises(Odd("no", 403)) is HookRefused
    assert raises(Odd("conflict", 409)) is OutcomeUnknown
    assert raises(Odd("broken", 500)) is OutcomeUnknown
    assert raises(Odd("slow down", 429)) is Unreachable


def test_a_call_in_doubt_is_looked_for_and_never_begun(tool, forge, call):
    tool.answers["/runs"] = (200, [{"id": 9}])
    assert forge.start(call(repeated=True))["id"] == 9
    assert posts(tool) == []


@pytest.mark.parametrize("answer", [(200, []), (401, b"bad credentials"), (404, b"gone")])
def test_a_call_in_doubt_that_is_not_found_asks_a_person(tool, forge, call, answer):
    tool.answers["/runs"] = answer
    with pytest.raises(OutcomeUnknown, match="Look there first"):
        forge.start(call(repeated=True))
    assert posts(tool) == []


def test_a_call_in_doubt_is_looked_for_again_when_the_tool_is_down(tool, forge, call):
    tool.answers["/runs"] = (503, b"")
    with pytest.raises(Unreachable):
        forge.start(call(repeated=True))


@pytest.mark.parametrize(
    "answer", [(401, b"expired"), (404, b"gone"), (500, b"oops"), (429, b""), "hang", (200, b"<html>")]
)
def test_a_poll_that_fails_leaves_the_run_running_and_says_why(tool, forge, call, answer):
    tool.answers["/runs/5"] = answer
    progress = forge.poll(call(), {"id": 5, "sent_at": 0}, 12)
    assert (progress.status, progress.log_offset) == ("running", 12)
    assert progress.detail.startswith("The last poll failed: ")
    if isinstance(answer, tuple) and answer[0] in (401, 404):
        assert f"Forge answered {answer[0]}" in progress.detail


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        ((500, b"oops"), "Forge answered 500: "),
        ((200, b"<html>"), "Forge answered, but not in a way that is understood: "),
    ],
)
def test_a_tool_that_answers_a_question_badly_is_not_said_to_be_out_of_reach(tool, forge, call, answer, how):
    tool.answers["/runs/5"] = answer
    detail = forge.poll(call(), {"id": 5, "sent_at": 0}, 0).detail
    assert how in detail
    assert "could not be reached" not in detail


def test_a_run_without_a_handle_is_looked_for_before_it_is_looked_at_or_stopped(tool, forge, call):
    tool.answers |= {"/runs": (200, [{"id": 5}]), "/runs/5": (200, {"status": "running"})}
    assert forge.poll(call(), {}).status == "running"
    assert forge.cancel(call(), {}) is True
    assert tool.requests[-1][:2] == ("DELETE", "/runs/5")
    tool.answers["/runs"] = (200, [])
    assert forge.poll(call(), {}).status == "unknown"
    assert forge.cancel(call(), {}) is False


def test_stopping_tells_whether_it_could_be_told(tool, forge, call):
    tool.answers["/runs/5"] = [(204, b""), (404, b""), "close"]
    assert [forge.cancel(call(), {"id": 5}) for _ in range(3)] == [True, False, False]


def test_a_tool_that_takes_its_time_again_and_again_holds_nobody_for_long(tool, forge, call, monkeypatch):
    tool.answers["/slow"] = "hang"

    def begin(call):
        for _ in range(100):
            try:
                forge.get(call, "/slow")
            except Unreachable as error:
                last = error
        raise last

    monkeypatch.setattr(forge, "begin", begin)
    began = time.monotonic()
    with pytest.raises(Unreachable, match="so slowly"):
        forge.start(call())
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_takes_no_credentials_along(tool, forge, call, status):
    with Counterpart() as elsewhere:
        tool.answers |= {
            "/runs": (status, b"", {"Location": elsewhere.url}),
            "/runs/5": (status, b"", {"Location": elsewhere.url}),
        }
        with pytest.raises(HookRefused, match="redirects are not followed"):
            forge.start(call())
        assert forge.poll(call(), {"id": 5}).status == "running"
        assert elsewhere.requests == []


def test_nothing_is_read_from_the_environment(tool, forge, call, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    (tmp_path / "netrc").chmod(0o600)
    tool.answers["/plain"] = (200, b"")
    assert session().get(tool.url + "/plain").status_code == 200
    assert "Authorization" not in tool.requests[0][2]


def test_a_librarys_own_retries_are_left_aside(tool):
    made = session()
    made.mount("http://", requests.adapters.HTTPAdapter(max_retries=urllib3_retry()))
    tool.answers["/x"] = (503, b"")
    assert made.post(tool.url + "/x").status_code == 503
    assert len(tool.requests) == 1


def urllib3_retry():
    from urllib3.util import Retry

    return Retry(total=5, status_forcelist=[503], allowed_methods=None, backoff_factor=0)


def test_cookies_of_a_tool_come_back_to_it(tool):
    tool.answers["/x"] = (200, b"", {"Set-Cookie": "JSESSIONID=abc; Path=/; HttpOnly"})
    made = session()
    made.get(tool.url + "/x")
    made.get(tool.url + "/x")
    assert tool.requests[1][2]["Cookie"] == "JSESSIONID=abc"


@pytest.mark.parametrize(
    "shown",
    [SECRET, base64.b64encode(f"dana:{SECRET}".encode()).decode(), requests.utils.quote(SECRET, safe="")],
    ids=["plain", "basic", "in an address"],
)
def test_a_secret_that_the_tool_or_its_library_repeats_is_in_no_text(tool, forge, call, caplog, shown, monkeypatch):
    monkeypatch.setattr(
        forge,
        "at",
        lambda call: made if (made := session()).headers.update(Authorization=f"Basic {shown}") is None else None,
    )
    caplog.set_level("DEBUG")
    tool.answers |= {"/runs": (403, f"{shown} may not".encode()), "/runs/5": (500, f"{shown} broke".encode())}
    with pytest.raises(HookRefused, match="may not") as caught:
        forge.start(call())
    progress = forge.poll(call(), {"id": 5})
    for text in (str(caught.value), repr(caught.value), progress.detail, caplog.text, repr(call())):
        assert shown not in text
    assert "•••••" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_what_lies_elsewhere_is_fetched_without_credentials_and_only_where_that_is_allowed(tool, settings):
    with Counterpart() as store:
        store.answers["/log"] = (200, b"it \xe2\x82\xac said", {"Content-Type": "text/plain"})
        assert fetched(store.url + "/log", tool.url) == "it € said"
        assert not {"Authorization", "Private-Token", "Cookie"} & set(store.requests[0][2])
        settings.HOOK_HOSTS = [tool.url.removeprefix("http://")]
        with pytest.raises(HookRefused, match="HOOK_HOSTS"):
            fetched(store.url + "/log", tool.url)


@pytest.mark.parametrize("secret", ["c2VjcmV0c2VjcmV0", ""])
def test_no_callback_is_taken_also_none_that_is_signed_with_the_token(forge, call, secret):
    body = b'{"status": "succeeded"}'
    headers = signature(secret, "msg-1", body)
    with pytest.raises(BadCallback, match="takes no callbacks"):
        forge.callback(replace(call(), secret=secret), {}, headers, body)


@pytest.mark.parametrize(
    ("config", "field", "reason"),
    [
        ({}, "url", "Give the address"),
        ({"url": "ftp://x"}, "url", "must begin with http"),
        ({"url": "https://u:p@x/"}, "url", "user and password"),
        ({"ref": 7}, "ref", "Give a text"),
        ({"ref": "a b"}, "ref", "does not fit"),
        ({"ref": "v{versoin}"}, "ref", "unknown placeholder"),
        ({"inputs": "a=b"}, "inputs", "list of texts"),
        ({"inputs": ["version"]}, "inputs", "write name=value"),
        ({"inputs": ["=x"]}, "inputs", "write name=value"),
        ({"inputs": ["a=1", "a = 2"]}, "inputs", "given twice"),
        ({"inputs": ["a={x}"]}, "inputs", "unknown placeholder"),
        ({"inputs": ["a={"]}, "inputs", "brace"),
        ({"notes": [3]}, "notes", "list of texts"),
        ({"jobs": "3"}, "jobs", "whole number"),
        ({"jobs": True}, "jobs", "whole number"),
        ({"verify": False}, "verify", "no such field"),
    ],
)
def test_a_value_that_will_not_do_is_refused_at_its_field_and_before_any_call(tool, forge, config, field, reason):
    given = {"url": tool.url} | config if "url" not in config and field != "url" else config
    assert list(forge.validate(given)) == [field]
    assert reason in forge.validate(given)[field]
    with pytest.raises(HookRefused):
        forge.start(Call("k", given))
    assert tool.requests == []


def test_only_the_hosts_of_the_settings_are_called(tool, forge, settings):
    settings.HOOK_HOSTS = ["ci.example"]
    assert "HOOK_HOSTS" in forge.validate({"url": tool.url})["url"]


def test_values_are_filled_in_and_left_out_ones_have_their_default(forge, call):
    made = call()
    made.config.update({"inputs": ["version = {version}", "empty=", "braces={{x}}"]})
    assert forge.value(made, "ref") == "main"
    assert forge.value(made, "inputs") == {"version": " 4.8.0", "empty": "", "braces": "{x}"}
    made.config["ref"] = "v{version}"
    assert forge.value(made, "ref") == "v4.8.0"


def test_a_summary_names_what_is_called_and_shows_no_value_and_no_query(forge):
    config = {
        "url": "https://ci.example.org:8443/api?token=abc",
        "inputs": ["password=hunter2", "version={version}"],
        "notes": ["hidden"],
    }
    assert forge.summary(config) == "ci.example.org:8443/api main with password, version"
    for odd in ({}, {"url": 3, "inputs": "x", "ref": None, "jobs": []}, {"url": "http://["}):
        assert isinstance(forge.summary(odd), str)
