"""Load the demonstration portfolio."""

from django.core.management.base import BaseCommand, CommandError

from config.demonstration import load


class Command(BaseCommand):
    help = "Load the demonstration: Northquay, its people, and one release in each stage. Only into an empty database."

    def add_arguments(self, parser):
        parser.add_argument("--if-empty", action="store_true", help="say nothing when there is something already")

    def handle(self, *args, if_empty: bool, **options):
        if not load.is_empty():
            if not if_empty:
                raise CommandError(
                    "There are people or products already; the demonstration only goes into an empty database."
                )
            return
        self.stdout.write("Loading the demonstration …")
        self.stdout.write(f"Loaded: {load.load()} events.")
