"""Forms of deployments."""

from deployments.forms.deployment import DeploymentFilters, ScheduleForm
from deployments.forms.hook import HookForm, LinesField, config_fields
from deployments.forms.verification import VerificationForm

__all__ = ["DeploymentFilters", "HookForm", "LinesField", "ScheduleForm", "VerificationForm", "config_fields"]
