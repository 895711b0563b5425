"""What dies in the middle: the worker between claim and settle, the broker in mid-deployment. Nothing is lost or done twice."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection

from config.embedded import children, places, programs, valkey
from core.events import stream_of
from core.models import Delivery, Event
from deployments.actions import deployment as deployments
from deployments.actions import hook
from deployments.models import Run
from notifications.models import Notification
from releases.actions import release as releases
from reviews.models import Review
from tests.journeys import settings as impatient
from tests.journeys import story

pytestmark = pytest.mark.journey


@contextmanager
def held(statement: str, *values) -> Iterator[None]:
    """Hold what a statement locks in a transaction of its own, so that whoever comes next stands still before it."""
    known = connection.settings_dict
    holder = psycopg2.connect(host=known["HOST"], user=known["USER"], dbname=known["NAME"])
    try:
        with holder.cursor() as cursor:
            cursor.execute(statement, values)
        yield
    finally:
        holder.close()  # rolls back, and lets go


@pytest.fixture
def tool(people, shop, tmp_path) -> Iterator["Tool"]:
    """Staging is shipped to by a tool that leaves a line for each run and ends when it is told to."""
    made = Tool(tmp_path / "effects", tmp_path / "gate")
    ship = shop.staging.hooks.get()
    config = {"program": impatient.APPEND, "arguments": [str(made.effects), "{key}", str(made.gate)]}
    hook.save_hook(shop.staging.pk, actor=people.admin, hook_id=ship.pk, name="Append", driver="command", config=config)
    shop.staging.refresh_from_db()
    type(shop.staging).objects.filter(pk=shop.staging.pk).update(url="")  # nothing runs there to be asked
    yield made
    made.let_through()


class Tool:
    def __init__(self, effects: Path, gate: Path):
        self.effects, self.gate = effects, gate

    def let_through(self) -> None:
        self.gate.touch()

    def runs(self) -> list[str]:
        """The keys of every run that was ever started."""
        return self.effects.read_text().split() if self.effects.exists() else []


class Broker:
    """The Valkey of the tests, to be killed. It comes back with nothing in it."""

    def __init__(self, started: list[children.Child]):
        self.started = started

    def kill(self) -> None:
        process = psutil.Process(redis.from_url(django_settings.REDIS_URL).info("server")["process_id"])
        process.kill()
        for child in self.started:
            if child.pid == process.pid:
                child.process.wait(10)  # ours to bury
                self.started.remove(child)
                return
        psutil.wait_procs([process], timeout=10)

    def start_empty(self) -> None:
        place = places.of(django_settings.TEST_HOME)
        shutil.rmtree(place.home / "valkey")
        self.started.append(valkey.start(place, programs.find(place.account)))

    def taken(self) -> int:
        """How many messages workers have taken that wait there for a hand."""
        return redis.from_url(django_settings.REDIS_URL).zcard("unacked_index")

    @property
    def answers(self) -> bool:
        try:
            return redis.from_url(django_settings.REDIS_URL).ping()
        except redis.ConnectionError:
            return False


@pytest.fixture
def broker(pytestconfig) -> Iterator[Broker]:
    found = Broker(pytestconfig.slipway_servers)
    yield found
    if not found.answers:
        found.start_empty()


def deliveries(consumer: str, event_name: str):
    return Delivery.objects.filter(consumer=consumer, event__name=event_name)


def test_a_worker_killed_while_it_delivers_opens_the_review_once_after_all(slipway, people, shop):
    release = story.ready(people, shop, "4.7.2", "v4.7.2")
    for place in (shop.staging, shop.production):
        deployment = story.deploy(people, release, place)
        if place == shop.staging:
            slipway.until_state(deployment, "succeeded")
    with held("LOCK TABLE reviews_review IN SHARE ROW EXCLUSIVE MODE"):
        slipway.until(lambda: deliveries("reviews.open", "release.released").filter(state="claimed").exists())
        slipway.kill_worker()
    assert not Review.objects.exists()

    slipway.start()

    slipway.until_state(release, "review")
    assert deliveries("reviews.open", "release.released").get().attempts == 2
    slipway.until_settled()
    assert Review.objects.filter(release=release).count() == 1
    assert Event.objects.filter(stream=stream_of(release), name="release.review_opened").count() == 1


def test_a_worker_killed_while_it_tells_people_tells_each_of_them_once(slipway, people, shop):
    release = story.draft(people, shop, "4.7.2", "patch")
    slipway.until_settled()
    with held("LOCK TABLE notifications_notification IN SHARE ROW EXCLUSIVE MODE"):
        releases.block_release(release.pk, actor=people.operations, reason="The bank is down.")
        slipway.until(lambda: deliveries("notifications.tell", "release.blocked").filter(state="claimed").exists())
        slipway.kill_worker()
    assert not Notification.objects.filter(kind="blocked").exists()

    slipway.start()
    slipway.until_settled()

    told = Notification.objects.filter(kind="blocked").values_list("recipient__username", flat=True)
    assert sorted(told) == ["ines", "mateus"]
    assert deliveries("notifications.tell", "release.blocked").get().attempts == 2


def test_a_worker_killed_between_the_call_of_a_tool_and_its_note_does_not_call_it_twice(people, shop, tool, processes):
    release = story.ready(people, shop, "4.7.2", "v4.7.2")
    deployment = story.deploy(people, release, shop.staging)  # nobody is there yet to call the tool
    with held("SELECT 1 FROM deployments_deployment WHERE id = %s FOR NO KEY UPDATE", deployment.pk):
        processes.start()
        processes.until(tool.runs)  # it was called; the worker waits to note that down
        assert Run.objects.get(deployment=deployment).state == "claimed"
        processes.kill_worker()
    assert Run.objects.get(deployment=deployment).state == "claimed"

    processes.start()
    processes.until(lambda: Run.objects.get(deployment=deployment).state == "running")
    tool.let_through()

    processes.until_state(deployment, "succeeded")
    assert tool.runs() == [f"{deployment.key}-1-1"]
    run = Run.objects.get(deployment=deployment)
    assert list(Event.objects.filter(stream=stream_of(run)).values_list("name", flat=True)) == [
        "run.started",
        "run.ended",
    ]
    assert [line.text for line in run.lines.all()] == ["[ 50%] appended", "[100%] let through"]


def test_a_broker_killed_in_mid_deployment_that_comes_back_empty_loses_nothing(slipway, people, shop, tool, broker):
    release = story.ready(people, shop, "4.7.2", "v4.7.2")
    deployment = story.deploy(people, release, shop.staging)
    slipway.until(tool.runs)
    broker.kill()

    # people go on working meanwhile: the doors do not need the broker
    tool.let_through()
    releases.comment(release.pk, actor=people.manager, text="Is anybody else's page slow?")
    releases.block_release(release.pk, actor=people.operations, reason="The queue is gone.")
    waiting = deliveries("notifications.tell", "release.blocked").get()
    assert waiting.state == "waiting"
    assert not broker.answers

    broker.start_empty()

    slipway.until_state(deployment, "succeeded", patience_s=40)
    slipway.until_settled(patience_s=40)
    assert tool.runs() == [f"{deployment.key}-1-1"]
    told = Notification.objects.filter(kind="blocked").values_list("recipient__username", flat=True)
    assert sorted(told) == ["ines", "mateus"]
    assert Event.objects.filter(stream=stream_of(deployment), name="deployment.succeeded").count() == 1


def test_a_deployment_started_while_the_broker_is_down_begins_when_it_is_back(slipway, people, shop, tool, broker):
    release = story.ready(people, shop, "4.7.2", "v4.7.2")
    tool.let_through()
    broker.kill()

    deployment = deployments.deploy(release.pk, shop.staging.pk, actor=people.deployer)
    assert deployment.state == "running"
    assert tool.runs() == []

    broker.start_empty()

    slipway.until_state(deployment, "succeeded", patience_s=40)
    assert len(tool.runs()) == 1


def test_a_worker_that_has_its_hands_full_outlives_a_broker_that_dies(slipway, people, shop, broker):
    with held("LOCK TABLE deployments_run IN ACCESS EXCLUSIVE MODE"):
        slipway.until(lambda: broker.taken() >= 4, patience_s=60)  # more than there are hands
        broker.kill()
        broker.start_empty()

    release = story.draft(people, shop, "4.7.2", "patch")
    releases.block_release(release.pk, actor=people.operations, reason="The queue is gone.")

    slipway.until_settled(patience_s=40)
    assert slipway.worker.alive, slipway.worker.last_lines(20)
