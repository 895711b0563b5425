"""Hook drivers: how Slipway starts an organisation's own CI/CD tools and follows them. No models, no database.

A driver is one file here that ends with `driver = …`; its name is the file's. docs/drivers.md walks through a new one.
"""

import importlib
import pkgutil

from deployments.drivers.protocol import (
    BadCallback,
    Call,
    Driver,
    Handle,
    HookError,
    HookRefused,
    OutcomeUnknown,
    Progress,
    Unreachable,
)

NOT_NEEDED_TO_START = ("session", "supervise")


def found() -> dict[str, Driver]:
    """{name: driver} of every file of this folder that has one."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name not in NOT_NEEDED_TO_START]
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {name: module.driver for name, module in modules.items() if hasattr(module, "driver")}


DRIVERS: dict[str, Driver] = found()

__all__ = [
    "DRIVERS",
    "BadCallback",
    "Call",
    "Driver",
    "Handle",
    "HookError",
    "HookRefused",
    "OutcomeUnknown",
    "Progress",
    "Unreachable",
]
