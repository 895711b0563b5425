"""The `http` driver: a signed request to a tool, then its callback or polling.

Requests and callbacks are signed as Standard Webhooks has it (standardwebhooks.com). The key travels as
`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) and as `webhook-id`, and a repeat has the same body.
"""

import json
import time
from dataclasses import replace
from urllib.parse import urlsplit

from django.conf import settings

from deployments.drivers.fields import Field, host_and_path
from deployments.drivers.hosts import address_trouble, same_origin
from deployments.drivers.masking import looks_of, masked, shortened
from deployments.drivers.protocol import (
    Call,
    Handle,
    HookRefused,
    OutcomeUnknown,
    Progress,
    Unreachable,
)
from deployments.drivers.signed import Report, parse_report, report_of, signature
from deployments.drivers.wire import Answer, Broken, NotSent, exchange

MAY_HAVE_STARTED = (408, 409)  # gave up waiting; a call with this key is under way
EXCERPT_CHARACTERS, DETAIL_CHARACTERS = 300, 2_000
HANDLE_LOG_CHARACTERS = 100_000
USER_AGENT = "Slipway"


class HttpDriver:
    """Posts a call to a URL and follows the run.

    Configuration: `url`, http or https; settings.HOOK_HOSTS, when not empty, lists the allowed hosts ("ci.example.org",
    "*.example.org", "ci.example.org:8443"). The body is `{"type": "deployment.<action>", "data": {…inputs, "key",
    "timeout_s", "callback_url"}}`. The tool answers 2xx, best with JSON `{"status": "running" | "succeeded" | "failed",
    "detail", "log", "progress", "poll_url", "cancel_url"}`, each optional. `log` is the whole log so far, `progress` 0 to 1;
    the two addresses must have the origin of `url`. A GET of poll_url is answered with the same JSON.
    """

    label = "HTTP call"
    about = "Posts a signed request to any address, then waits for a callback or asks again."
    fields = (Field("url", "Address", "Gets a signed POST when a deployment comes to this step.", kind="address"),)
    secret_label = "Secret"  # noqa: S105 - what the form calls it
    patience = 1

    def __init__(self, timeout_s: float | None = None, hosts: list[str] | None = None):
        """What is left out comes from the settings HOOK_TIMEOUT_S and HOOK_HOSTS at each call."""
        self._timeout_s, self._hosts = timeout_s, hosts

    @property
    def timeout_s(self) -> float:
        return self._timeout_s or settings.HOOK_TIMEOUT_S

    @property
    def hosts(self) -> list[str]:
        return getattr(settings, "HOOK_HOSTS", []) if self._hosts is None else self._hosts

    def validate(self, config: dict) -> dict[str, str]:
        """The trouble per field (`url`, or the name of an unknown field)."""
        problems = dict.fromkeys(set(config) - {"url"}, "This hook knows no such field.")
        if trouble := address_trouble(config.get("url"), self.hosts):
            problems["url"] = trouble
        return problems

    def summary(self, config: dict) -> str:
        return host_and_path(config.get("url"))

    def start(self, call: Call) -> Handle:
        """Send the call. A 4xx answer raises HookRefused, no connection Unreachable, all else that is no answer OutcomeUnknown."""
        if problems := self.validate(call.config):
            raise HookRefused(" ".join(problems.values()))
        answer = self._send(call, "POST", call.config["url"], body_of(call))
        require_acceptance(answer)
        report = read_report(answer)
        if report.garbage:
            raise OutcomeUnknown(
                f"The tool answered {answer.status}, but not in a way that can be read: {excerpt(answer)}"
            )
        return self._handle(call, report)

    def poll(self, call: Call, handle: Handle, log_offset: int = 0) -> Progress:
        """The tool's own word, or "running" while a callback is awaited; `log_offset` counts characters of its log.

        Unknown once the time is over without a result, where the tool gave no cancel_url; one that can be told to stop runs until
        it has been. A poll that fails leaves the run running until then.
        """
        if handle.get("status") in ("succeeded", "failed"):
            return _progress(handle, log_offset)
        if not handle.get("poll_url"):
            return self._waiting(call, handle, log_offset, str(handle.get("detail", "")))
        try:
            answer = self._send(call, "GET", str(handle["poll_url"]), b"")
        except HookRefused as refusal:
            return Progress("unknown", "", log_offset, str(refusal))
        except (Unreachable, OutcomeUnknown) as error:
            return self._waiting(call, handle, log_offset, f"The last poll failed: {error}")
        if answer.status >= 500 or answer.status in (408, 429):
            return self._waiting(
                call, handle, log_offset, f"The last poll was answered {answer.status}: {excerpt(answer)}"
            )
        report = read_report(answer)
        if not answer_is_ok(answer) or report.garbage or not report.status:
            return Progress("unknown", "", log_offset, f"The poll was answered {answer.status}: {excerpt(answer)}")
        if report.status == "running":
            return self._waiting(call, handle, log_offset, report.detail, report)
        return _progress(vars(report), log_offset)

    def cancel(self, call: Call, handle: Handle) -> bool:
        """Post to the tool's cancel_url; False when it gave none or does not accept."""
        if not handle.get("cancel_url"):
            return False
        try:
            return answer_is_ok(self._send(call, "POST", str(handle["cancel_url"]), body_of(call)))
        except (HookRefused, Unreachable, OutcomeUnknown):
            return False

    def callback(self, call: Call, handle: Handle, headers: dict[str, str], body: bytes) -> Progress:
        """What a signed message says: `{"status", "detail", "log", "progress", "key"}`.

        Here `log` is text to append. `key`, when given, must be the call's. Raises BadCallback when the signature, its
        time (5 minutes either way) or the content is wrong, or when the hook has no secret to check it with.
        """
        return report_of(call, headers, body)

    def _send(self, call: Call, method: str, url: str, body: bytes) -> Answer:
        headers = {"Idempotency-Key": call.key, "User-Agent": USER_AGENT, "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        headers |= signature(call.secret, call.key, body)
        try:
            return exchange(method, url, headers=headers, content=body, timeout_s=self.timeout_s)
        except NotSent as error:
            raise Unreachable(f"{urlsplit(url).netloc} could not be reached: {error}") from error
        except Broken as error:
            raise OutcomeUnknown(f"{urlsplit(url).netloc} was called, but gave no answer: {error}") from error

    def _handle(self, call: Call, report: Report) -> Handle:
        looks = looks_of(call.secret)  # a handle is kept as it is
        detail, log = shortened(report.detail, looks, DETAIL_CHARACTERS), masked(report.log, looks)
        handle = {"sent_at": time.time(), "status": report.status or "running", "detail": detail}
        handle |= {"log": log[:HANDLE_LOG_CHARACTERS], "progress": report.progress}
        for name in ("poll_url", "cancel_url"):
            handle[name] = same_origin(getattr(report, name), call.config["url"])
            if getattr(report, name) and not handle[name]:
                handle["detail"] = f"The tool's {name} was left aside: it has another origin than the hook."
        return handle

    def _waiting(
        self, call: Call, handle: Handle, log_offset: int, detail: str, report: Report | None = None
    ) -> Progress:
        """What to say while there is no result: running; unknown once the time is over of one that cannot be told to stop."""
        known = _progress(vars(report) if report else handle, log_offset)
        if handle.get("cancel_url") or time.time() < float(handle.get("sent_at", 0)) + call.timeout_s:
            return replace(known, status="running", detail=detail)
        return replace(known, status="unknown", detail=f"No result within {call.timeout_s:g} s. {detail}".strip())


def read_report(answer: Answer) -> Report:
    """What an accepting answer says. Nothing, or a plain word such as "ok", is no garbage: it only says nothing."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    if not answer.cut and (not answer.body.strip() or kind == "text/plain"):
        return Report()
    return (not answer.cut and parse_report(answer.body)) or Report(garbage=True)


def _progress(report: dict, log_offset: int) -> Progress:
    log = str(report.get("log", ""))
    output = log[log_offset:]
    status, detail = report.get("status") or "running", str(report.get("detail", ""))
    return Progress(status, output, log_offset + len(output), detail, report.get("progress"))


def body_of(call: Call) -> bytes:
    """The request's body; the same call always gives the same bytes."""
    data = call.inputs | {"key": call.key, "timeout_s": call.timeout_s, "callback_url": call.callback_url}
    message = {"type": f"deployment.{call.inputs.get('action', 'deploy')}", "data": data}
    return json.dumps(message, sort_keys=True, default=str).encode()


def require_acceptance(answer: Answer) -> None:
    """Raise what an answer other than 2xx means for the run."""
    said = f"The tool answered {answer.status}: {excerpt(answer)}"
    if answer.status >= 500 or answer.status in MAY_HAVE_STARTED:
        raise OutcomeUnknown(said)
    if answer.status >= 400:
        raise HookRefused(said)
    if not answer_is_ok(answer):
        raise HookRefused(f"The tool answered {answer.status}; redirects are not followed, so give its final address.")


def answer_is_ok(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def excerpt(answer: Answer) -> str:
    """The beginning of a body on one line, for a person."""
    text = " ".join(answer.text.split())
    if len(text) > EXCERPT_CHARACTERS:
        text = text[:EXCERPT_CHARACTERS] + "…"
    return text or "(nothing)"


driver = HttpDriver()
