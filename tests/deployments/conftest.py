"""A deployable release, a tool that does as it is told, and the engine turned by hand."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments import due
from deployments.actions import deployment as doors
from deployments.actions import promotion, steps, verification
from deployments.actions import run as run_doors
from deployments.drivers import DRIVERS, BadCallback, Call, Progress
from deployments.models import Deployment, Run
from releases.models import Release
from tests.factories import accounts, approvals, releases
from tests.factories import deployments as shipping

TASKS = {
    "start_run": run_doors.start_run,
    "poll_run": run_doors.poll_run,
    "stop_run": run_doors.stop_run,
    "advance": doors.advance,
    "promote": promotion.promote_from,
    "verify": verification.verify,
}


@dataclass
class Tool:
    """The outer edge: what a tool would do, per name of the step. An answer is a Progress, or an exception at the start."""

    answers: dict = field(default_factory=dict)
    started: list = field(default_factory=list)
    stopped: list = field(default_factory=list)
    on_start: object = None

    label, about, fields, secret_label, patience = "Tool", "Does as it is told.", (), "Secret", 1

    def summary(self, config: dict) -> str:
        return str(config.get("does", ""))

    def validate(self, config: dict) -> dict:
        return {"program": "Not this one."} if config.get("program") == "bad" else {}

    def start(self, call: Call) -> dict:
        self.started.append(call)
        if self.on_start:
            self.on_start(call)
        answer = self._answer(call)
        if isinstance(answer, Exception):
            raise answer
        return {"run": call.key}

    def poll(self, call: Call, handle: dict, log_offset: int = 0) -> Progress:
        answer = self._answer(call)
        return Progress(answer.status, answer.output[log_offset:], len(answer.output), answer.detail, answer.progress)

    def cancel(self, call: Call, handle: dict) -> bool:
        self.stopped.append(call.key)
        self.answers[call.config["does"]] = Progress("failed", "", 0, "Cancelled.")
        return True

    def callback(self, call: Call, handle: dict, headers: dict, body: bytes) -> Progress:
        if headers.get("signed") != "yes":
            raise BadCallback("Not signed.")
        return Progress(body.decode(), "", 0, "It called back.", message_id=headers.get("webhook-id", ""))

    def _answer(self, call: Call):
        return self.answers.get(call.config["does"], Progress("succeeded", f"{call.inputs['version']} is there\n"))


@pytest.fixture
def tool(monkeypatch) -> Tool:
    made = Tool()
    monkeypatch.setitem(DRIVERS, "tool", made)
    monkeypatch.setattr(run_doors, "POLL_S", 0)
    monkeypatch.setattr(run_doors, "TRY_AGAIN_S", 0)
    monkeypatch.setattr(verification, "AGAIN_S", 0)
    monkeypatch.setattr(steps, "ring_after_commit", lambda *_: None)
    monkeypatch.setattr(run_doors, "ring_after_commit", lambda *_: None)
    return made


@dataclass
class Place:
    """A product with staging and production, a tested release, and people."""

    release: Release
    staging: object
    production: object
    deployer: object
    stakeholder: object

    @property
    def product(self):
        return self.release.product

    def into_staging(self) -> Deployment:
        return doors.deploy(self.release.pk, self.staging.pk, actor=self.deployer)

    def into_production(self) -> Deployment:
        return doors.deploy(self.release.pk, self.production.pk, actor=self.deployer)

    def verified_in_staging(self) -> Deployment:
        return shipping.deployment(self.release, self.staging, "succeeded")

    def approved(self) -> "Place":
        """Ready for production: signed off, approved, verified in staging."""
        approvals.required(self.release.strategy)
        request = approvals.request(self.release, {"qa-approver": 1}, state="approved")
        approvals.vote(request, accounts.person(roles=["qa-approver"], on=self.product))
        releases.put_in_state(self.release, "ready")
        self.verified_in_staging()
        return self


@pytest.fixture
def place(db) -> Place:
    product = releases.product("Payments API", slug="payments")
    staging, production = releases.pipeline(product)
    release = releases.release(product, state="testing", version="4.8.0")
    for environment in (staging, production):
        shipping.hook(environment, name="Ship", driver="tool", config={"does": "ship"})
        shipping.quick(environment)
    return Place(
        release,
        staging,
        production,
        accounts.person("dana", roles=["deployer"], on=product),
        accounts.person("sam", roles=["stakeholder"], on=product),
    )


@pytest.fixture
def later(monkeypatch):
    """A function: the clock goes on by so many seconds."""

    def go_on(seconds: float) -> None:
        now = timezone.now
        monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(seconds=seconds))

    return go_on


def turn(times: int = 20) -> None:
    """Let the engine do all that is due, until nothing is, at most so many rounds."""
    for _ in range(times):
        found = due.everything()
        for task, pk in found:
            TASKS[task](pk)
        if not found:
            return


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def runs_of(deployment: Deployment) -> list[tuple[str, str]]:
    return [
        (run.key.removeprefix(f"{deployment.key}-"), run.state) for run in Run.objects.filter(deployment=deployment)
    ]
