"""A whole Slipway for a story: real servers, a worker and a beat as processes, people, and a service that really runs."""

import shutil
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
import redis
from django.conf import settings as django_settings

from config.embedded import children, places
from config.management.commands import run
from core import events
from core.models import Delivery
from core.states import DeliveryState
from tests.config.running import free_port
from tests.factories import approvals
from tests.journeys import cast
from tests.journeys import settings as impatient

_numbers = count(1)


class Slipway:
    """The processes that work on the test's database, started as `manage.py run` starts them. `environment` is theirs."""

    def __init__(self, environment: dict[str, str], settings: str = "tests.journeys.settings"):
        self.environment = environment | {"DJANGO_SETTINGS_MODULE": settings}
        self.worker = self.beat = self.web = None

    def start(self) -> None:
        """Start what does not run, and do not wait for it: the story goes on, and what it queues is taken up in time."""
        place = places.of(django_settings.VAR_DIR)
        places.make(place.run, mode=0o711)
        if self.worker is None or not self.worker.alive:
            self.worker = self._spawn("worker", run.worker())
        if self.beat is None or not self.beat.alive:
            self.beat = self._spawn("beat", run.beat(place))

    def serve(self) -> str:
        """Start the web server and give its address once it answers."""
        address = self.start_serving()
        self.until_it_serves(address)
        return address

    def start_serving(self) -> str:
        """Start the web server and give its address. It answers a little later."""
        port = free_port()
        self.web = self._spawn("web", run.web("127.0.0.1", port))
        return f"http://127.0.0.1:{port}"

    def until_it_serves(self, address: str) -> None:
        self.until(lambda: answers(f"{address}/ready"), patience_s=60)

    def _spawn(self, name: str, argv: list[str]) -> children.Child:
        log = Path(django_settings.VAR_DIR) / "log" / f"{name}-{next(_numbers)}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        return children.spawn(name, argv, log=log, env=self.environment, cwd=django_settings.BASE_DIR)

    def kill_worker(self) -> None:
        """As a machine that loses its power: nothing is finished, nothing is said."""
        kill([self.worker])

    def kill_beat(self) -> None:
        kill([self.beat])

    def stop(self) -> None:
        """At once: a polite stop waits seconds for connections and tasks that are of no interest any more."""
        kill([child for child in (self.web, self.beat, self.worker) if child])

    def until(self, true: Callable[[], object], patience_s: float = 30):
        """Wait until `true()` is, and return it. The processes do the work meanwhile; their last words are shown if they do not."""
        until, looked_at = time.monotonic() + patience_s, time.process_time()
        while not (found := true()):
            if time.monotonic() > until:
                pytest.fail(f"It did not come to pass within {patience_s} s.\n{self._last_words()}", pytrace=False)
            # They need the machine more than who watches them: a look that costs much is taken less often.
            time.sleep(0.05 + 3 * (time.process_time() - looked_at))
            looked_at = time.process_time()
        return found

    def _last_words(self) -> str:
        """What each process said last, and whether it still lives."""
        started = [child for child in (self.worker, self.beat, self.web) if child]
        said = [f"{c.name} ({'alive' if c.alive else 'dead'}) said last:\n{c.last_lines(40)}" for c in started]
        return "\n".join(said) or "Nothing was started."

    def until_state(self, row, *states: str, patience_s: float = 30):
        """Wait until a row is in one of these states."""

        def reached():
            row.refresh_from_db()
            return row.state in states

        try:
            self.until(reached, patience_s)
        except pytest.fail.Exception as failure:
            pytest.fail(
                f"{row} is {row.state} ({getattr(row, 'detail', '')}), not {states}. {failure.msg}", pytrace=False
            )
        return row

    def until_settled(self, patience_s: float = 30) -> None:
        """Wait until every effect has been delivered, and none was given up."""
        open_ones = Delivery.objects.exclude(state=DeliveryState.DONE)
        try:
            self.until(lambda: not open_ones.exists(), patience_s)
        except pytest.fail.Exception as failure:
            left = list(open_ones.values_list("consumer", "event__name", "state", "attempts", "last_error"))
            pytest.fail(f"Deliveries are left: {left}. {failure.msg}", pytrace=False)


def kill(running: list[children.Child]) -> None:
    """Kill each with its whole group, and see all of them gone."""
    for child in running:
        children.end_group(child)
    for child in running:
        child.process.wait(10)


@pytest.fixture
def processes(server_environment) -> Iterator[Slipway]:
    """Slipway's processes, not started yet; stopped before the tables are emptied."""
    redis.from_url(django_settings.REDIS_URL).flushdb()
    shutil.rmtree(mail_folder(), ignore_errors=True)
    found = Slipway(server_environment)
    yield found
    found.stop()


@pytest.fixture
def slipway(processes) -> Slipway:
    processes.start()
    return processes


@pytest.fixture
def people(transactional_db, settings) -> SimpleNamespace:
    """Everybody, under the rules that a new installation starts with."""
    settings.HOOK_PROGRAMS = impatient.HOOK_PROGRAMS
    approvals.lay_down_first_rules()
    return cast.gather()


@pytest.fixture
def shop(people) -> Iterator[cast.Shop]:
    root = Path(django_settings.VAR_DIR) / "demo" / f"journey-{next(_numbers)}"
    opened = cast.open_shop(people.admin, root)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _the_record_holds(transactional_db) -> Iterator[None]:
    """Whatever a journey did, no event of it was lost, doubled or changed."""
    yield
    assert list(events.verify()) == []


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


def mail_folder() -> Path:
    return Path(django_settings.VAR_DIR) / "mail"
