"""The `external` check: another system is asked by a signed POST and answers whether it is well.

Signed as Standard Webhooks has it (standardwebhooks.com); `webhook-id` names the look, so a repeat is known as one.
"""

import json
import time
from datetime import UTC, datetime

from deployments.checks.protocol import Field, Kind, Result, excerpt, since
from deployments.drivers.fields import host_and_path
from deployments.drivers.protocol import HookRefused
from deployments.drivers.signed import clean, signature, signer
from deployments.drivers.wire import Answer, Broken, NotSent, exchange

MAX_BYTES = 100_000
TOLD = (
    "product",
    "environment",
    "address",
    "deployment",
    "kind",
    "candidate",
    "version",
    "commit",
    "artifact_digest",
    "previous_version",
    "sample",
    "check",
)


class ExternalCheck(Kind):
    """Posts `{"type": "deployment.check", "timestamp", "data": {…facts}}`; the answer is `{"ok": true, false or null, "detail"}`.

    null, no `ok`, or any answer but 2xx is no answer yet.
    """

    label = "External gate"
    what = "Another system is asked and answers whether it is well."
    fields = (Field("url", "Address", "Gets a signed POST with what is deployed, in every sample.", kind="address"),)
    secret_label = "Signing secret"  # noqa: S105 - what the form calls it
    secret_help = "Base64, with or without “whsec_” before it; the other system checks the signature with it."  # noqa: S105
    needs_secret = True

    def secret_trouble(self, secret: str) -> str:
        if trouble := super().secret_trouble(secret):
            return trouble
        try:
            signer(secret)
        except HookRefused:
            return "The secret must be base64, with or without “whsec_” before it."
        return ""

    def asked(self, config: dict) -> str:
        return f"{host_and_path(config['url'])} says that it is well"

    def look(self, config: dict, secret: str, facts: dict, timeout_s: float) -> Result:
        began = time.monotonic()
        body = body_of(facts)
        try:
            headers = signature(secret, str(facts["look"]), body)
            answer = exchange(
                "POST",
                config["url"],
                headers={"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Slipway"}
                | headers,
                content=body,
                timeout_s=timeout_s,
                max_bytes=MAX_BYTES,
            )
        except (NotSent, Broken, HookRefused) as error:
            return Result(None, f"No answer: {error}", elapsed_ms=since(began))
        ok, detail = read(answer)
        return Result(ok, detail, elapsed_ms=since(began), status=answer.status)


def body_of(facts: dict) -> bytes:
    """The JSON that is sent: type, timestamp (UTC, ISO 8601) and the facts in TOLD, as Standard Webhooks shape a message."""
    data = {name: facts.get(name) for name in TOLD}
    message = {"type": "deployment.check", "timestamp": datetime.now(UTC).isoformat(), "data": data}
    return json.dumps(message, sort_keys=True, default=str).encode()


def read(answer: Answer) -> tuple[bool | None, str]:
    """(whether it is well, in words) as the other system says."""
    if not 200 <= answer.status < 300:
        return None, f"No answer: it answered {answer.status}. {excerpt(answer.text)}".strip()
    try:
        content = None if answer.cut else json.loads(answer.body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return None, f"No answer that can be read: {excerpt(answer.text) or 'nothing'}"
    ok, detail = content.get("ok"), excerpt(clean(content.get("detail")))
    if ok is None:
        return None, detail or "It has not decided yet."
    if not isinstance(ok, bool):
        return None, f"Its answer is neither true nor false: {excerpt(json.dumps(ok))}"
    return ok, detail or ("It says: well." if ok else "It says: not well.")


check = ExternalCheck()
