"""Start the embedded servers alone, for work at the command line."""

import signal
import time

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.demonstration import ship
from config.embedded import children, places, servers
from config.embedded.lock import AlreadyRunning, RunLock
from config.embedded.postgres import DidNotStart


class Command(BaseCommand):
    help = (
        "Start the embedded servers until Ctrl-C, or only for one command: `services migrate`. "
        "Where they run already, the command just uses them."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("command", nargs="...", help="a management command and its arguments")

    def handle(self, *args, command, **options):
        try:
            started = self.start()
        except AlreadyRunning as running:
            if not command:
                raise CommandError(f"They run already: process {running.holder}.", returncode=3) from None
            started = []
        except (DidNotStart, OSError, LookupError) as problem:
            raise CommandError(str(problem)) from problem
        try:
            call_command(*command) if command else self.wait(started)
        finally:
            if started:
                ship.down()  # a demonstration loaded just now has started some
                children.stop(started)
                places.of(settings.VAR_DIR).tidy()

    def start(self) -> list[children.Child]:
        place = places.of(settings.VAR_DIR)
        place.prepare()
        self.lock = RunLock(place.run / "lock")  # held until this process ends
        self.lock.acquire()
        children.end_leftovers(place.run / "children")
        started = servers.start(place, database=settings.EMBEDDED_DATABASE, broker=settings.EMBEDDED_BROKER)
        children.write_down(place.run / "children", started)
        return started

    def wait(self, started: list[children.Child]) -> None:
        if not started:
            raise CommandError("DATABASE_URL and REDIS_URL name other servers: there is nothing to start.")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.stdout.write(f"{' and '.join(child.name for child in started)} run until Ctrl-C.")
        try:
            while all(child.alive for child in started):
                time.sleep(0.5)
        except KeyboardInterrupt:
            return
        raise CommandError("A server ended; see " + str(places.of(settings.VAR_DIR).log))
