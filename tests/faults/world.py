"""One deployment per kind of driver, each to an environment and a counterpart of its own, and what came of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.test import override_settings
from django.utils import timezone

from core.blockers import Refused
from core.events import stream_of, verify
from core.models import Event
from deployments import due
from deployments.actions import deployment as doors
from deployments.models import Deployment, Run
from deployments.states import RunState
from tests.deployments.conftest import TASKS
from tests.deployments.rigs import RIGS, Rig
from tests.deployments.rigs.base import Mood
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

DONE = "succeeded"


@dataclass
class Case:
    """A deployment by one driver. `deployer` acts where a person is asked."""

    driver: str
    rig: Rig
    deployment: Deployment
    deployer: object
    asked: str = field(default="")

    @property
    def fresh(self) -> Deployment:
        return Deployment.objects.get(pk=self.deployment.pk)

    @property
    def run(self) -> Run:
        """The newest attempt."""
        return self.deployment.runs.order_by("-attempt").first()

    def turn(self, times: int = 1) -> None:
        """Let the engine look at what is due of this deployment."""
        with override_settings(**self.rig.settings, HOOK_TIMEOUT_S=self.patience_s):
            for _ in range(times):
                for task, pk in due.everything():
                    if self._is_mine(task, pk):
                        TASKS[task](pk)

    @property
    def patience_s(self) -> int:
        """Of one call: a tool that means well may be as slow as the machine, any other is given up soon."""
        return 10 if set(self.rig.moods.values()) <= {Mood.WELL} else 1

    def _is_mine(self, task: str, pk: int) -> bool:
        if task.endswith("_run"):
            return Run.objects.filter(pk=pk, deployment=self.deployment).exists()
        return pk == self.deployment.pk

    def turn_until(self, true: Callable[[], object], patience_s: float = 30) -> None:
        until = time.monotonic() + patience_s
        while not true():
            assert time.monotonic() < until, f"{self.driver}: {self.story()}"
            began = time.process_time()
            self.turn()
            time.sleep(max(0.02, time.process_time() - began))  # a tool on this machine needs its processor meanwhile

    def is_settled(self) -> bool:
        return self.fresh.has_ended or self.fresh.state == "paused"

    def let_the_claim_lapse(self) -> None:
        """As time does."""
        self.deployment.runs.filter(due_at__isnull=False).update(due_at=timezone.now())

    def let_the_time_run_out(self) -> None:
        """The time limit of the step is over."""
        self.deployment.runs.filter(state=RunState.RUNNING).update(deadline_at=timezone.now(), due_at=timezone.now())

    def until_running(self) -> None:
        self.turn_until(lambda: self.run.state == RunState.RUNNING)

    def let_end(self) -> None:
        """The tool ends well what it was called for."""
        for key in dict.fromkeys(self.rig.starts()):
            self.rig.finish(key, log="done")

    def go_on_to_the_end(self, patience_s: float = 30) -> None:
        """As people would: what the tool has begun ends well; where a person is asked, they look, and try the step again."""

        def over():
            self.let_end()
            return self.is_settled()

        self.turn_until(over, patience_s)
        if self.fresh.state == "paused":
            self.asked = self.fresh.detail
            doors.resume(self.deployment.pk, actor=self.deployer, reason="Looked: nothing runs there.", how="retry")
            self.turn_until(over, patience_s)

    def deployed_again(self) -> list[str]:
        """Start another deployment there; the codes of what stands in its way."""
        try:
            with override_settings(**self.rig.settings):
                doors.deploy(self.deployment.release_id, self.deployment.environment_id, actor=self.deployer)
        except Refused as refusal:
            return [blocker.code for blocker in refusal.blockers]
        return []

    def story(self) -> str:
        """How the rows stand, in a line."""
        runs = [f"{r.key[-3:]} {r.state}: {r.detail}" for r in self.deployment.runs.all()]
        return f"{self.fresh.state}: {self.fresh.detail} | {runs} | started {self.rig.starts()}"

    def check(self) -> None:
        """Nothing lost, nothing twice, and whoever reads the page afterwards can tell what happened."""
        assert self.fresh.state == DONE, self.story()
        started = self.rig.starts()
        assert len(started) == len(set(started)), f"started twice: {self.story()}"
        keys = set(self.deployment.runs.values_list("key", flat=True))
        assert set(started) <= keys, self.story()
        names = list(
            Event.objects.filter(stream=stream_of(self.deployment)).order_by("seq").values_list("name", flat=True)
        )
        assert names[0] == "deployment.planned", names
        assert names.count("deployment.succeeded") == 1, names
        assert ("deployment.paused" in names) is bool(self.asked), names
        for run in self.deployment.runs.all():
            told = list(Event.objects.filter(stream=stream_of(run)).values_list("name", flat=True))
            assert told.count("run.started") == 1, (run.key, told)
            assert told.count("run.ended") in (1, 2), (run.key, told)
        assert list(verify()) == []


def until_all_run(found: dict[str, Case]) -> None:
    """Every tool has been called. What takes its time to begin does so while the others are called."""
    for case in found.values():
        case.turn()
    for case in found.values():
        case.until_running()


@contextmanager
def cases(folder: Path) -> Iterator[dict[str, Case]]:
    """{driver: a deployment that was started and whose tool was not called yet}, for every driver that has a counterpart."""
    with ExitStack() as rigs:
        found = {}
        for driver, kind in sorted(RIGS.items()):
            home = folder / driver
            home.mkdir()
            found[driver] = case(driver, rigs.enter_context(kind(home)))
        yield found


def case(driver: str, rig: Rig) -> Case:
    product = releases.product(f"Shipped by {driver}", slug=driver.replace("_", "-"))
    staging, _ = releases.pipeline(product)
    type(staging).objects.filter(pk=staging.pk).update(url="")  # the word of the tool stands
    shipping.quick(staging)
    shipping.hook(
        staging, name="Ship", driver=driver, config=rig.config, secret=rig.secret, timeout_s=600, on_failure="pause"
    )
    deployer = accounts.person(f"dana-{driver}", roles=["deployer"], on=product)
    release = releases.release(product, state="testing", version="4.8.0")
    with override_settings(**rig.settings):
        deployment = doors.deploy(release.pk, staging.pk, actor=deployer)
    return Case(driver, rig, deployment, deployer)
