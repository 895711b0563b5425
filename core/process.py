"""The process in data: what `manage.py process` prints and Settings → Process shows."""

import inspect
from pathlib import Path

from django.conf import settings

from core import gates
from core.machine import MACHINES, Step


def describe() -> list[dict]:
    """Every machine: {machine, label, file, transitions: [{name, label, from, to, right, reason, automatic, gates}]}."""
    return [
        {
            "machine": machine.name,
            "label": machine.label,
            "file": _file(machine.model) if machine.model else "",
            "transitions": [_step(step) for step in machine.steps.values()],
        }
        for machine in sorted(MACHINES.values(), key=lambda m: m.name)
    ]


def _step(step: Step) -> dict:
    answered = gates.registered(step.key)
    return {
        "name": step.name,
        "label": step.label,
        "from": list(step.sources),
        "to": list(step.targets),
        "right": step.right,
        "reason": step.reason,
        "automatic": step.automatic,
        "file": step.where,
        "gates": [
            {
                "name": name,
                "label": answered[name].label,
                "room": answered[name].find.__module__.split(".")[0],
                "file": _file(answered[name].find),
            }
            for name in step.gates
            if name in answered
        ],
    }


def _file(thing) -> str:
    path = Path(inspect.getsourcefile(thing))
    return f"{path.relative_to(settings.BASE_DIR)}:{inspect.getsourcelines(thing)[1]}"
