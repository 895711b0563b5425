"""A tool that is built for Slipway: it checks the signature, honours the idempotency key and can be polled."""

import json

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.deployments.moody import ServerRig


class HttpRig(ServerRig):
    """POST /deploy starts a run, GET /runs/<key> tells of it, POST /runs/<key>/cancel stops it."""

    driver = "http"
    secret = "whsec_c2xpcHdheS1kcml2ZXJzLW1lZXQtdGhlaXItcmlncw=="

    def __init__(self, folder):
        super().__init__(folder)
        self.runs, self.order, self.told_to_stop = {}, [], []

    @property
    def config(self) -> dict:
        return {"url": f"{self.url}/deploy"}

    def starts(self) -> list[str]:
        return list(self.order)

    def stopped(self) -> list[str]:
        return list(self.told_to_stop)

    def finish(self, key: str, *, ok: bool = True, log: str = "") -> None:
        with self.lock:
            self.runs[key] |= {"status": "succeeded" if ok else "failed", "log": log}

    def purpose(self, method: str, path: str) -> str:
        if path == "/deploy":
            return "start"
        return "stop" if path.endswith("/cancel") else "look"

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple:
        try:
            Webhook(self.secret).verify(body, dict(headers), json_parse=False)
        except WebhookVerificationError:
            return self.failure(401, "The signature is wrong.")
        if (method, path) == ("POST", "/deploy"):
            return self._start(headers["Idempotency-Key"], json.loads(body)["data"])
        key = path.split("/")[2]
        if key not in self.runs:
            return self.failure(404, "No such run.")
        if path.endswith("/cancel"):
            self.told_to_stop.append(key)
            self.runs[key] |= {"status": "failed", "detail": "Cancelled."}
        return 200, self.runs[key]

    def _start(self, key: str, data: dict) -> tuple:
        if data["key"] != key:
            return self.failure(422, "The key of the body is another one than that of the headers.")
        if key not in self.runs:
            self.order.append(key)
            addresses = {"poll_url": f"/runs/{key}", "cancel_url": f"/runs/{key}/cancel"}
            self.runs[key] = {"status": "running", "log": "", **addresses}
        return 202, self.runs[key]


rig = HttpRig
