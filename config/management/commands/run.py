"""The whole of Slipway under one command: servers, web, worker and beat."""

import http.client
import logging
import multiprocessing
import os
import time
import traceback
from contextlib import suppress

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from config import demonstration, ports
from config.demonstration import ship
from config.embedded import children, places, servers
from config.embedded.lock import AlreadyRunning, RunLock
from config.embedded.postgres import DidNotStart
from config.supervisor import ServerEnded, Signals, StaysSilent, Stopped, Supervisor, python

ALREADY_RUNNING = 3
WEB_WORKERS, WEB_THREADS, TASKS_AT_ONCE = "2", "4", "4"
START_S = 90


class Command(BaseCommand):
    help = "Start everything and keep it running until Ctrl-C: servers where none are named, web, worker and beat."
    requires_system_checks = []

    def handle(self, *args, **options):
        logging.getLogger().setLevel(logging.WARNING)  # the console is for the person who watches
        self.signals = Signals()
        self.signals.listen()
        if os.environ.get("MAKELEVEL"):  # a killed `make run` must not leave us behind, holding the folder
            children.end_with_parent()
        self.places = places.of(settings.VAR_DIR)
        self.supervisor = Supervisor(self.places, self.signals, self.say, cwd=settings.BASE_DIR)
        self.lock = None
        try:
            self.run()
        except Stopped:
            self.say("Stopping …")
        except (ServerEnded, StaysSilent) as problem:
            raise CommandError(str(problem)) from problem
        finally:
            self.signals.told = True  # whatever comes now, the stop runs to its end
            self.stop()

    def run(self) -> None:
        began = time.monotonic()
        self.take_the_folder()
        self.require_a_free_port()
        self.start_servers()
        self.prepare_the_database()
        self.start_programs()
        self.lock.say(self.address)
        self.greet(time.monotonic() - began)
        self.supervisor.watch()

    def take_the_folder(self) -> None:
        try:
            self.places.prepare()
            lock = RunLock(self.places.run / "lock")
            lock.acquire()
        except AlreadyRunning as running:
            pid, _, where = running.holder.partition(" ")
            raise CommandError(
                f"Slipway already runs in this folder: process {pid}{where and ', ' + where}. "
                f"Stop that one first: Ctrl-C there, or kill {pid}.",
                returncode=ALREADY_RUNNING,
            ) from None
        except PermissionError as problem:
            raise CommandError(
                f"{problem}. {self.places.var} belongs to another user: run Slipway as that user, remove the folder, "
                "or set SLIPWAY_VAR_DIR to another one."
            ) from problem
        self.lock = lock
        if left := children.end_leftovers(self.places.run / "children"):
            self.say(f"Ended what a killed run had left: {', '.join(left)}.")

    def require_a_free_port(self) -> None:
        host, port = settings.BIND, settings.PORT
        try:
            free = ports.is_free(host, port)
        except (OSError, OverflowError) as problem:
            raise CommandError(f"Slipway cannot serve at {host}, port {port}: {problem}") from problem
        if not free:
            who = ports.holder(port) or "another program"
            raise CommandError(
                f"Port {port} is taken by {who}. Stop it, or choose another port: PORT={port + 1} make run"
            )

    def start_servers(self) -> None:
        if not (settings.EMBEDDED_DATABASE or settings.EMBEDDED_BROKER):
            return
        self.say(f"Starting embedded servers (for evaluation and development) in {self.places.home} …")
        try:
            started = servers.start(self.places, database=settings.EMBEDDED_DATABASE, broker=settings.EMBEDDED_BROKER)
        except (DidNotStart, OSError) as problem:
            raise CommandError(str(problem)) from problem
        self.supervisor.take(started)

    def prepare_the_database(self) -> None:
        self.check()
        self.say("Preparing the database …")
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as problem:
            raise CommandError(f"The database does not answer: {problem}") from problem
        if settings.DEMONSTRATION:
            self.load_the_demonstration()

    def load_the_demonstration(self) -> None:
        try:
            call_command("demo", if_empty=True)
            ship.up()
        except Exception:  # the portal is of use without its demonstration
            log = self.places.log / "demonstration.log"
            log.write_text(traceback.format_exc())
            self.say(f"The demonstration could not be loaded, or not wholly; Slipway starts without. See {log}")

    def start_programs(self) -> None:
        """The web server first and alone: a machine with two cores shows the first page sooner."""
        site = self.supervisor.start("web", web(settings.BIND, settings.PORT))
        self.supervisor.wait_until(self.web_answers, site, patience_s=START_S)
        self.supervisor.start("worker", worker())
        self.supervisor.start("beat", beat(self.places))

    def web_answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, settings.PORT, timeout=2)
        try:
            connection.request("GET", "/live", headers={"Host": "localhost"})
            return connection.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def greet(self, took_s: float) -> None:
        self.say(f"\nSlipway runs at {self.address}  (ready after {took_s:.1f} s)")
        for line in demonstration.sign_ins() if settings.DEMONSTRATION else []:
            self.say(f"  {line}")
        self.say(f"  Logs: {self.places.log}    Ctrl-C stops everything.")
        connections.close_all()  # from here on this process only watches

    def stop(self) -> None:
        if self.lock is None:
            return
        self.lock.say(self.lock.STOPPING)
        self.supervisor.stop(before_the_servers=self.ship_down)
        self.places.tidy()
        self.lock.release()

    def ship_down(self) -> None:
        if settings.DEMONSTRATION:
            try:
                ship.down()
            except Exception as problem:  # nothing of the demonstration may keep the servers running
                self.say(f"The demonstration's services did not stop: {problem}")

    @property
    def host(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.BIND, settings.BIND)  # noqa: S104

    @property
    def address(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{settings.PORT}"

    def say(self, line: str) -> None:
        with suppress(OSError):  # a closed terminal must not keep us from stopping
            self.stdout.write(line)
            self.stdout.flush()


def web(host: str, port: int) -> list[str]:
    return python(
        *("-m", "gunicorn", "config.wsgi", "--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"),
        *("--worker-class", "gthread", "--workers", WEB_WORKERS, "--threads", WEB_THREADS),
        *("--preload", "--graceful-timeout", "3", "--timeout", "60", "--no-control-socket"),
    )


def worker() -> list[str]:
    pool = "prefork" if semaphores_work() else "threads"
    return python(
        *("-m", "celery", "-A", "config", "worker", "-P", pool, "-c", TASKS_AT_ONCE, "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle"),
    )


def beat(place: places.Places) -> list[str]:
    """Its note of last times is of no use after a stop, and unreadable after a kill: it begins with an empty one."""
    for old in place.run.glob("beat*"):
        old.unlink()
    return python(
        "-m", "celery", "-A", "config", "beat", "--schedule", str(place.run / "beat"), "--loglevel", "WARNING"
    )


def semaphores_work() -> bool:
    """Celery's pool of processes needs them, and they need a /dev/shm, which some containers lack."""
    try:
        multiprocessing.Lock()
    except OSError:
        return False
    return True
