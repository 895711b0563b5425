"""Forms of deployments."""

from deployments.forms.deployment import ConfirmationForm, DeploymentFilters, ScheduleForm
from deployments.forms.hook import HookForm, LinesField, config_fields
from deployments.forms.verification import VerificationForm

__all__ = [
    "ConfirmationForm",
    "DeploymentFilters",
    "HookForm",
    "LinesField",
    "ScheduleForm",
    "VerificationForm",
    "config_fields",
]
