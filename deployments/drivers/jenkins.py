"""The `jenkins` driver, through python-jenkins: queue item, then build, then console. The key is the parameter SLIPWAY_KEY."""

import time

from deployments.drivers.kit import Field, Tool, session
from deployments.drivers.protocol import Call, Handle, Progress


class Jenkins(Tool):
    label = "Jenkins"
    about = "Builds a job with parameters and follows it from the queue to its console."
    fields = (
        Field("url", "Address", "Of your Jenkins.", "address"),
        Field("job", "Job", "With its folders, such as ship/deploy.", pattern=r"(?!.*\.\.)[\w.~ -]+(/[\w.~ -]+)*"),
        Field("parameters", "Parameters", "One per line: VERSION={version}", "inputs", required=False, filled=True),
        Field("user", "User", "Whose token it is.", required=False),
    )
    secret_label = "API token"  # noqa: S105 - what the form calls it
    hint = ". Its job must have a text parameter SLIPWAY_KEY."

    def begin(self, call: Call) -> Handle:
        parameters = self.value(call, "parameters") | {"SLIPWAY_KEY": call.key}
        return {"queue": self._server(call).build_job(self.value(call, "job"), parameters)}

    def find(self, call: Call) -> Handle | None:
        server = self._server(call)
        if item := next((item for item in server.get_queue_info() if _bears(item, call.key)), None):
            return {"queue": item["id"]}
        builds = server.get_info(self._path(call), query="?tree=builds[number,actions[parameters[*]]]{0,50}")["builds"]
        return next(({"build": build["number"]} for build in builds if _bears(build, call.key)), None)

    def look(self, call: Call, handle: Handle, log_offset: int) -> Progress:
        import requests

        server, number, item = self._build(call, handle)
        if number is None:
            outcome = "failed" if item.get("cancelled") else "running"
            return Progress(outcome, "", log_offset, item.get("why") or "It has left the queue.")
        build = server.get_build_info(self.value(call, "job"), number)
        address = f"{server.server}{self._path(call)}/{number}/logText/progressiveText?start={log_offset}"
        said = server.jenkins_request(requests.Request("GET", address))
        text, offset = said.content.decode("utf-8", "replace").replace("\r\n", "\n"), int(said.headers["X-Text-Size"])
        if build["building"] or not build["result"] or "X-More-Data" in said.headers:
            return Progress("running", text, offset, f"Build {number}.", _share(build))
        outcome = "succeeded" if build["result"] == "SUCCESS" else "failed"
        return Progress(outcome, text, offset, f"Build {number}: {build['result'].lower()}.")

    def stop(self, call: Call, handle: Handle) -> None:
        server, number, item = self._build(call, handle)
        server.stop_build(self.value(call, "job"), number) if number else server.cancel_queue(item["id"])

    def _build(self, call: Call, handle: Handle) -> tuple:
        """The server, the build's number (None while it waits), and its queue item, which Jenkins forgets after minutes."""
        server, known = self._server(call), handle if "build" in handle else self.find(call) or handle
        item = {} if "build" in known else server.get_queue_item(known["queue"])
        return server, known.get("build") or (item.get("executable") or {}).get("number"), item

    def _path(self, call: Call) -> str:
        return "job/" + "/job/".join(self.value(call, "job").split("/"))

    def _server(self, call: Call):
        import jenkins

        server = jenkins.Jenkins(self.value(call, "url"), self.value(call, "user") or None, call.secret)
        server._session = session(redirects_end_writes=False)  # a stop is answered by leading back to the build's page
        return server


def _bears(row: dict, key: str) -> bool:
    given = [parameter for action in row["actions"] for parameter in action.get("parameters", [])]
    return any((each["name"], each.get("value")) == ("SLIPWAY_KEY", key) for each in given)


def _share(build: dict) -> float | None:
    expected_ms = build["estimatedDuration"]
    return min(0.99, max(0, time.time() * 1000 - build["timestamp"]) / expected_ms) if expected_ms > 0 else None


driver = Jenkins()
