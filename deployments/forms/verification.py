"""The form of when it is looked, how often and for how long."""

from django import forms

from deployments.models import Verification


class VerificationForm(forms.ModelForm):
    class Meta:
        model = Verification
        fields = ["path", "version_path", "delay_s", "interval_s", "steady_s", "timeout_s"]
        labels = {
            "delay_s": "First look after, seconds",
            "interval_s": "A look every, seconds",
            "steady_s": "Steady for, seconds",
            "timeout_s": "At most, seconds",
        }
        help_texts = {
            "path": "Below the environment's address; it must answer 2xx.",
            "version_path": "Below it too; its answer must name the version that was deployed. Empty: not asked.",
            "delay_s": "Time for the service to warm up.",
            "interval_s": "Every check is asked in each look.",
            "steady_s": "All checks well, without a break, for so long.",
            "timeout_s": "Then it has failed.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["interval_s"].min_value = 1
        self.fields["interval_s"].validators.append(forms.IntegerField(min_value=1).validators[0])
