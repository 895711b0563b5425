"""The `http` driver: a signed request to a tool, then its callback or polling.

Requests and callbacks are signed as Standard Webhooks has it (standardwebhooks.com). The key travels as
`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) and as `webhook-id`, and a repeat has the same body.
"""

import json
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from deployments.drivers.protocol import (
    BadCallback,
    Call,
    Handle,
    HookRefused,
    OutcomeUnknown,
    Progress,
    Unreachable,
)
from deployments.drivers.wire import Answer, Broken, NotSent, exchange

STATUSES = ("running", "succeeded", "failed")
MAY_HAVE_STARTED = (408, 409)  # gave up waiting; a call with this key is under way
EXCERPT_CHARACTERS = 300
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
        if trouble := self._url_trouble(config.get("url")):
            problems["url"] = trouble
        return problems

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

        Unknown once the time is over without a result. A poll that fails leaves the run running until then.
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
        verify(call.secret, headers, body)
        report = parse_report(body)
        if report is None or not report.status:
            raise BadCallback(f"The body must be a JSON object with a status out of {', '.join(STATUSES)}.")
        if report.key not in ("", call.key):
            raise BadCallback("The message speaks of another run.")
        message_id = next((value for name, value in headers.items() if name.lower() == "webhook-id"), "")
        return Progress(report.status, report.log, 0, report.detail, report.progress, message_id)

    def _url_trouble(self, url: object) -> str:
        if not isinstance(url, str) or not url:
            return "Give the address to call."
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return "This is no valid address."
        if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in url):
            return "The address must begin with http:// or https:// and name a host."
        if parts.username or parts.password:
            return "Leave user and password out of the address: it is shown to people. Use the hook's secret."
        if self.hosts and not any(host_matches(allowed, parts.hostname, port) for allowed in self.hosts):
            return f"The settings (HOOK_HOSTS) do not allow calls to {parts.netloc}."
        return ""

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

    def _handle(self, call: Call, report: "Report") -> Handle:
        handle = {"sent_at": time.time(), "status": report.status or "running", "detail": report.detail}
        handle |= {"log": report.log[:HANDLE_LOG_CHARACTERS], "progress": report.progress}
        for name in ("poll_url", "cancel_url"):
            handle[name] = same_origin(getattr(report, name), call.config["url"])
            if getattr(report, name) and not handle[name]:
                handle["detail"] = f"The tool's {name} was left aside: it has another origin than the hook."
        return handle

    def _waiting(
        self, call: Call, handle: Handle, log_offset: int, detail: str, report: "Report | None" = None
    ) -> Progress:
        """What to say while there is no result: running, or unknown once the time is over."""
        known = _progress(vars(report) if report else handle, log_offset)
        if time.time() < float(handle.get("sent_at", 0)) + call.timeout_s:
            return replace(known, status="running", detail=detail)
        return replace(known, status="unknown", detail=f"No result within {call.timeout_s:g} s. {detail}".strip())


@dataclass(frozen=True)
class Report:
    """A tool's answer as far as it could be read; `status` is empty when it said nothing of it."""

    status: str = ""
    detail: str = ""
    log: str = ""
    progress: float | None = None
    poll_url: str = ""
    cancel_url: str = ""
    key: str = ""
    garbage: bool = field(default=False, repr=False)


def read_report(answer: Answer) -> Report:
    """What an accepting answer says. Nothing, or a plain word such as "ok", is no garbage: it only says nothing."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    if not answer.cut and (not answer.body.strip() or kind == "text/plain"):
        return Report()
    return (not answer.cut and parse_report(answer.body)) or Report(garbage=True)


def parse_report(body: bytes) -> Report | None:
    """The report in a JSON body, or None when it holds none; unknown fields are left aside."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("status", "running") not in STATUSES:
        return None
    texts = {name: clean(content.get(name)) for name in ("status", "detail", "log", "poll_url", "cancel_url", "key")}
    share = content.get("progress")
    is_share = isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1
    return Report(**texts, progress=float(share) if is_share else None)


def clean(value: object) -> str:
    """A text that the database can hold; anything but a text is empty."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode() if isinstance(value, str) else ""


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


def origin(url: str) -> tuple:
    """Scheme, host and port, as RFC 6454 compares them; None stands for what cannot be read."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None, None, None


def same_origin(address: str, base: str) -> str:
    """`address`, which may be relative to `base`, in full; "" when it is empty or leads to another origin."""
    try:
        joined = urljoin(base, address) if address else ""
    except ValueError:
        return ""
    return joined if joined and origin(joined) == origin(base) else ""


def host_matches(allowed: str, host: str, port: int | None) -> bool:
    name, _, wanted_port = allowed.lower().partition(":")
    if wanted_port and wanted_port != str(port):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def signature(secret: str, key: str, body: bytes) -> dict[str, str]:
    """The Standard Webhooks headers for a body, none without a secret. Raises HookRefused when the secret is no base64."""
    if not secret:
        return {}
    now = datetime.now(UTC)
    signed = signer(secret).sign(key, now, body.decode())
    return {"webhook-id": key, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signed}


def signer(secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError):
        raise HookRefused("The hook's secret must be base64, with or without “whsec_” before it.") from None


def verify(secret: str, headers: dict[str, str], body: bytes) -> None:
    """Raise BadCallback unless the message was signed with the secret in the last five minutes."""
    if not secret:
        raise BadCallback("The hook has no secret, so a callback cannot be checked.")
    try:
        signer(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError, HookRefused) as error:
        raise BadCallback(f"The callback's signature is not accepted: {error}") from error
