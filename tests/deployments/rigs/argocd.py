"""An Argo CD server with one application, and the controller that carries out its syncs, a step at each look.

What it is asked and what it answers fits the published description (strict, tests/deployments/argocd_forms.py). Its refusals are
those of server/application/application.go and util/argo/argo.go: gRPC's codes over HTTP, with "another operation is already in
progress" as FailedPrecondition, which the gateway answers with 400.
"""

import copy
import json
from datetime import UTC, datetime

from tests.deployments.argocd_forms import valid
from tests.deployments.moody import ServerRig

APPLICATION = "payments-staging"
PATH = f"/api/v1/applications/{APPLICATION}"
INVALID_ARGUMENT, PERMISSION_DENIED, FAILED_PRECONDITION, INTERNAL, UNAUTHENTICATED = 3, 7, 9, 13, 16


class ArgoRig(ServerRig):
    """`finish` lets the sync of a key end and the application become healthy; until then it goes on."""

    driver = "argocd"
    secret = "eyJhbGciOiJIUzI1NiJ9.an-account-token"

    def __init__(self, folder):
        super().__init__(folder)
        self.order, self.told_to_stop, self.ends, self.requests = [], [], {}, []
        self.health_after, self.compares_at_once = "Healthy", True
        source = {"repoURL": "https://git.example.org/payments.git", "path": "staging", "targetRevision": "HEAD"}
        spec = {"project": "default", "source": source, "destination": {"namespace": "payments"}}
        status = {
            "sync": {"status": "Synced", "revision": "4.7.0"},
            "health": {"status": "Healthy"},
            "reconciledAt": now(),
        }
        metadata = {"name": APPLICATION, "namespace": "argocd", "resourceVersion": "1"}
        self.application = {"metadata": metadata, "spec": spec, "status": status}

    @property
    def config(self) -> dict:
        return {"server": self.url, "application": APPLICATION, "revision": "v{version}"}

    def starts(self) -> list[str]:
        return list(self.order)

    def stopped(self) -> list[str]:
        return list(self.told_to_stop)

    def finish(self, key: str, *, ok: bool = True, log: str = "") -> None:
        assert key in self.order, "this sync was never started"
        self.ends[key] = (ok, log)

    def purpose(self, method: str, path: str) -> str:
        return {"POST": "start", "DELETE": "stop"}.get(method, "look")

    def failure(self, status: int, text: str, code: int | None = None) -> tuple:
        code = code or {401: UNAUTHENTICATED, 403: PERMISSION_DENIED, 500: INTERNAL}.get(status, INVALID_ARGUMENT)
        return status, valid("a refusal", {"error": text, "code": code, "message": text})

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple:
        self.requests.append((method, path, body))
        if headers.get("Authorization") != f"Bearer {self.secret}":
            return self.failure(401, "invalid session: token signature is invalid")
        if (method, path) == ("POST", f"{PATH}/sync"):
            return self._sync(valid("a request to sync", json.loads(body)))
        if (method, path) == ("DELETE", f"{PATH}/operation"):
            return self._terminate()
        if (method, path) != ("GET", PATH):
            return self.failure(403, "permission denied")  # also for what is not there: nobody shall find out
        self.turn()
        return 200, self._shown()

    def sync_by_somebody_else(self) -> None:
        """As by hand, or by the application's own automated sync."""
        self._begin({"sync": {"revision": "HEAD"}, "initiatedBy": {"automated": True}})
        self.turn()
        self.turn()

    def turn(self) -> None:
        """One step of the controller."""
        wanted, status = self.application.get("operation"), self.application["status"]
        state = status.get("operationState")
        if wanted and state is None:
            made = {
                "operation": wanted,
                "phase": "Running",
                "message": "waiting for completion of hook",
                "startedAt": now(),
            }
            status["operationState"] = made
        elif state and state["phase"] == "Terminating":
            self._end("Failed", "Operation terminated")
        elif state and state["phase"] == "Running":
            self._go_on(key_of(state["operation"]))
        elif state and status["reconciledAt"] < state["finishedAt"]:
            self._compare()

    def _go_on(self, key: str) -> None:
        if key and key not in self.ends:
            return
        ok, log = self.ends.get(key, (True, ""))
        rows = [
            {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "payments", "name": "payments-api"}
        ]
        rows[0] |= {
            "status": "Synced" if ok else "SyncFailed",
            "message": log or "deployment.apps/payments-api configured",
        }
        result = {"resources": rows, "revision": "4be1f02c9d7a", "source": self.application["spec"]["source"]}
        self.application["status"]["operationState"]["syncResult"] = result
        self._end(*(("Succeeded", "successfully synced (all tasks run)") if ok else ("Failed", log or "sync failed")))

    def _end(self, phase: str, message: str) -> None:
        self.application["status"]["operationState"] |= {"phase": phase, "message": message, "finishedAt": now()}
        self.application.pop("operation", None)
        if self.compares_at_once:
            self._compare()

    def _compare(self) -> None:
        self.application["status"] |= {"health": {"status": self.health_after}, "reconciledAt": now()}

    def _sync(self, asked: dict) -> tuple:
        if (
            key_of(self.application.get("operation") or {}) in self.ends
        ):  # the controller does not wait until it is asked
            self.turn()
            self.turn()
        if "operation" in self.application:
            return self.failure(400, "another operation is already in progress", FAILED_PRECONDITION)
        self._begin(
            {"sync": {"revision": asked["revision"]}, "info": asked.get("infos", []), "initiatedBy": {"username": "ci"}}
        )
        self.order.append(key_of(self.application["operation"]))
        return 200, self._shown()

    def _begin(self, operation: dict) -> None:
        self.application["operation"] = operation
        self.application["status"].pop("operationState", None)

    def _terminate(self) -> tuple:
        state = self.application["status"].get("operationState")
        if "operation" not in self.application or state is None:
            return self.failure(400, "Unable to terminate operation. No operation is in progress", INVALID_ARGUMENT)
        state["phase"] = "Terminating"
        self.told_to_stop.append(key_of(state["operation"]))
        return 200, {}

    def _shown(self) -> dict:
        return valid("an application", copy.deepcopy(self.application))


def key_of(operation: dict) -> str:
    return next((info["value"] for info in operation.get("info", []) if info["name"] == "slipway-key"), "")


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


rig = ArgoRig
