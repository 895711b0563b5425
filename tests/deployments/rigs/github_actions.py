"""GitHub's REST API as far as a workflow is run by it (github/rest-api-description, version 2022-11-28), below /api/v3 as on a
server of one's own:

- actions/create-workflow-dispatch: 200 with the run's id where `return_run_details` is asked for, else 204; 422 for a body that is
  not of its form, an unknown ref or an input that the workflow does not declare; 404 for an unknown workflow
- actions/list-workflow-runs, actions/get-workflow-run, actions/list-jobs-for-workflow-run
- actions/download-job-logs-for-workflow-run: 302 to a store elsewhere that refuses a token; 404 until the job is over
- actions/cancel-workflow-run: 202, or 409 when it is over

401 without the token, 403 without a User-Agent, as for every operation there.
"""

import json
import re
from urllib.parse import parse_qs, urlsplit

from tests.deployments.moody import ServerRig

REPOSITORY = "/api/v3/repos/harbour/payments"
INPUTS = {"version", "environment", "slipway_key"}
WHEN = "2026-11-12T21:00:04Z"


class GitHubRig(ServerRig):
    """One repository with the workflow deploy.yml, whose `run-name` is its input slipway_key, and the branch main."""

    driver = "github_actions"
    secret = "github_pat_counterpart0000000001"
    knows_run_details = True

    def __init__(self, folder):
        super().__init__(folder)
        self.runs, self.told_to_stop, self.bodies = [], [], []

    @property
    def config(self) -> dict:
        return {
            "repository": "harbour/payments",
            "workflow": "deploy.yml",
            "ref": "main",
            "inputs": ["version={version}", "environment={environment}"],
            "url": f"{self.url}/api/v3",
        }

    def starts(self) -> list[str]:
        return [run["display_title"] for run in self.runs]

    def stopped(self) -> list[str]:
        return list(self.told_to_stop)

    def finish(self, key: str, *, ok: bool = True, log: str = "") -> None:
        with self.lock:
            run = next(run for run in self.runs if run["display_title"] == key)
            self._end(run, "success" if ok else "failure", log)

    def _end(self, run: dict, conclusion: str, log: str = "") -> None:
        run |= {"status": "completed", "conclusion": conclusion}
        for job in run["jobs"]:
            if job["status"] != "completed":
                job |= {"status": "completed", "conclusion": conclusion, "log": log}
                job["steps"] = [step | {"status": "completed", "conclusion": conclusion} for step in job["steps"]]

    def purpose(self, method: str, path: str) -> str:
        if path.endswith("/dispatches"):
            return "start"
        return "stop" if path.endswith("/cancel") else "look"

    def failure(self, status: int, text: str) -> tuple:
        return status, {"message": text, "documentation_url": "https://docs.github.com/rest", "status": str(status)}

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple:
        address = urlsplit(path)
        if address.path.startswith("/store/"):
            return self._stored(int(address.path.removeprefix("/store/")), headers)
        if not headers.get("User-Agent"):
            return self.failure(
                403, "Request forbidden by administrative rules. Please make sure there is a User-Agent header."
            )
        if headers.get("Authorization") not in (f"token {self.secret}", f"Bearer {self.secret}"):
            return self.failure(401, "Bad credentials")
        if not address.path.startswith(REPOSITORY):
            return self.failure(404, "Not Found")
        asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
        return self._routed(method, address.path.removeprefix(REPOSITORY), asked, body)

    def _routed(self, method: str, path: str, asked: dict, body: bytes) -> tuple:
        for verb, pattern, answer in (
            ("POST", r"/actions/workflows/deploy\.yml/dispatches", lambda: self._dispatch(body)),
            ("GET", r"/actions/workflows/deploy\.yml/runs", lambda: self._list(asked)),
            ("GET", r"/actions/runs/(\d+)", self._run),
            ("GET", r"/actions/runs/(\d+)/jobs", self._jobs),
            ("GET", r"/actions/jobs/(\d+)/logs", self._log),
            ("POST", r"/actions/runs/(\d+)/cancel", self._cancel),
        ):
            if verb == method and (found := re.fullmatch(pattern, path)):
                return answer(*map(int, found.groups()))
        return self.failure(404, "Not Found")

    def _dispatch(self, body: bytes) -> tuple:
        try:
            asked = json.loads(body)
        except ValueError:
            return self.failure(400, "Problems parsing JSON")
        self.bodies.append(asked)
        if not isinstance(asked.get("ref"), str) or not isinstance(asked.get("inputs", {}), dict):
            return self.failure(422, "Invalid request.")
        if asked["ref"] != "main":
            return self.failure(422, f"No ref found for: {asked['ref']}")
        if unexpected := sorted(set(asked.get("inputs", {})) - INPUTS):
            return self.failure(422, f"Unexpected inputs provided: {json.dumps(unexpected)}")
        run = self._made(asked["inputs"])
        if self.knows_run_details and asked.get("return_run_details") is True:
            return 200, {"workflow_run_id": run["id"], "run_url": run["url"], "html_url": run["html_url"]}
        return 204, b""

    def _made(self, inputs: dict) -> dict:
        number = 9000 + len(self.runs)
        url = f"{self.url}{REPOSITORY}/actions/runs/{number}"
        run = {
            "id": number,
            "name": "Deploy",
            "display_title": inputs.get("slipway_key", "Deploy"),
            "event": "workflow_dispatch",
        }
        run |= {
            "url": url,
            "html_url": f"{self.url}/runs/{number}",
            "jobs_url": f"{url}/jobs",
            "cancel_url": f"{url}/cancel",
        }
        run |= {
            "head_branch": "main",
            "status": "in_progress",
            "conclusion": None,
            "created_at": WHEN,
            "inputs": inputs,
        }
        run["jobs"] = [self._job(number * 10, "build"), self._job(number * 10 + 1, "ship")]
        self.runs.append(run)
        return run

    def _job(self, number: int, name: str) -> dict:
        steps = [
            {"name": step, "status": "queued", "conclusion": None, "number": n}
            for n, step in enumerate(("Check out", "Run"))
        ]
        url = f"{self.url}{REPOSITORY}/actions/jobs/{number}"
        return {
            "id": number,
            "name": name,
            "status": "queued",
            "conclusion": None,
            "steps": steps,
            "url": url,
            "log": "",
        }

    def _list(self, asked: dict) -> tuple:
        found = [run for run in reversed(self.runs) if asked.get("event") in (None, run["event"])]
        return 200, {
            "total_count": len(found),
            "workflow_runs": [_shown(run) for run in found[: int(asked.get("per_page", 30))]],
        }

    def _by_id(self, number: int) -> dict | None:
        return next((run for run in self.runs if run["id"] == number), None)

    def _run(self, number: int) -> tuple:
        run = self._by_id(number)
        return (200, _shown(run)) if run else self.failure(404, "Not Found")

    def _jobs(self, number: int) -> tuple:
        run = self._by_id(number)
        if not run:
            return self.failure(404, "Not Found")
        return 200, {"total_count": len(run["jobs"]), "jobs": [_shown(job) for job in run["jobs"]]}

    def _log(self, number: int) -> tuple:
        job = self._job_by_id(number)
        if not job or job["status"] != "completed":
            return self.failure(404, "Not Found")
        return 302, b"", {"Location": f"http://localhost:{self.port}/store/{number}?sig=short-lived"}

    def _stored(self, number: int, headers) -> tuple:
        if "Authorization" in headers:
            return 400, b"InvalidAuthenticationInfo"
        return 200, f"\ufeff{self._job_by_id(number)['log']}".encode(), {"Content-Type": "text/plain"}

    def _job_by_id(self, number: int) -> dict | None:
        return next((job for run in self.runs for job in run["jobs"] if job["id"] == number), None)

    def _cancel(self, number: int) -> tuple:
        run = self._by_id(number)
        if not run:
            return self.failure(404, "Not Found")
        if run["status"] == "completed":
            return self.failure(409, "Cannot cancel a workflow run that is completed.")
        self.told_to_stop.append(run["display_title"])
        self._end(run, "cancelled")
        return 202, {}


def _shown(row: dict) -> dict:
    return {name: value for name, value in row.items() if name not in ("jobs", "log", "inputs")}


rig = GitHubRig
