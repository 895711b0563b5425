"""The `http` check: an address answers with a status, and says a text."""

import time

from deployments import probe
from deployments.checks.health import below
from deployments.checks.protocol import Field, Kind, NotKnown, Result, fill, since
from deployments.drivers.fields import host_and_path


class HttpCheck(Kind):
    """Gets an address once. Redirects are followed on the same host only; with a token on the same origin only."""

    label = "HTTP probe"
    what = "An address answers as it should."
    fields = (
        Field(
            "address",
            "Address",
            "A path below the environment's address, such as /ready, or a whole address.",
            kind="place",
        ),
        Field("status", "Expected status", kind="number", default=200),
        Field(
            "text",
            "Expected text",
            "Must stand in the answer. {version}, {environment} and {product} are filled in.",
            required=False,
        ),
    )
    secret_label = "Token"  # noqa: S105 - what the form calls it
    secret_help = "Sent as a bearer token, if one is set."  # noqa: S105

    def validate(self, config: dict) -> dict[str, str]:
        problems = super().validate(config)
        if "status" not in problems and not 100 <= self.whole(config)["status"] <= 599:
            problems["status"] = "An HTTP status is a number from 100 to 599."
        return problems

    def asked(self, config: dict) -> str:
        config = self.whole(config)
        address = config["address"]
        shown = address.partition("?")[0] if address.startswith("/") else host_and_path(address)
        text = f" with “{config['text']}”" if config["text"] else ""
        return f"{shown} answers {config['status']}{text}"

    def look(self, config: dict, secret: str, facts: dict, timeout_s: float) -> Result:
        began, config = time.monotonic(), self.whole(config)
        address = config["address"]
        if address.startswith("/"):
            if not facts.get("address"):
                return Result(None, "The environment has no address, so a path cannot be asked.")
            address = below(facts["address"], address)
        try:
            text = fill(config["text"], facts)
        except NotKnown as error:
            return Result(None, str(error))
        seen = probe.probe(address, expect_status=config["status"], expect_text=text, token=secret, timeout_s=timeout_s)
        return Result(seen.ok, seen.detail, elapsed_ms=since(began), status=seen.status)


check = HttpCheck()
