"""Hook drivers: how Slipway starts an organisation's own CI/CD tools and follows them. No models, no database."""

from deployments.drivers.command import CommandDriver
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
from deployments.drivers.webhook import HttpDriver

DRIVERS: dict[str, Driver] = {"command": CommandDriver(), "http": HttpDriver()}

__all__ = [
    "DRIVERS",
    "BadCallback",
    "Call",
    "CommandDriver",
    "Driver",
    "Handle",
    "HookError",
    "HookRefused",
    "HttpDriver",
    "OutcomeUnknown",
    "Progress",
    "Unreachable",
]
