"""The codes of refusals, as the tables of docs/refusals.md: `manage.py refusals` prints, `--write` puts them into the page."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from config import refusals

PAGE = Path(settings.BASE_DIR) / "docs" / "refusals.md"


class Command(BaseCommand):
    help = "The codes with which doors refuse and gates block, with what each says, as Markdown."

    def add_arguments(self, parser):
        parser.add_argument("--write", action="store_true", help="put them into docs/refusals.md")

    def handle(self, **options):
        if options["write"]:
            PAGE.write_text(refusals.page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            self.stdout.write(refusals.tables(), ending="")
