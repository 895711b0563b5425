"""Counterparts of tools, one file per driver, so that every driver meets the same faults.

Each file ends with `rig = …Rig` (a class, made per test with a temporary folder); `RIGS` finds them by the driver's name.
"""

import importlib
import pkgutil

from tests.deployments.rigs.base import Mood, Rig

RIGS: dict[str, type[Rig]] = {
    module.name: importlib.import_module(f"{__name__}.{module.name}").rig
    for module in pkgutil.iter_modules(__path__)
    if module.name != "base"
}

__all__ = ["RIGS", "Mood", "Rig"]
