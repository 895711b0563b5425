"""Prove that no event was changed, dropped or reordered."""

from django.core.management.base import BaseCommand

from core import events
from core.models import Event


class Command(BaseCommand):
    help = "Check the digests of every event, head and checkpoint. Exit status 1 names the first broken one."

    def handle(self, *args, **options):
        broken = next(events.verify(), None)
        if broken:
            self.stderr.write(f"Broken: {broken.where}: {broken.what}")
            raise SystemExit(1)
        self.stdout.write(f"{Event.objects.count()} events verified.")
