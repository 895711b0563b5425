"""How it ships."""

from deployments.models.deployment import Deployment, Sample, Verification
from deployments.models.hook import Hook
from deployments.models.run import LogLine, Run

__all__ = ["Deployment", "Hook", "LogLine", "Run", "Sample", "Verification"]
