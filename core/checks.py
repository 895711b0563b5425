"""System checks: Slipway does not start while a declared gate has no answer, or an answer no question."""

from django.core import checks

from core import gates
from core.machine import MACHINES


@checks.register("slipway")
def gates_are_answered(app_configs, **kwargs):
    declared = {step.key: set(step.gates) for machine in MACHINES.values() for step in machine.steps.values()}
    missing = [
        checks.Error(
            f"Nothing answers the gate {name} of {key}.",
            hint="Register it in the apps.py of the room that owns the fact.",
            id="slipway.E001",
        )
        for key, names in declared.items()
        for name in sorted(names - gates.registered(key).keys())
    ]
    unasked = [
        checks.Error(f"The gate {name} of {key} is answered but never asked.", id="slipway.E002")
        for key in gates.all_transitions()
        for name in sorted(gates.registered(key).keys() - declared.get(key, set()))
    ]
    return missing + unasked
