"""Forms of deployments."""

from deployments.forms.check import CheckForm
from deployments.forms.deployment import ConfirmationForm, DeploymentFilters, ScheduleForm
from deployments.forms.hook import HookForm, LinesField, config_fields
from deployments.forms.runbook import CopyForm, RunbookForm, StepForm
from deployments.forms.verification import VerificationForm

__all__ = [
    "CheckForm",
    "ConfirmationForm",
    "CopyForm",
    "DeploymentFilters",
    "HookForm",
    "LinesField",
    "RunbookForm",
    "ScheduleForm",
    "StepForm",
    "VerificationForm",
    "config_fields",
]
