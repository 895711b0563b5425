"""The `gitlab` driver: creates a pipeline by the API, through python-gitlab.

One project access token does everything (create, find, follow, read logs, cancel). A trigger token would be a second secret, could
do the first only, and the library's way to have one leaves it in the project for ever. The key is the variable SLIPWAY_KEY.
"""

from deployments.drivers.kit import Field, Part, Tool, log_of, mean, session
from deployments.drivers.protocol import Call, Handle, Progress

OUTCOMES = {"success": "succeeded", "failed": "failed", "canceled": "failed", "skipped": "failed"}
OVER = ("success", "failed", "canceled", "skipped")
LOOKED_AT = 20


class GitLab(Tool):
    label = "GitLab CI/CD"
    about = "Runs a pipeline of a project on gitlab.com or your own GitLab."
    fields = (
        Field("project", "Project", "Its path, such as group/name, or its number.", pattern=r"[\w.+/-]+"),
        Field("ref", "Branch or tag", "Such as main or v{version}.", pattern=r"\S+", default="main", filled=True),
        Field("variables", "Variables", "One per line: VERSION={version}", "inputs", required=False, filled=True),
        Field("url", "Address", "Of your GitLab, without /api/v4.", "address", default="https://gitlab.com"),
    )
    secret_label = "Project access token"  # noqa: S105 - what the form calls it
    needs_secret = True

    def begin(self, call: Call) -> Handle:
        given = self.value(call, "variables") | {"SLIPWAY_KEY": call.key}
        variables = [{"key": name, "value": text} for name, text in given.items()]
        asked = {"ref": self.value(call, "ref"), "variables": variables}
        return {"pipeline": self._project(call).pipelines.create(asked).id}

    def find(self, call: Call) -> Handle | None:
        asked = {"source": "api", "ref": self.value(call, "ref"), "per_page": LOOKED_AT, "get_all": False}
        pipelines = self._project(call).pipelines.list(**asked)
        return next(({"pipeline": pipeline.id} for pipeline in pipelines if _bears(pipeline, call.key)), None)

    def look(self, call: Call, handle: Handle, log_offset: int) -> Progress:
        project = self._project(call)
        pipeline = project.pipelines.get(handle["pipeline"])
        outcome = OUTCOMES.get(pipeline.status, "running")
        jobs = sorted(pipeline.jobs.list(include_retried=True, per_page=100, get_all=True), key=lambda job: job.id)
        begun = sorted((job for job in jobs if job.started_at), key=lambda job: job.started_at)  # new ones come behind
        parts = [Part(job.name, job.status in OVER, lambda job=job: _trace(project, job)) for job in begun]
        text, offset = log_of(parts, log_offset, to_the_end=outcome != "running")
        named = [job.name for job in jobs if job.status in ("running", "manual")]
        detail = f"GitLab says: {pipeline.status.replace('_', ' ')}. {', '.join(named)}".strip()
        return Progress(outcome, text, offset, detail, mean([job.status in OVER for job in jobs]))

    def stop(self, call: Call, handle: Handle) -> None:
        self._project(call).pipelines.get(handle["pipeline"], lazy=True).cancel()

    def _project(self, call: Call):
        import gitlab

        url = self.value(call, "url")
        client = gitlab.Gitlab(url, private_token=call.secret, session=session(), keep_base_url=True)
        return client.projects.get(self.value(call, "project"), lazy=True)


def _bears(pipeline, key: str) -> bool:
    return any((held.key, held.value) == ("SLIPWAY_KEY", key) for held in pipeline.variables.list(get_all=False))


def _trace(project, job) -> str:
    return project.jobs.get(job.id, lazy=True).trace().decode("utf-8", "replace")


driver = GitLab()
