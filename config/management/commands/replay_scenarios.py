"""Replay scenario tables of approvals from a folder."""

from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from config import scenarios
from config.scenarios import manual, scratch


class Command(BaseCommand):
    help = (
        "Play every scenario of a folder through the real doors, in a database made for it and dropped again, and say which came "
        "out as they say. Exit code 1 when one did not. The format: docs/scenarios.md."
    )

    started = False  # whether this process has started the servers: it does so once

    def add_arguments(self, parser):
        parser.add_argument("folder", nargs="?", type=Path, help="where the scenarios are, *.yaml")
        parser.add_argument("--only", metavar="TEXT", default="", help="those whose title or file name holds this text")
        parser.add_argument("--vocabulary", action="store_true", help="print what scenarios may say, and end")

    def handle(self, *args, folder: Path | None, only: str, vocabulary: bool, **options):
        if vocabulary:
            self.stdout.write(manual.vocabulary())
            return
        if folder is None:
            raise CommandError("Name the folder with the scenarios.")
        found = self._read(folder, only)
        if self._servers_are_down():
            Command.started = True
            call_command("services", "replay_scenarios", str(folder), "--only", only)
            return
        self.stdout.write(f"Preparing a database for {len(found)} scenarios …")
        try:
            with scratch.database(), scenarios.Stage() as stage:
                results = [self._played(scenario, stage) for scenario in found]
        except scratch.NoScratch as error:
            raise CommandError(str(error)) from error
        failed = sum(not result.passed for result in results)
        self.stdout.write(f"{len(results) - failed} passed, {failed} failed.")
        if failed:
            raise SystemExit(1)

    def _servers_are_down(self) -> bool:
        """Whether the embedded servers are those to use and do not run: then they run for this command alone."""
        if not settings.EMBEDDED_DATABASE or Command.started:
            return False
        try:
            connection.ensure_connection()
        except OperationalError:
            return True
        return False

    def _read(self, folder: Path, only: str) -> list[scenarios.Scenario]:
        try:
            found = scenarios.read_folder(folder)
        except scenarios.Unreadable as error:
            raise CommandError(str(error)) from error
        found = [s for s in found if only.lower() in f"{s.file.name}: {s.title}".lower()]
        if not found:
            raise CommandError(f"No scenario in {folder} holds “{only}” in its title or file name.")
        return found

    def _played(self, scenario: scenarios.Scenario, stage: scenarios.Stage) -> scenarios.Result:
        result = scenarios.replay(scenario, stage)
        word = self.style.SUCCESS("pass") if result.passed else self.style.ERROR("FAIL")
        self.stdout.write(f"{word}  {result.seconds:6.2f} s  {scenario}")
        for problem in result.problems:
            self.stdout.write(f"{'':14}{problem}")
        return result
