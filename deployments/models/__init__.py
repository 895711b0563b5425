"""How it ships."""

from deployments.models.booking import Booking, Standstill
from deployments.models.deployment import Deployment
from deployments.models.hook import Hook
from deployments.models.run import LogLine, Run
from deployments.models.runbook import Runbook, RunbookStep
from deployments.models.sighting import Health, Sighting
from deployments.models.verification import Check, Sample, Statement, Verification

__all__ = [
    "Booking",
    "Check",
    "Deployment",
    "Health",
    "Hook",
    "LogLine",
    "Run",
    "Runbook",
    "RunbookStep",
    "Sample",
    "Sighting",
    "Standstill",
    "Statement",
    "Verification",
]
