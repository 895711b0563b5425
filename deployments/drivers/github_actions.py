"""The `github_actions` driver: runs a workflow by workflow_dispatch, through PyGithub.

The key travels as the input `slipway_key` and must be the run's name (`run-name: ${{ inputs.slipway_key }}`), by which it is found.
"""

from deployments.drivers.kit import Field, Part, Tool, fetched, log_of, mean, session
from deployments.drivers.protocol import Call, Handle, OutcomeUnknown, Progress


class GitHubActions(Tool):
    label = "GitHub Actions"
    about = "Runs a workflow of a repository on github.com or GitHub Enterprise Server."
    fields = (
        Field("repository", "Repository", "Such as owner/name.", pattern=r"[\w.-]+/[\w.-]+"),
        Field("workflow", "Workflow", "Its file, such as deploy.yml, or its number.", pattern=r"[\w.-]+"),
        Field("ref", "Branch or tag", "Such as main or v{version}.", pattern=r"\S+", default="main", filled=True),
        Field("inputs", "Inputs", "One per line: version={version}", "inputs", required=False, filled=True),
        Field("url", "API address", "Enterprise: https://host/api/v3", "address", default="https://api.github.com"),
    )
    needs_secret = True
    hint = ". Its workflow must say: run-name: ${{ inputs.slipway_key }}"

    def begin(self, call: Call) -> Handle:
        inputs = self.value(call, "inputs") | {"slipway_key": call.key}
        ref, workflow = self.value(call, "ref"), self._workflow(call)
        run = workflow.create_dispatch(ref, inputs, throw=True, return_run_details=True)
        return {} if run is True else {"run": run.id}  # a server that knows no such details says nothing

    def find(self, call: Call) -> Handle | None:
        runs = self._workflow(call).get_runs(event="workflow_dispatch").get_page(0)
        return next(({"run": run.id} for run in runs if call.key == run.display_title), None)

    def look(self, call: Call, handle: Handle, log_offset: int) -> Progress:
        run = self._repository(call).get_workflow_run(handle["run"])
        state, ended = run.conclusion or run.status, run.status == "completed"
        jobs = sorted(run.jobs().get_page(0), key=lambda job: job.id)
        parts = [Part(job.name, job.status == "completed", lambda job=job: self._log(call, job)) for job in jobs]
        text, offset = log_of(parts, log_offset, to_the_end=ended)
        outcome = ("succeeded" if state == "success" else "failed") if ended else "running"
        steps = [f"{job.name}: {step.name}" for job in jobs for step in job.steps if step.status == "in_progress"]
        detail = f"GitHub says: {state.replace('_', ' ')}. {', '.join(steps)}".strip()
        return Progress(outcome, text, offset, detail, mean([_share(job) for job in jobs]))

    def stop(self, call: Call, handle: Handle) -> None:
        if not self._repository(call).get_workflow_run(handle["run"]).cancel():
            raise OutcomeUnknown("The run could not be cancelled.")

    def _log(self, call: Call, job) -> str:
        """GitHub gives a job's log once the job is over, at a short-lived address elsewhere that wants no token."""
        if job.status != "completed" or job.conclusion == "skipped":
            return ""
        return fetched(job.logs_url(), self.value(call, "url")).removeprefix("\ufeff")

    def _workflow(self, call: Call):
        return self._repository(call).get_workflow(self.value(call, "workflow"))

    def _repository(self, call: Call):
        import github
        from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester

        Requester.injectConnectionClasses(_bounded(HTTPRequestsConnectionClass), _bounded(HTTPSRequestsConnectionClass))
        auth, url = github.Auth.Token(call.secret), self.value(call, "url").rstrip("/")
        client = github.Github(auth=auth, base_url=url, seconds_between_writes=None, lazy=True, per_page=100)
        return client.get_repo(self.value(call, "repository"))


def _bounded(kind: type) -> type:
    """PyGithub's connection, over a session with Slipway's bounds instead of its own."""
    return type(kind.__name__, (kind,), {"session": property(lambda _: session(), lambda *_: None)})


def _share(job) -> float:
    done = sum(step.status == "completed" for step in job.steps)
    return 1 if job.status == "completed" else done / (len(job.steps) or 1)


driver = GitHubActions()
