"""The form of how an environment is verified."""

from django import forms

from deployments.models import Verification


class VerificationForm(forms.ModelForm):
    class Meta:
        model = Verification
        fields = ["path", "version_path", "steady_s", "timeout_s"]
        labels = {"steady_s": "Steady for, seconds", "timeout_s": "At most, seconds"}
