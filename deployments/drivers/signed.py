"""Messages signed as Standard Webhooks has it (standardwebhooks.com), and the report that a tool makes of a run."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from deployments.drivers.protocol import BadCallback, Call, HookRefused, Progress

STATUSES = ("running", "succeeded", "failed")


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


def report_of(call: Call, headers: dict[str, str], body: bytes) -> Progress:
    """What a signed message `{"status", "detail", "log", "progress", "key"}` says of a call. Raises BadCallback."""
    verify(call.secret, headers, body)
    report = parse_report(body)
    if report is None or not report.status:
        raise BadCallback(f"The body must be a JSON object with a status out of {', '.join(STATUSES)}.")
    if report.key not in ("", call.key):
        raise BadCallback("The message speaks of another run.")
    message_id = next((value for name, value in headers.items() if name.lower() == "webhook-id"), "")
    return Progress(report.status, report.log, 0, report.detail, report.progress, message_id)


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
