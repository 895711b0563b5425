"""Two hundred deployments over fifty environments while workers are killed at random."""

import random
import time
from collections import Counter

import pytest
from django.conf import settings as django_settings

from config.embedded import places
from config.management.commands import run
from core.events import verify
from core.models import Event
from deployments.actions import deployment as doors
from deployments.actions import queue
from deployments.models import Deployment, Run
from deployments.states import HOLDS_ENVIRONMENT, DeploymentKind, RunState
from tests.factories import accounts, releases
from tests.factories import deployments as shipping
from tests.journeys.conftest import Slipway, kill
from tests.soak.settings import SHIP

ENVIRONMENTS, ROUNDS = 50, 4
KILLING_S, BETWEEN_KILLS_S, WORKERS = 120, (2, 8), 2
MET_MIN = 3  # kills that met calls and tools at work; without them nothing was proven


class Crew(Slipway):
    """Several workers, and a beat; any of them may be killed and is replaced."""

    def __init__(self, environment):
        super().__init__(environment, settings="tests.soak.settings")
        self.workers = []

    def start(self) -> None:
        place = places.of(django_settings.VAR_DIR)
        places.make(place.run, mode=0o711)
        self.workers = [worker for worker in self.workers if worker.alive]
        while len(self.workers) < WORKERS:
            self.workers.append(self._spawn("worker", run.worker()))
        if self.beat is None or not self.beat.alive:
            self.beat = self._spawn("beat", run.beat(place))

    def kill_one(self) -> str:
        """A worker mostly, sometimes the beat."""
        victim = random.choice([*self.workers, *self.workers, self.beat])  # noqa: S311
        kill([victim])
        return victim.name

    def stop(self) -> None:
        kill([child for child in (*self.workers, self.beat) if child])


@pytest.fixture
def crew(server_environment):
    found = Crew(server_environment)
    yield found
    found.stop()


@pytest.fixture
def fleet(transactional_db, settings, tmp_path):
    """[(environment, release, deployer)]: a product with one release and one staging environment each."""
    settings.HOOK_PROGRAMS = [*settings.HOOK_PROGRAMS, SHIP]
    found = []
    for number in range(ENVIRONMENTS):
        product = releases.product(f"Service {number}", slug=f"service-{number}")
        staging, _ = releases.pipeline(product)
        type(staging).objects.filter(pk=staging.pk).update(url="")
        shipping.quick(staging)
        arguments = [str(tmp_path), f"service-{number}", "{key}"]
        shipping.hook(staging, name="Ship", config={"program": SHIP, "arguments": arguments}, timeout_s=120)
        release = releases.release(product, state="testing", version="4.8.0")
        found.append((staging, release, accounts.person(f"dana-{number}", roles=["deployer"], on=product)))
    return found


def in_flight(fleet) -> list[int]:
    """Start one deployment in each environment and queue the others behind it."""
    made = []
    for turn in range(ROUNDS):
        for staging, release, deployer in fleet:
            if turn == 0:
                row = doors.deploy(release.pk, staging.pk, actor=deployer)
            else:
                row = queue.queue_deployment(release.pk, staging.pk, actor=deployer)
            made.append(row.pk)
    return made


def test_two_hundred_deployments_end_right_while_workers_are_killed(fleet, crew, tmp_path):
    made = in_flight(fleet)
    rows = Deployment.objects.filter(pk__in=made)
    assert rows.count() == ENVIRONMENTS * ROUNDS
    crew.start()
    killed, met, until = Counter(), [], time.monotonic() + KILLING_S
    while time.monotonic() < until:
        time.sleep(random.uniform(*BETWEEN_KILLS_S))  # noqa: S311
        met.append(under_way())
        killed[crew.kill_one()] += 1
        crew.start()
        at_once = Counter(held_now())
        assert not at_once or max(at_once.values()) == 1, at_once

    crew.until(lambda: not [row for row in rows.all() if not row.has_ended], patience_s=300)

    started, ended = read(tmp_path / "starts"), dict(line.rsplit(" ", 1) for line in read(tmp_path / "ended"))
    states = Counter(rows.values_list("state", flat=True))
    print(f"\nkilled {dict(killed)}, meeting {met} runs under way; ended {dict(states)}; runs started {len(started)}")  # noqa: T201
    assert sum(map(bool, met)) >= MET_MIN, f"the kills met nothing: {met}"
    assert len(started) == len(set(started)), "a key was started twice"
    assert not (tmp_path / "met").exists(), "two were at work in one environment"
    for row in rows:
        key = f"{row.key}-1-1"
        assert key in started, f"{row} was lost"
        assert row.state == ended[key], f"{row} is {row.state}, its tool says {ended[key]}"
    assert_in_order(rows)
    assert list(verify()) == []


def under_way() -> int:
    """How many tools are being called, or at work."""
    return Run.objects.filter(state__in=[RunState.CLAIMED, RunState.RUNNING]).count()


def held_now() -> list[int]:
    live = Deployment.objects.filter(state__in=HOLDS_ENVIRONMENT, kind=DeploymentKind.DEPLOY)
    return list(live.values_list("environment_id", flat=True))


def assert_in_order(rows) -> None:
    """Nobody overtook: in each environment they started in the order in which they came."""
    for environment in rows.values_list("environment_id", flat=True).distinct():
        here = list(rows.filter(environment=environment).order_by("pk").values_list("started_at", flat=True))
        assert here == sorted(here)
    assert Event.objects.filter(name="deployment.started").count() == rows.count()


def read(path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
