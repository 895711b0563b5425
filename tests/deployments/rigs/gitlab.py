"""GitLab's REST API, version 4, as far as a pipeline is run by it (docs.gitlab.com/api: pipelines, jobs):

- POST /projects/:id/pipeline with `ref` and `variables` (an array of {key, value}): 201; 400 for an unknown ref or variables of
  another form
- GET /projects/:id/pipelines by `ref` and `source`, newest first; GET …/pipelines/:id, …/:id/variables, …/:id/jobs: newest first,
  without those that were tried again unless `include_retried` is asked for; `started_at` once a runner has begun
- GET /projects/:id/jobs/:id/trace as plain text; POST …/pipelines/:id/cancel: 201

401 without the token, 404 for a project that the token does not see. A project is named by number or by its path, encoded.
"""

import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

from tests.deployments.moody import ServerRig


class GitLabRig(ServerRig):
    """One project with the branch main, whose pipelines have two jobs. A job that is `retried` has another one in its place."""

    driver = "gitlab"
    secret = "glpat-counterpart00000001"

    def __init__(self, folder):
        super().__init__(folder)
        self.pipelines, self.told_to_stop = [], []

    @property
    def config(self) -> dict:
        variables = ["VERSION={version}", "TIER={environment}"]
        return {"project": "harbour/payments", "ref": "main", "variables": variables, "url": self.url}

    def starts(self) -> list[str]:
        return [pipeline["held"].get("SLIPWAY_KEY", "") for pipeline in self.pipelines]

    def stopped(self) -> list[str]:
        return list(self.told_to_stop)

    def finish(self, key: str, *, ok: bool = True, log: str = "") -> None:
        with self.lock:
            pipeline = next(each for each in self.pipelines if each["held"]["SLIPWAY_KEY"] == key)
            pipeline["status"] = "success" if ok else "failed"
            for job in pipeline["jobs"]:
                job |= {"status": pipeline["status"], "trace": log}

    def purpose(self, method: str, path: str) -> str:
        if method == "POST" and path.endswith("/pipeline"):
            return "start"
        return "stop" if path.endswith("/cancel") else "look"

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple:
        address = urlsplit(path)
        if headers.get("Private-Token") != self.secret:
            return self.failure(401, "401 Unauthorized")
        found = re.match(r"/api/v4/projects/([^/]+)", address.path)
        if not found or unquote(found[1]) not in ("harbour/payments", "42"):
            return self.failure(404, "404 Project Not Found")
        asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
        return self._routed(method, address.path[found.end() :], asked, body)

    def _routed(self, method: str, path: str, asked: dict, body: bytes) -> tuple:
        for verb, pattern, answer in (
            ("POST", r"/pipeline", lambda: self._create(body)),
            ("GET", r"/pipelines", lambda: self._list(asked)),
            ("GET", r"/pipelines/(\d+)", lambda number: self._one(number, _shown)),
            ("GET", r"/pipelines/(\d+)/variables", lambda number: self._one(number, _variables)),
            (
                "GET",
                r"/pipelines/(\d+)/jobs",
                lambda number: self._one(number, lambda pipeline: _jobs(pipeline, asked)),
            ),
            ("GET", r"/jobs/(\d+)/trace", self._trace),
            ("POST", r"/pipelines/(\d+)/cancel", self._cancel),
        ):
            if verb == method and (found := re.fullmatch(pattern, path)):
                return answer(*map(int, found.groups()))
        return 404, {"error": "404 Not Found"}

    def _create(self, body: bytes) -> tuple:
        asked = json.loads(body)
        variables = asked.get("variables", [])
        if not isinstance(asked.get("ref"), str):
            return 400, {"error": "ref is missing"}
        if not isinstance(variables, list) or not all(
            isinstance(v, dict) and {"key", "value"} <= v.keys() for v in variables
        ):
            return 400, {"error": "variables is invalid"}
        if asked["ref"] != "main":
            return 400, {"message": {"base": ["Reference not found"]}}
        number = 300 + len(self.pipelines)
        pipeline = {"id": number, "project_id": 42, "ref": "main", "source": "api", "status": "running"}
        pipeline |= {
            "web_url": f"{self.url}/harbour/payments/-/pipelines/{number}",
            "created_at": "2026-11-12T21:00:04.000Z",
        }
        pipeline["held"] = {variable["key"]: variable["value"] for variable in variables}
        names = (("build", "running"), ("ship", "created"))
        pipeline["jobs"] = [
            {"id": number * 10 + n, "name": name, "stage": name, "status": status, "trace": ""}
            for n, (name, status) in enumerate(names)
        ]
        self.pipelines.append(pipeline)
        return 201, _shown(pipeline)

    def _list(self, asked: dict) -> tuple:
        found = [
            pipeline
            for pipeline in reversed(self.pipelines)
            if asked.get("ref") in (None, pipeline["ref"]) and asked.get("source") in (None, pipeline["source"])
        ]
        return 200, [_shown(pipeline) for pipeline in found[: int(asked.get("per_page", 20))]]

    def _one(self, number: int, shown) -> tuple:
        pipeline = next((each for each in self.pipelines if each["id"] == number), None)
        return (200, shown(pipeline)) if pipeline else self.failure(404, "404 Not found")

    def _trace(self, number: int) -> tuple:
        job = next((job for pipeline in self.pipelines for job in pipeline["jobs"] if job["id"] == number), None)
        return (
            (200, job["trace"].encode(), {"Content-Type": "text/plain"}) if job else self.failure(404, "404 Not found")
        )

    def _cancel(self, number: int) -> tuple:
        pipeline = next((each for each in self.pipelines if each["id"] == number), None)
        if not pipeline:
            return self.failure(404, "404 Not found")
        self.told_to_stop.append(pipeline["held"].get("SLIPWAY_KEY"))
        pipeline["status"] = "canceled"
        for job in pipeline["jobs"]:
            job["status"] = "canceled"
        return 201, _shown(pipeline)


def _shown(pipeline: dict) -> dict:
    return {name: value for name, value in pipeline.items() if name not in ("held", "jobs")}


def _variables(pipeline: dict) -> list[dict]:
    return [{"key": key, "variable_type": "env_var", "value": value} for key, value in pipeline["held"].items()]


def _jobs(pipeline: dict, asked: dict) -> list[dict]:
    for job in pipeline["jobs"]:
        has_begun = job["status"] in ("running", "success", "failed")
        if has_begun and not job.get("started_at"):
            begun = sum(bool(other.get("started_at")) for other in pipeline["jobs"])
            job["started_at"] = f"2026-11-12T21:00:{5 + begun:02}.000Z"
    wanted = [
        job for job in pipeline["jobs"] if asked.get("include_retried", "").lower() == "true" or not job.get("retried")
    ]
    return [{"started_at": None} | {name: job[name] for name in job if name != "trace"} for job in reversed(wanted)]


rig = GitLabRig
