"""Print the process: each machine, its transitions, the rights they ask for and the gates that guard them."""

import json

from django.core.management.base import BaseCommand

from core import process


class Command(BaseCommand):
    help = "Print each machine with its transitions, rights and gates, with room and file."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args, **options):
        machines = process.describe()
        if options["json"]:
            self.stdout.write(json.dumps(machines, indent=2))
            return
        for machine in machines:
            self.stdout.write(f"\n{machine['label']} ({machine['machine']}), {machine['file']}")
            for step in machine["transitions"]:
                self.stdout.write(f"  {step['name']}: {', '.join(step['from'])} → {', '.join(step['to'])}")
                self.stdout.write(
                    f"      right: {step['right'] or 'the system'}{'; needs a reason' if step['reason'] else ''}"
                )
                for gate in step["gates"]:
                    self.stdout.write(f"      gate {gate['name']}: {gate['label']} ({gate['file']})")
