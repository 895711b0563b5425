"""The `argocd` driver: syncs an application and follows it, over the REST API; there is no official client for Python."""

from dataclasses import replace

from deployments.drivers.kit import Field, Tool, session
from deployments.drivers.protocol import Call, Handle, HookRefused, Progress, Unreachable

INFO, BUSY = "slipway-key", "another operation is already in progress"


class ArgoTool(Tool):
    label = "Argo CD"
    about = "Syncs an application to a revision, and waits until it is synced and healthy."
    fields = (
        Field("server", "Server", "https://argocd.example.org", kind="address"),
        Field("application", "Application", pattern=r"[a-z0-9][a-z0-9.-]*"),
        Field("revision", "Revision", "{commit}, or a tag such as v{version}.", pattern=r"\S+", filled=True),
    )
    needs_secret = True
    patience = 3

    def begin(self, call: Call) -> Handle:
        revision, infos = self.value(call, "revision"), [{"name": INFO, "value": call.key}]
        self._ask(call, "POST", "/sync", {"revision": revision, "infos": infos})
        return {"key": call.key}

    def find(self, call: Call) -> Handle | None:
        return {"key": call.key} if any(self._seen(call)[:2]) else None

    def look(self, call: Call, handle: Handle, log_offset: int) -> Progress:
        under_way, state, status = self._seen(call)
        if not state and under_way:
            return Progress("running", "", log_offset, "The sync is asked for and has not begun.")
        if not state:
            return Progress("unknown", "", log_offset, "Somebody else has synced the application since. Look there.")
        rows = state.get("syncResult", {}).get("resources") or []
        lines = [f"{row['kind']} {row['name']}: {row.get('message', '')}\n" for row in rows[log_offset:]]
        return replace(judged(state, status), output="".join(lines), log_offset=max(len(rows), log_offset))

    def stop(self, call: Call, handle: Handle) -> None:
        if not self._seen(call)[0]:
            raise HookRefused("Its sync is not under way, so that there is nothing to stop.")
        self._ask(call, "DELETE", "/operation")

    def _seen(self, call: Call) -> tuple[bool, dict, dict]:
        """Whether this call's operation is under way, its state (nothing where another's stands there), and the status."""
        found, ours = self._ask(call, "GET"), {"name": INFO, "value": call.key}
        state = found["status"].get("operationState") or {}
        operations = (found.get("operation") or {}, state.get("operation") or {})
        under_way, is_ours = (ours in (operation.get("info") or []) for operation in operations)
        return under_way, state if is_ours else {}, found["status"]

    def _ask(self, call: Call, method: str, path: str = "", body: dict | None = None) -> dict:
        from deployments.drivers.session import object_in, requests

        address = self.value(call, "server").rstrip("/") + "/api/v1/applications/" + self.value(call, "application")
        bearer = {"Authorization": f"Bearer {call.secret}"}
        answer = session().request(method, address + path, json=body, headers=bearer)
        told = object_in(answer)
        if answer.status_code == 200 and told is not None:
            return told
        said = str((told or {}).get("message") or f"nothing that Argo CD would say: {answer.text[:200]}")
        if BUSY in said:  # nothing was begun, and its turn may come
            raise Unreachable(f"{said}.")
        raise requests.HTTPError(said, response=answer)


def judged(state: dict, status: dict) -> Progress:
    """What our sync came to. Health counts once it was compared after the sync's end, as `argocd app wait` has it."""
    phase, health = state["phase"], status.get("health", {}).get("status", "Unknown")
    said = f"{phase}: {state.get('message', '')}"
    if phase in ("Failed", "Error"):
        return Progress("failed", detail=said)
    if phase != "Succeeded" or status.get("reconciledAt", "") < state.get("finishedAt", "~"):
        return Progress("running", detail=said)
    outcome = {"Healthy": "succeeded", "Degraded": "failed"}.get(health, "running")
    return Progress(outcome, detail=f"{said}. Now {status.get('sync', {}).get('status', 'Unknown')}, {health}.")


driver = ArgoTool()
